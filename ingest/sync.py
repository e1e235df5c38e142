"""What other services know of the catalog's films: facts from TMDB, where to watch from JustWatch.

Each film is one transaction, and the next run goes on with those that were not asked about lately.
What is here already stays: facts fill what is empty, and rows of the operator are not touched.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from pydantic import SecretStr, ValidationError
from sqlalchemy import Connection

from ingest.catalog import FilmFacts, write_films
from ingest.catalog import statements as catalog
from ingest.polite import PoliteClient
from palate.errors import MisuseError
from palate.settings import Settings
from palate.statements import Statements
from sql.database import Database

Service = Literal["tmdb", "justwatch"]

_statements = Statements.beside(__file__, "sync")
_POSTERS = "https://image.tmdb.org/t/p/w500"
_ACTORS = 10
_CHEAPEST_FIRST = ("flatrate", "free", "ads", "rent", "buy")


@dataclass(frozen=True)
class Synced:
    """What one run did."""

    service: Service
    locale: str
    asked: int
    changed: int
    unknown: int


Tell = Callable[[str], None]


def sync_tmdb(
    database: Database, *, days: int = 30, limit: int | None = None, tell: Tell = lambda _: None
) -> Synced:
    """Fill what is empty of films that have an id of TMDB's or IMDb's, in the first locale.

    Films asked about in the last ``days`` are not asked about again. Raises MisuseError without a
    key, and SyncError.
    """
    client, locale = tmdb_client(database.settings), database.settings.sync_locales[0]
    with closing(client):

        def ask(film: Mapping[str, Any]) -> FilmFacts | None:
            tmdb_id = film["tmdb_id"] or _find_tmdb_id(client, film["imdb_id"])
            if tmdb_id is None:
                return None
            told = client.get(f"movie/{tmdb_id}", append_to_response="credits,keywords")
            return None if told is None else read_facts(told)

        return _sync(database, "tmdb", locale, ask, _fill, days=days, limit=limit, tell=tell)


def tmdb_client(settings: Settings, **politeness: Any) -> PoliteClient:
    """Who asks TMDB in the first locale; ``politeness`` as PoliteClient has it. Raises MisuseError
    without a key."""
    key = _key(settings.tmdb_api_key, "PALATE_TMDB_API_KEY")
    is_token = key.startswith("ey")  # a read access token, else one of the short keys
    language = {"language": settings.sync_locales[0].replace("_", "-")}
    return PoliteClient(
        "TMDB", settings.tmdb_url, "PALATE_TMDB_API_KEY", settings.sync_per_second,
        headers={"Authorization": f"Bearer {key}"} if is_token else None,
        parameters=language | ({} if is_token else {"api_key": key}), **politeness,
    )  # fmt: skip


def sync_justwatch(
    database: Database, *, days: int = 1, limit: int | None = None, tell: Tell = lambda _: None
) -> list[Synced]:
    """Say where films that have an id of TMDB's can be watched, in the country of each locale.

    Raises MisuseError without a token, and SyncError.
    """
    settings = database.settings
    token = {"token": _key(settings.justwatch_token, "PALATE_JUSTWATCH_TOKEN")}
    client = PoliteClient(
        "JustWatch", settings.justwatch_url, "PALATE_JUSTWATCH_TOKEN", settings.sync_per_second,
        parameters=token,
    )  # fmt: skip

    def ask(locale: str, services: Mapping[int, str], film: Mapping[str, Any]) -> Any:
        path = f"offers/object_type/movie/id_type/tmdb/locale/{locale}"
        told = client.get(path, id=str(film["tmdb_id"]))
        return None if told is None else read_offers(told, services)

    with closing(client):
        return [
            _sync(
                database, "justwatch", locale, partial(ask, locale, services), _put(locale[-2:]),
                days=days, limit=limit, tell=tell,
            )
            for locale in settings.sync_locales
            for services in (_services(client, locale, settings),)
        ]  # fmt: skip


def read_facts(told: Any) -> FilmFacts:
    """TMDB's answer about a film as facts of ours; what does not fit is left out."""
    movie = told if isinstance(told, dict) else {}
    people = movie.get("credits") or {}
    poster = movie.get("poster_path")
    read = {
        "tmdb_id": movie.get("id"),
        "imdb_id": movie.get("imdb_id"),
        "original_title": movie.get("original_title"),
        "overview": movie.get("overview"),
        "release_date": movie.get("release_date"),
        "runtime_minutes": movie.get("runtime"),
        "genres": list(_names(movie.get("genres"))),
        "keywords": list(_names((movie.get("keywords") or {}).get("keywords"))),
        "actors": list(_names(people.get("cast")))[:_ACTORS],
        "director": next(_names(people.get("crew"), job="Director"), None),
        "budget": movie.get("budget"),
        "revenue": movie.get("revenue"),
        "poster_url": f"{_POSTERS}{poster}" if isinstance(poster, str) else None,
    }
    there = {name: value for name, value in read.items() if value}
    while True:
        try:
            return FilmFacts.model_validate(there)
        except ValidationError as error:
            for wrong in error.errors():
                there.pop(str(wrong["loc"][0]), None)


