"""Films that come and go one by one: written in whole or in part, deleted; what names a version."""

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Annotated, Any, Literal

import numpy as np
import sqlalchemy
import structlog
from pydantic import AfterValidator, Field, field_validator

from ingest.embedding_sets import MOST_NUMBERS
from ingest.embeddings import embed_films
from ingest.fields import (
    FIRST_YEAR,
    LAST_YEAR,
    LONGEST_FILM,
    LONGEST_TEXT,
    MOST_VALUES,
    NO_TEXT,
    FieldError,
    check_own,
    parse_address,
    quote,
)
from palate.contract import LARGEST_ID, Frozen, Movie
from palate.embedder import Embedder, plain_name
from palate.errors import MisuseError, NotFoundError, PalateError
from palate.statements import Statements
from sql.database import Database
from sql.own_fields import Type, read_types

statements = Statements.beside(__file__, "catalog")

_log = structlog.get_logger(__name__)

Outcome = Literal["created", "updated", "unchanged", "deleted", "accepted", "known", "refused"]
_LONGEST_NAME = 1000


def _plain(text: str) -> str:
    """``text``, unless PostgreSQL cannot hold it."""
    if NO_TEXT.search(text):
        raise ValueError("it has characters that are no text")
    return text.strip()


_Text = Annotated[str, Field(max_length=LONGEST_TEXT), AfterValidator(_plain)]
_Name = Annotated[str, Field(max_length=_LONGEST_NAME), AfterValidator(_plain)]


