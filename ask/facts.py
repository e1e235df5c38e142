"""Facts about films: each a figure or text of the catalog, in words."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import Field
from sqlalchemy import Connection

from ask.compare import format_dollars
from ask.structure import Fact, Structure
from palate.contract import Frozen
from palate.items import count
from palate.statements import Statements
from palate.text import name_film

_statements = Statements.beside(__file__, "ask")

_KEYWORDS_SHOWN = 12


class FilmFact(Frozen):
    """One fact about one film."""

    movie_id: int
    title: str
    year: int | None
    fact: Fact
    value: int | float | str | tuple[str, ...] | None = Field(description="Null: it is not known.")
    words: str


def find_facts(connection: Connection, structure: Structure) -> tuple[FilmFact, ...]:
    """The facts that a structure asks for, film by film; all, where it names none."""
    ids = structure.movie_ids
    rows = connection.execute(_statements["facts"], {"movie_ids": ids}).mappings()
    found = {row["movie_id"]: dict(row) for row in rows}
    wanted: Sequence[Fact] = structure.facts or get_args(Fact)
    return tuple(
        _fact(found[movie_id], fact, structure)
        for movie_id in ids
        if movie_id in found
        for fact in wanted
        if structure.facts or _value(found[movie_id], fact) not in (None, ())
    )


def _fact(row: Mapping[str, Any], fact: Fact, structure: Structure) -> FilmFact:
    value = _value(row, fact)
    film = name_film(row["title"], row["year"])
    known = value not in (None, ())
    words = _words(film, row, fact) if known else f"{_SAYS[fact][0]} of {film} is not known here"
    answers = list(_answers(row, fact, structure)) if known else []
    return FilmFact(
        movie_id=row["movie_id"],
        title=row["title"],
        year=row["year"],
        fact=fact,
        value=value if known else None,
        words=" ".join((*answers, f"{words}.")),
    )


_SAYS: dict[Fact, tuple[str, str]] = {
    "length": ("The length", "{film} is {value} minutes long ({hours} h {minutes:02d})"),
    "director": ("The director", "{film} was directed by {value}"),
    "cast": ("The cast", "Of the cast of {film} the catalog has {value}"),
    "release": ("The release date", "{film} {came} {value}"),
    "story": ("The story", "{film}: {value}"),
    "genres": ("The genre", "{film} is {value}"),
    "keywords": ("A keyword", "Keywords of {film}: {value}"),
    "rating": ("The mean rating", "{film} has {value:.2f} stars on average, from {ratings}"),
    "budget": ("The budget", "{film} cost {cost}"),
    "revenue": ("The revenue", "{film} made {made} at the box office"),
    "profit": ("The profit", "{film} cost {cost} and made {made}: {value} more"),
    "original title": ("Another title", "{film} is also called {value}"),
}
"""What a fact is called where it is not known, and how it is told where it is."""


def _value(row: Mapping[str, Any], fact: Fact) -> Any:
    match fact:
        case "length":
            return row["runtime_minutes"] or None
        case "cast" | "keywords" | "genres":
            return tuple(row["actors" if fact == "cast" else fact] or ())
        case "release":
            return str(row["release_date"]) if row["release_date"] else row["year"]
        case "story":
            return row["overview"] or None
        case "rating":
            return row["avg_rating"]
        case "profit":
            both = row["budget"] is not None and row["revenue"] is not None
            return row["revenue"] - row["budget"] if both else None
        case "original title":
            return row["original_title"] if row["original_title"] != row["title"] else None
    return row[fact] or None


def _words(film: str, row: Mapping[str, Any], fact: Fact) -> str:
    value = _value(row, fact)
    if isinstance(value, tuple):
        value = ", ".join(value[:_KEYWORDS_SHOWN] if fact == "keywords" else value)
    elif fact in ("story", "profit"):
        value = value.rstrip(".") if fact == "story" else format_dollars(value)
    hours, minutes = divmod(row["runtime_minutes"] or 0, 60)
    return _SAYS[fact][1].format(
        film=film, value=value, hours=hours, minutes=minutes,
        came="came out on" if row["release_date"] else "is of",
        ratings=count(row["rating_count"], "rating"),
        cost=format_dollars(row["budget"]), made=format_dollars(row["revenue"]),
    )  # fmt: skip


def _answers(row: Mapping[str, Any], fact: Fact, structure: Structure) -> Iterator[str]:
    """Yes or no, where that was asked: is it longer than, is somebody in it."""
    span = structure.ranges.get("runtime_minutes")
    if fact == "length" and span is not None:
        minutes = row["runtime_minutes"]
        fits = (span.low or 0) <= minutes <= (span.high or minutes)
        yield "Yes." if fits else "No."
    if fact in ("director", "cast"):
        named = [row["director"]] if fact == "director" else list(row["actors"])
        for person in structure.people:
            if person.name in named:
                yield f"Yes, {person.name}."
            elif fact == "director":
                yield f"No, not {person.name}."
            else:
                yield f"{person.name} is not among the actors that the catalog has of it."
