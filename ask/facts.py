"""Facts about films: each a figure or text of the catalog, in words."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import Field
from sqlalchemy import Connection

from ask.compare import format_dollars
from ask.structure import Fact, Structure
from palate.contract import Frozen
from palate.statements import Statements
from palate.text import name_film

_statements = Statements(Path(__file__).parent / "statements" / "ask.sql")

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
    ids = [title.movie_id for title in structure.titles if title.movie_id is not None]
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
    words = _words(film, row, fact) if known else f"{_NAMED[fact]} of {film} is not known here"
    answers = list(_answers(row, fact, structure)) if known else []
    return FilmFact(
        movie_id=row["movie_id"],
        title=row["title"],
        year=row["year"],
        fact=fact,
        value=value if known else None,
        words=" ".join((*answers, f"{words}.")),
    )


_NAMED: dict[Fact, str] = {
    "length": "The length", "director": "The director", "cast": "The cast",
    "release": "The release date", "story": "The story", "genres": "The genre",
    "keywords": "A keyword", "rating": "The mean rating", "budget": "The budget",
    "revenue": "The revenue", "profit": "The profit", "original title": "Another title",
}  # fmt: skip


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
    match fact:
        case "length":
            minutes = row["runtime_minutes"]
            return f"{film} is {minutes} minutes long ({minutes // 60} h {minutes % 60:02d})"
        case "director":
            return f"{film} was directed by {row['director']}"
        case "cast":
            return f"Of the cast of {film} the catalog has {', '.join(row['actors'])}"
        case "release":
            if row["release_date"]:
                return f"{film} came out on {row['release_date']}"
            return f"{film} is of {row['year']}"
        case "story":
            return f"{film}: {row['overview'].rstrip('.')}"
        case "genres":
            return f"{film} is {', '.join(row['genres'])}"
        case "keywords":
            return f"Keywords of {film}: {', '.join(row['keywords'][:_KEYWORDS_SHOWN])}"
        case "rating":
            n = row["rating_count"]
            return (
                f"{film} has {row['avg_rating']:.2f} stars on average, from {n} "
                f"rating{'s' * (n != 1)}"
            )
        case "budget":
            return f"{film} cost {format_dollars(row['budget'])}"
        case "revenue":
            return f"{film} made {format_dollars(row['revenue'])} at the box office"
        case "profit":
            cost, made = format_dollars(row["budget"]), format_dollars(row["revenue"])
            return f"{film} cost {cost} and made {made}: {format_dollars(_value(row, fact))} more"
    return f"{film} is also called {row['original_title']}"


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
