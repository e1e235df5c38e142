"""The catalog as a list: films that match, in an order that nobody's taste or words make."""

import json
import time
from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, WithJsonSchema
from sqlalchemy import Connection, text

from palate.contract import Direction, FilmFilters, Frozen, Movie, Sort
from palate.items import as_items
from palate.statements import Statements
from search.catalog import get_movies
from search.limits import Limits
from search.names import key, shorten
from search.plan import note_filters, read_filters
from search.query import parse
from sql.database import Database
from sql.syntax import All, And, Match, Node, Phrase, walk

_statements = Statements.beside(__file__, "catalog")
_names_of = Statements.beside(__file__, "names")

_MOST_GENRES = 50  # that a note names

Counted = Literal[
    "genres", "actors", "keywords", "director", "year", "decade", "sentiment", "budget_tier",
    "revenue_tier", "target_audience", "own",
]  # fmt: skip
Measured = Literal[
    "year", "runtime_minutes", "avg_rating", "rating_count", "budget", "revenue", "effectiveness"
]
_RISING = ("movie_id", "title")
_COLUMNS = {"title": "lower(m.title)", "popularity": "s.popularity"}
_NAMED = tuple(dict.fromkeys((*get_args(Counted), *get_args(Measured))))


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value


def _names(known: tuple[str, ...]) -> Any:
    """Names with commas between, as an address has them."""
    either = "|".join(known)
    return Annotated[
        tuple[Literal[known], ...] | None,  # type: ignore[valid-type]
        BeforeValidator(_split),
        WithJsonSchema({"type": "string", "pattern": f"^({either})(,({either}))*$"}),
    ]


class BrowseRequest(FilmFilters):
    """Which films, in which order, and what of them."""

    q: str | None = Field(
        None,
        max_length=2000,
        description="What they match, as in a search; without it all films.",
        examples=["director:nolan AND runtime_minutes:[90 TO 150]"],
    )
    sort: Sort = Field("movie_id", description="What orders them; what is not known stands last.")
    direction: Direction | None = Field(
        None, description="Left out: titles and ids rise, all else falls."
    )
    k: int = Field(50, ge=1, le=500, description="Films returned.")
    offset: int = Field(0, ge=0, le=1_000_000, description="Films skipped.")
    fields: _names(tuple(Movie.model_fields)) = Field(  # type: ignore[valid-type]
        None, description="What is told of each film, names with commas between; left out: all."
    )
    facets: _names(_NAMED) = Field(  # type: ignore[valid-type]
        None,
        description="Columns of which the values of all matching films are counted, or for numbers "
        "their range is told; names with commas between. own: your own fields that are facets.",
    )


class NumberRange(Frozen):
    """The numbers of one column."""

    films: int = Field(description="Films that have one.")
    least: float
    greatest: float
    mean: float


class MovieList(Frozen):
    """A page of the films that match."""

    total: int = Field(description="All films that match.")
    offset: int
    notes: tuple[str, ...] = Field(
        (), description="Where the query and the filters are read otherwise than they may be meant."
    )
    milliseconds: float = Field(description="What the database took.")
    movies: tuple[Annotated[dict[str, Any], WithJsonSchema({"type": "object"})], ...] = Field(
        description="Each with the fields of a film that were asked for."
    )
    facets: dict[str, dict[str, int]] | None = Field(
        None, description="Films a value, the 100 most frequent of each column."
    )
    ranges: dict[str, NumberRange] | None = Field(None, description="Of columns of numbers.")


def browse(database: Database, request: BrowseRequest) -> MovieList:
    """A page of the films that match a request."""
    started = time.perf_counter()
    tree, notes = _tree(database, request)
    query = json.dumps(database.search_engine.compile(tree).query)
    with database.read() as connection:
        total, movie_ids = sort_films(
            connection, query, request.sort, request.direction, request.k, request.offset
        )
        facets, ranges = _count(connection, query, request.facets)
        notes += () if total else unknown_genres(connection, tree)
    kept = None if request.fields is None else set(request.fields)
    return MovieList(
        total=total,
        offset=request.offset,
        notes=tuple(map(as_items, notes)),
        movies=tuple(
            movie.model_dump(mode="json", include=kept) for movie in get_movies(database, movie_ids)
        ),
        facets=facets,
        ranges=ranges,
        milliseconds=round((time.perf_counter() - started) * 1000, 2),
    )


def sort_films(
    connection: Connection,
    query: str,
    sort: Sort,
    direction: Direction | None,
    k: int,
    offset: int = 0,
    unseen_by: tuple[int, str] | None = None,
) -> tuple[int, list[int]]:
    """How many films match the engine's ``query``, and the ids of ``k`` behind ``offset`` in the
    order of ``sort``. ``unseen_by``: a user and profile whose seen films are left out."""
    falls = direction or ("asc" if sort in _RISING else "desc")
    order = f"{_COLUMNS.get(sort, f'm.{sort}')} {falls}"
    statement = text(_statements.raw("browse").format(order=order))
    user_id, profile = unseen_by or (None, None)
    asked = {"query": query, "k": k, "offset": offset, "user_id": user_id, "profile": profile}
    total, movie_ids = connection.execute(statement, asked).one()
    return total, list(movie_ids)


def _tree(database: Database, request: BrowseRequest) -> tuple[Node, list[str]]:
    """What films have to be, and how it was read."""
    limits, fields = Limits.of(database.settings), database.search_engine.fields
    filters = tuple(read_filters(request, limits, fields))
    if request.q is None:
        return And((All(), *filters)), [*note_filters(filters)]
    parsed = parse(request.q, limits=limits, fields=fields)
    return And((parsed.tree, *filters)), [*parsed.notes, *note_filters(filters, parsed.tree)]


def _count(
    connection: Connection, query: str, names: tuple[str, ...] | None
) -> tuple[dict[str, dict[str, int]] | None, dict[str, NumberRange] | None]:
    if names is None:
        return None, None
    counted = [name for name in dict.fromkeys(names) if name in get_args(Counted)]
    facets: dict[str, dict[str, int]] = {name: {} for name in counted if name != "own"}
    for row in connection.execute(_statements["facets"], {"query": query, "names": counted}):
        facets.setdefault(row.name, {})[row.value] = row.films
    measured = {"query": query, "names": list(names)}
    rows = connection.execute(_statements["ranges"], measured).mappings()
    return facets, {
        row["name"]: NumberRange(**{k: v for k, v in row.items() if k != "name"}) for row in rows
    }


def unknown_genres(connection: Connection, tree: Node) -> Iterator[str]:
    """Of a query that finds nothing: which genres it asks for that no film has, and which there
    are."""
    asked = {
        node.text
        for node in walk(tree)
        if isinstance(node, Match | Phrase) and node.field == "genres"
    }
    if not asked:
        return
    genres = connection.execute(_names_of["genres"]).scalars().all()
    words = [set(key(name).split()) for name in genres]
    for genre in sorted(asked):
        if words and not any(of_one >= set(key(genre).split()) for of_one in words):
            known = ", ".join(genres[:_MOST_GENRES])
            yield f"No film is of the genre {shorten(genre)!r}. Genres are {known}."
