"""A structure in words, for people to see what was understood."""

from collections.abc import Iterable, Iterator

from ask.compare import format_dollars
from ask.rules import Reading
from ask.structure import Exclusions, Person, Span, Structure
from ask.tree import narrows
from search.names import Names

_INTENTS = {
    "search": "films", "recommend": "recommended films", "similar": "films like",
    "predict": "a prediction for", "compare": "a comparison of", "summarise": "the taste of",
}  # fmt: skip
_WITHOUT_TITLES = _INTENTS | {
    "similar": "similar films", "predict": "a prediction", "compare": "a comparison",
}  # fmt: skip
_RANGES = {
    "year": "year", "runtime_minutes": "minutes", "avg_rating": "stars",
    "rating_count": "ratings", "budget": "budget", "revenue": "revenue",
}  # fmt: skip


def describe_structure(structure: Structure) -> str:
    """One line: ``films · Thriller · dark · year 1990 to 1999 · not Tom Hanks · for user 5``."""
    return " · ".join(part for part in _parts(structure) if part)


def note_gaps(text: str | None, reading: Reading, names: Names) -> Iterator[str]:
    """What to know of an answer that cannot be about what was asked."""
    searched = reading.structure.intent == "search" and not reading.not_found
    if names.empty:
        yield "There are no films yet: `palate ingest --help` shows how to load some."
    elif text and searched and not narrows(reading.structure):
        yield "The request says nothing of the films that are wanted: all are meant."


def _parts(structure: Structure) -> Iterator[str]:
    about = ", ".join(map(str, structure.titles))
    yield f"{_INTENTS[structure.intent]} {about}" if about else _WITHOUT_TITLES[structure.intent]
    if structure.intent == "summarise":
        yield f"user {structure.user_id}"
        return
    yield f"about {structure.text}" if structure.text else ""
    yield from structure.genres
    yield from structure.moods
    yield from (f"keyword {keyword}" for keyword in structure.keywords)
    yield from map(_person, structure.people)
    yield f"for {structure.audience}" if structure.audience else ""
    yield _tiers("budget", structure.budget)
    yield _tiers("revenue", structure.revenue)
    yield {"known": "widely known", "unknown": "little known"}.get(structure.fame or "", "")
    yield {"high": "among the best rated", "low": "among the worst rated"}.get(
        structure.acclaim or "", ""
    )
    yield from (f"{_RANGES[name]} {_span(name, span)}" for name, span in structure.ranges.items())
    yield from _excluded(structure.exclude)
    yield "not rated yet" if structure.seen == "drop" else ""
    if structure.user_id is not None:
        profile = "" if structure.profile == "main" else f" ({structure.profile})"
        yield f"for user {structure.user_id}{profile}"


def _person(person: Person) -> str:
    return {"any": "by or with", "director": "directed by", "actor": "with"}[
        person.role
    ] + f" {person.name}"


def _tiers(name: str, tiers: Iterable[str]) -> str:
    listed = " or ".join(tier.replace("_", " ") for tier in tiers)
    return f"{name} {listed}" if listed else ""


def _span(name: str, span: Span) -> str:
    def shown(value: float) -> str:
        return format_dollars(value) if name in ("budget", "revenue") else f"{value:g}"

    if span.low is None or span.high is None:
        return (
            f"{shown(span.low)} or more"
            if span.low is not None
            else f"up to {shown(span.high or 0)}"
        )
    return shown(span.low) if span.low == span.high else f"{shown(span.low)} to {shown(span.high)}"


def _excluded(exclude: Exclusions) -> Iterator[str]:
    named = (
        *exclude.genres, *exclude.moods, *exclude.keywords,
        *(person.name for person in exclude.people), *map(str, exclude.titles),
    )  # fmt: skip
    yield from (f"not {name}" for name in named)
    if exclude.text:
        yield f"not {exclude.text}"