def _once(names: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Each name once, as files of films are read; none of them is empty."""
    return None if names is None else tuple(dict.fromkeys(name for name in names if name))


def _address(text: str | None) -> str | None:
    """An address that a page may show, none for an empty one."""
    try:
        return parse_address(text, "poster_url") if text else None
    except FieldError as error:
        raise ValueError(error.reason) from error


_Names = Annotated[tuple[_Name, ...] | None, Field(max_length=MOST_VALUES), AfterValidator(_once)]
_Money = Annotated[int, Field(ge=0, le=2**63 - 1)]
_Number = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]


class FilmFacts(Frozen):
    """What may be written of a film. In a change, what is left out stays and null clears."""

    title: _Name | None = Field(None, description="Its title; a new film needs one.")
    original_title: _Name | None = Field(None, description="In its own language.")
    year: int | None = Field(None, ge=FIRST_YEAR, le=LAST_YEAR, description="Year of release.")
    imdb_id: _Name | None = Field(None, description="Its id at IMDb.")
    tmdb_id: int | None = Field(None, ge=0, le=LARGEST_ID, description="Its id at TMDB.")
    genres: _Names = Field((), description="Its genres.")
    overview: _Text | None = Field(None, description="What happens, in a few sentences.")
    runtime_minutes: int | None = Field(None, ge=1, le=LONGEST_FILM, description="In minutes.")
    release_date: date | None = Field(None, description="ISO 8601.")
    director: _Name | None = Field(None, description="Who directed it.")
    actors: _Names = Field((), description="Who plays, the leads first.")
    keywords: _Names = Field((), description="What it is about.")
    budget: _Money | None = Field(None, description="In US dollars of its year.")
    revenue: _Money | None = Field(None, description="In US dollars of its year.")
    poster_url: Annotated[_Name | None, AfterValidator(_address)] = Field(
        None, description="Address of its poster, http or https."
    )
    own: dict[str, Any] | None = Field(
        None,
        description="Your own fields by name; in a change those that it does not name stay, and "
        "null clears.",
    )
    embedding: Annotated[tuple[_Number, ...], Field(min_length=1, max_length=MOST_NUMBERS)] | (
        None
    ) = Field(
        None,
        description="Text embedding by the model that embedded the catalog. Left out: made from "
        "the texts, where the encoder is installed.",
    )

    @field_validator("embedding")
    @classmethod
    def _of_length_one(cls, vector: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if vector is None:
            return None
        length = float(np.linalg.norm(vector))
        if not length > 0 or not np.isfinite(length):
            raise ValueError("a vector of zeros points nowhere")
        return tuple(float(np.float32(number / length)) for number in vector)

    @field_validator("title")
    @classmethod
    def _says_something(cls, title: str | None) -> str | None:
        if not title:
            raise ValueError("a film has a title")
        return title


_VERSIONED = tuple(name for name in FilmFacts.model_fields if name != "embedding")


class NewFilm(FilmFacts):
    """All of a film: what is left out is empty."""

    title: _Name = Field(min_length=1, description="Its title.")


class Deleted(Frozen):
    """What went with a film."""

    movie_id: int
    history: Literal["kept", "erased"] = Field(
        description="Whether what people said of the film waits for it to come back, or is gone."
    )
    ratings: int
    events: int
    tags: int


def version_of(film: Movie | Mapping[str, Any]) -> str:
    """What names a version of a film: other facts, another name. Ratings change it not."""
    facts = film.model_dump() if isinstance(film, Movie) else film
    told = [list(v) if isinstance(v := facts[name], tuple) else v for name in _VERSIONED]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]


def own_of(facts: FilmFacts, types: Mapping[str, Type], *, whole: bool) -> dict[str, object]:
    """What is to be set in fields of one's own; None clears. Raises FieldError, a ValueError."""
    sent = facts.own or {}
    if unknown := sent.keys() - types.keys():
        known = ", ".join(types) or "none; `palate fields add` makes one"
        raise FieldError("own", f"there is no field {quote(min(unknown))} of one's own ({known})")
    checked = {name: check_own(value, f"own.{name}", types[name]) for name, value in sent.items()}
    cleared = types if whole or facts.own is None else ()
    return {**dict.fromkeys(cleared), **checked}


def write_movie(
    database: Database,
    movie_id: int | str,
    facts: FilmFacts,
    *,
    whole: bool,
    check: Callable[[str | None], None] = lambda _: None,
    embed: Callable[[Sequence[int]], None] = lambda _: None,
) -> tuple[int, Outcome]:
    """Write one film: all of it, or what ``facts`` names; its number. The next search finds it.

    ``check`` gets the version that is there, None where there is none, and may raise; ``embed``
    gets a film whose vector is to be made. Raises NotFoundError for a change of no film and
    MisuseError for a new film without a title.
    """
    if whole and facts.title is None:
        raise MisuseError("A film needs a title. Nothing was changed. Give title.")
    given = facts.model_dump(mode="json", exclude_unset=not whole)
    if whole and facts.embedding is None:
        del given["embedding"]  # the vector follows the texts
    if whole or "own" in given:
        try:
            given["own"] = own_of(facts, read_types(database), whole=whole)
        except FieldError as error:
            raise MisuseError(f"{error}. Nothing was changed.") from error
    with database.begin() as connection:
        is_there = _lock(connection, movie_id, check)
        if not is_there and not whole:
            raise NotFoundError(f"There is no film {movie_id}. Nothing was changed. PUT makes one.")
        ((number, outcome),) = write_films(connection, [(movie_id, given)])
    if outcome != "unchanged" and "embedding" not in given:
        embed([number])
    return number, outcome


def _lock(
    connection: sqlalchemy.Connection, movie_id: int | str, check: Callable[[str | None], None]
) -> bool:
    """Let nobody else write a film, and have its version checked; whether it is there."""
    found = connection.execute(statements["lock_movie"], {"id": str(movie_id)}).mappings().first()
    check(None if found is None else version_of(dict(found)))
    return found is not None


def write_films(
    connection: sqlalchemy.Connection, films: Sequence[tuple[int | str, Mapping[str, Any]]]
) -> list[tuple[int, Outcome]]:
    """Write films, none twice; the number of each, and what became of it."""
    body = [{"movie_id": movie_id, **facts} for movie_id, facts in films]
    rows = connection.execute(statements["write_movies"], {"films": json.dumps(body)})
    return [(row.movie_id, row.outcome) for row in rows]


def delete_movie(
    database: Database,
    movie_id: int | str,
    *,
    keep: bool,
    check: Callable[[str | None], None] = lambda _: None,
) -> Deleted:
    """Delete a film; ``keep`` what people said of it until it comes back. Raises NotFoundError."""
    with database.begin() as connection:
        _lock(connection, movie_id, check)
        gone = delete_film(connection, movie_id, keep=keep)
    if gone is None:
        raise NotFoundError(f"There is no film {movie_id}. Nothing was changed.")
    return gone


def delete_film(
    connection: sqlalchemy.Connection, movie_id: int | str, *, keep: bool
) -> Deleted | None:
    """The same within a transaction; None where there is no such film."""
    asked = {"id": str(movie_id), "keep": keep}
    row = connection.execute(statements["delete_movie"], asked).one()
    if not row.was_there:
        return None
    return Deleted(
        movie_id=row.movie_id, history="kept" if keep else "erased", ratings=row.ratings,
        events=row.events, tags=row.tags,
    )  # fmt: skip


class VectorMaker:
    """Embeds the texts of films behind whoever wrote them: nobody waits for the encoder."""

    def __init__(self, database: Database, encoder: Callable[[], Embedder]) -> None:
        self._database, self._encoder = database, encoder
        self._pool = ThreadPoolExecutor(1, "vectors")

    def __call__(self, movie_ids: Sequence[int]) -> None:
        """Embed these films soon."""
        if movie_ids:
            self._pool.submit(self._make, movie_ids)

    def stop(self) -> None:
        """Finish what runs, and no more."""
        self._pool.shutdown(cancel_futures=True)

    def _make(self, movie_ids: Sequence[int]) -> None:
        try:
            make_vectors(self._database, movie_ids, self._encoder)
        except Exception:
            _log.exception("vectors_not_made", films=len(movie_ids))


def make_vectors(
    database: Database, movie_ids: Collection[int], encoder: Callable[[], Embedder]
) -> int:
    """Embed the texts of films by the model that embedded the catalog; returns how many.

    None are made where that model is not at hand: text finds the films all the same.
    """
    with database.read() as connection:
        stored = connection.execute(statements["embedding_model"]).scalar()
        asked = {"movie_ids": list(movie_ids)}
        films = connection.execute(statements["film_texts"], asked).all()
    if stored is None or plain_name(stored) != plain_name(database.settings.embedding_model):
        return 0
    try:
        vectors = embed_films(encoder(), films)
    except PalateError:
        return 0
    written = {
        "model": stored,
        "movie_ids": [film.movie_id for film in films],
        "embeddings": [json.dumps([round(float(n), 7) for n in vector]) for vector in vectors],
    }
    with database.begin() as connection:
        return int(connection.execute(statements["write_vectors"], written).rowcount)
