"""Addresses of databases: read as libpq reads them, and shown without what is secret."""

import re
from urllib.parse import quote

import psycopg
import sqlalchemy
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo

from palate.errors import MisuseError

_DRIVER = "postgresql+psycopg"
_SCHEME = re.compile(r"([a-z][a-z0-9]*)(?:\+[a-z0-9]+)?://")
_FORMS = (
    "Nothing was done. It looks like postgresql://user:password@host:5432/palate, with every sign "
    "of a password but letters and digits as % and its number (@ is %40), or like "
    "'host=h1,h2 dbname=palate user=ann'; all that libpq knows is good."
)
SECRETS = frozenset(
    option.keyword.decode()
    for option in Conninfo.get_defaults()
    if option.dispchar == b"*" or option.keyword.startswith(b"scram_")
)
"""Parts of an address that libpq itself hides, and keys that stand for a password."""

_MAIN = ("user", "password", "host", "port", "dbname")


def parse(text: str) -> sqlalchemy.URL:
    """An address in any form of libpq's: a URL, of one server or several, or ``name=value``.

    Raises MisuseError, which quotes nothing: what cannot be read may hold a password anywhere.
    """
    scheme = _SCHEME.match(text)
    if scheme and scheme[1] not in ("postgresql", "postgres"):
        raise _wrong(f"names {scheme[1]!r}; Palate needs PostgreSQL")
    whole = f"postgresql://{text[scheme.end() :]}" if scheme else text
    if scheme and _is_torn(text[scheme.end() :]):
        raise _wrong("has an @ too many, or a / in its password")
    try:
        parts = {name: str(value) for name, value in conninfo_to_dict(whole).items()}
    except psycopg.ProgrammingError as error:
        unknown = re.match("invalid (URI query parameter|connection option)", str(error))
        raise _wrong(
            "has a parameter that libpq does not know" if unknown else "cannot be read"
        ) from None
    if "@" in parts.get("host", "") or not re.fullmatch("[0-9,]*", parts.get("port", "")):
        raise _wrong("has no host and port that can be read")
    return _as_url(parts)


def parts_of(url: sqlalchemy.URL) -> dict[str, str]:
    """An address as libpq's parameters."""
    main = (url.username, url.password, url.host, url.port, url.database)
    found = dict(zip(_MAIN, main, strict=True)) | dict(url.query)
    return {name: str(value) for name, value in found.items() if value is not None}


def render(url: sqlalchemy.URL) -> str:
    """An address as a URL that libpq reads, secrets included."""
    main = [quote(str(part or ""), safe="*") for part in (url.username, url.password, url.database)]
    (user, password, name), port = main, url.port or ""
    host = f"[{url.host}]" if ":" in (url.host or "") else url.host or ""
    login = f"{user}{':' * bool(password)}{password}{'@' * bool(user or password)}"
    rest = "&".join(f"{each}={quote(str(value), safe=',/')}" for each, value in url.query.items())
    return f"postgresql://{login}{host}{':' * bool(port)}{port}/{name}{'?' * bool(rest)}{rest}"


def show(url: sqlalchemy.URL) -> str:
    """An address as messages and logs say it: the only way that one is shown."""
    return render(_bare(url).set(password="***" if url.password else None))


def split_secrets(url: sqlalchemy.URL) -> tuple[str, dict[str, str]]:
    """An address for a program's arguments, which others can read, and its environment.

    libpq has no variable for what else is secret; a program then asks for it.
    """
    secrets = {"PGPASSWORD": str(url.password)} if url.password else {}
    return render(_bare(url)), secrets


def _wrong(what: str) -> MisuseError:
    return MisuseError(f"The address in PALATE_DATABASE_URL {what}. {_FORMS}")


def _is_torn(text: str) -> bool:
    """Whether libpq would end the password of a URL too soon, and take its tail for a host."""
    server, _, rest = text.partition("/")
    return server.count("@") > 1 or "@" in rest.partition("?")[0]


def _as_url(parts: dict[str, str]) -> sqlalchemy.URL:
    simple = re.fullmatch(r"[\w.:-]+", parts.get("host", "")) and "," not in parts.get("port", "")
    host, port = (parts.pop("host"), parts.pop("port", "")) if simple else (None, "")
    user, password, name = (parts.pop(each, None) for each in ("user", "password", "dbname"))
    number = int(port) if port else None
    return sqlalchemy.URL.create(_DRIVER, user, password, host, number, name, parts)


def _bare(url: sqlalchemy.URL) -> sqlalchemy.URL:
    return _as_url({name: part for name, part in parts_of(url).items() if name not in SECRETS})
