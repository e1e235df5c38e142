"""Where films can be watched."""

from urllib.parse import urlsplit

from palate.errors import NotFoundError
from palate.statements import Statements
from sql.database import Database

_statements = Statements.beside(__file__, "availability")


def find_link(database: Database, movie_id: int, service: str, country: str) -> str:
    """The address of a film at a service of a country.

    Raises NotFoundError where none is known, or its host is not of ``watch_hosts``.
    """
    values = {"movie_id": movie_id, "service": service, "country": country}
    with database.read() as connection:
        url: str | None = connection.execute(_statements["link"], values).scalar()
    if url is None:
        raise NotFoundError(f"Film {movie_id} is not known to be at {service} in {country}.")
    if not is_listed(url, database.settings.watch_hosts):
        raise NotFoundError(
            f"The address of film {movie_id} at {service} is on a host that is not listed. Nobody "
            "is sent there. Its operator lists hosts in PALATE_WATCH_HOSTS."
        )
    return url


def is_listed(url: str, hosts: tuple[str, ...]) -> bool:
    """Whether an address is https, of a listed host or below one, and of nothing else.

    >>> is_listed("https://www.archive.org/details/x", ("archive.org",))
    True
    >>> is_listed("https://archive.org@evil.example/", ("archive.org",))
    False
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return False
    if parts.scheme != "https" or "@" in parts.netloc or "\\" in url or port not in (None, 443):
        return False
    return any(host == listed or host.endswith(f".{listed}") for listed in map(str.lower, hosts))