def read_offers(told: Any, services: Mapping[int, str]) -> list[dict[str, str]]:
    """JustWatch's answer about a film as one address a service, the cheapest kind of offer."""
    offers = [each for each in (told or {}).get("offers") or [] if isinstance(each, dict)]
    offers.sort(key=lambda each: _rank(each.get("monetization_type")))
    found: dict[str, str] = {}
    for offer in offers:
        service = services.get(offer.get("provider_id", 0))
        url = (offer.get("urls") or {}).get("standard_web") or ""
        if service and url.startswith("https://") and len(url) <= 2000:
            found.setdefault(service, url)
    return [{"service": service, "url": url} for service, url in found.items()]


def _rank(kind: object) -> int:
    return _CHEAPEST_FIRST.index(kind) if kind in _CHEAPEST_FIRST else len(_CHEAPEST_FIRST)


def _names(people: Any, **with_: str) -> Iterator[str]:
    for each in people or []:
        if isinstance(each, dict) and all(each.get(k) == v for k, v in with_.items()):
            name = each.get("name")
            if isinstance(name, str) and name:
                yield name


def _find_tmdb_id(client: PoliteClient, imdb_id: str) -> int | None:
    number = imdb_id if imdb_id.startswith("tt") else f"tt{imdb_id.zfill(7)}"
    if not re.fullmatch("tt[0-9]{7,10}", number):
        return None
    told = client.get(f"find/{number}", external_source="imdb_id") or {}
    return next((each["id"] for each in told.get("movie_results") or []), None)


def _services(client: PoliteClient, locale: str, settings: Settings) -> dict[int, str]:
    """The services of a country that are wanted, by JustWatch's number of each."""
    told = client.get(f"providers/all/locale/{locale}") or []
    found = {
        each["id"]: re.sub("[^a-z0-9]+", "-", each["clear_name"].lower()).strip("-")[:40]
        for each in told
        if isinstance(each, dict) and each.get("clear_name") and "id" in each
    }
    wanted = settings.sync_services
    return {n: name for n, name in found.items() if name and (not wanted or name in wanted)}


Ask = Callable[[Mapping[str, Any]], Any]
Write = Callable[[Connection, int, Any], bool]


def _sync(
    database: Database, service: Service, locale: str, ask: Ask, write: Write, *,
    days: int, limit: int | None, tell: Tell,
) -> Synced:  # fmt: skip
    """Ask about every film that is due, and write what is told of it."""
    run = {"service": service, "locale": locale}
    with database.read() as connection:
        due = connection.execute(_statements["due"], run | {"days": days, "limit": limit})
        films = [dict(row) for row in due.mappings()]
    changed = unknown = 0
    for number, film in enumerate(films, 1):
        tell(f"{service} {locale}: {number:,} of {len(films):,}")
        told = ask(film)
        with database.begin() as connection:
            if told is None:
                unknown += 1
            else:
                changed += write(connection, film["movie_id"], told)
            connection.execute(_statements["done"], run | {"movie_id": film["movie_id"]})
    return Synced(service, locale, len(films), changed, unknown)


def _fill(connection: Connection, movie_id: int, facts: FilmFacts) -> bool:
    there = connection.execute(catalog["lock_movie"], {"id": str(movie_id)}).mappings().first()
    if there is None:
        return False
    told = facts.model_dump(mode="json", exclude_unset=True)
    empty = {name: value for name, value in told.items() if not there[name]}
    return bool(empty) and write_films(connection, [(movie_id, empty)]) == [(movie_id, "updated")]


def _put(country: str) -> Write:
    def put(connection: Connection, movie_id: int, offers: list[dict[str, str]]) -> bool:
        values = {"movie_id": movie_id, "country": country, "offers": json.dumps(offers)}
        return bool(connection.execute(_statements["put_offers"], values).scalar_one())

    return put


def _key(secret: SecretStr | None, name: str) -> str:
    if secret is None:
        raise MisuseError(f"There is no key for this service. Nothing was asked. Set {name}.")
    return secret.get_secret_value()
