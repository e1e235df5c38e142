"""Films side by side: money, return, ratings, running time, enrichment, and who leads in what."""

from collections.abc import Sequence
from statistics import mean, median
from typing import Annotated, NamedTuple

from pydantic import Field, PlainSerializer

from ask.structure import SummaryBy, WhyNotWorded
from palate.contract import Frozen
from palate.errors import MisuseError, NotFoundError
from palate.items import count
from palate.statements import Statements
from palate.text import name_film
from rerank.facts import Fact, Source, write_all
from sql.database import Database

_statements = Statements.beside(__file__, "analysis")

FEWEST, MOST = 2, 10
"""Films that are compared at once: as many as fit side by side on a screen."""

FEWEST_RATINGS = 5
"""Ratings that a film needs before its mean says anything: chosen, not measured."""

Figure = Annotated[float, PlainSerializer(lambda value: round(value, 2), return_type=float)]
"""Shown to two digits; means and leads are of all of them."""


class ComparedMovie(Frozen):
    """One film's figures; null where they are unknown."""

    movie_id: int
    title: str
    year: int | None
    genres: tuple[str, ...]
    director: str | None
    runtime_minutes: int | None
    budget: int | None
    revenue: int | None
    profit: int | None = Field(description="Revenue minus budget.")
    return_ratio: Figure | None = Field(description="Revenue over budget.")
    avg_rating: Figure | None
    rating_count: int
    budget_tier: str | None
    revenue_tier: str | None
    sentiment: str | None
    target_audience: str | None
    effectiveness: float | None


class Best(Frozen):
    """Which of the films leads in something; several where they are equal."""

    name: str
    movie_ids: tuple[int, ...]
    value: Figure
    n: int = Field(description="Films of which it is known.")
    words: str


class Statistic(Frozen):
    """A figure over the films that have it."""

    name: str
    n: int
    mean: float | None
    median: float | None
    low: float | None
    high: float | None


class Comparison(Frozen):
    """Films side by side, in the order in which they were named."""

    movies: tuple[ComparedMovie, ...]
    best: tuple[Best, ...]
    statistics: tuple[Statistic, ...]
    missing: dict[str, tuple[int, ...]] = Field(
        description="Figure -> the films that lack it, where any does."
    )
    summary: tuple[str, ...]
    summary_by: SummaryBy = "rules"
    why_not_worded: WhyNotWorded = None


class _Lead(NamedTuple):
    name: str
    figure: str
    words: str
    most: bool = True


_LEADS = (
    _Lead("best_rated", "avg_rating", "best rated"),
    _Lead("most_rated", "rating_count", "rated by most people"),
    _Lead("best_return", "return_ratio", "earned most for its budget"),
    _Lead("most_revenue", "revenue", "earned most"),
    _Lead("largest_budget", "budget", "cost most"),
    _Lead("shortest", "runtime_minutes", "shortest", most=False),
    _Lead("longest", "runtime_minutes", "longest"),
    _Lead("most_effective", "effectiveness", "most effective"),
)
_FIGURES = (
    "budget", "revenue", "profit", "return_ratio", "avg_rating", "rating_count",
    "runtime_minutes", "effectiveness",
)  # fmt: skip


def compare(database: Database, movie_ids: Sequence[int]) -> Comparison:
    """Two to ten films side by side.

    Raises MisuseError for fewer or more, or one that is named twice, and NotFoundError.
    """
    ids = list(dict.fromkeys(movie_ids))
    if not FEWEST <= len(ids) <= MOST:
        raise MisuseError(
            f"A comparison is of {FEWEST} to {MOST} different films, not of {len(ids)}. "
            "Nothing was done."
        )
    with database.read() as connection:
        rows = connection.execute(_statements["films"], {"movie_ids": ids}).mappings().all()
    found = {row["movie_id"]: ComparedMovie.model_validate(dict(row)) for row in rows}
    unknown = [str(movie_id) for movie_id in ids if movie_id not in found]
    if unknown:
        raise NotFoundError(f"There is no film {', '.join(unknown)}. Nothing was compared.")
    movies = tuple(found[movie_id] for movie_id in ids)
    missing = {
        name: tuple(movie.movie_id for movie in movies if getattr(movie, name) is None)
        for name in _FIGURES
    }
    made = Comparison(
        movies=movies,
        best=tuple(lead for each in _LEADS if (lead := _best(each, movies)) is not None),
        statistics=tuple(_statistic(name, movies) for name in _FIGURES),
        missing={name: lacking for name, lacking in missing.items() if lacking},
        summary=(),
    )
    return made.model_copy(update={"summary": write_all([fact] for fact in describe(made))})


def _best(lead: _Lead, movies: Sequence[ComparedMovie]) -> Best | None:
    """The leader among at least two films that have the figure; None where all are alike."""
    having = [movie for movie in movies if getattr(movie, lead.figure) is not None]
    if lead.figure == "avg_rating":
        having = [movie for movie in having if movie.rating_count >= FEWEST_RATINGS]
    values = [getattr(movie, lead.figure) for movie in having]
    if len(set(values)) < 2:
        return None
    value = max(values) if lead.most else min(values)
    leading = [movie for movie in having if getattr(movie, lead.figure) == value]
    return Best(
        name=lead.name,
        movie_ids=tuple(movie.movie_id for movie in leading),
        value=value,
        n=len(having),
        words=str(_lead(lead, value, leading, len(movies) - len(having))),
    )


def describe(found: Comparison) -> list[Fact]:
    """What is true of the films side by side: who leads in what, and whose money is not known."""
    leads = {lead.name: lead for lead in _LEADS}

    def lead_of(best: Best) -> Fact:
        leading = [movie for movie in found.movies if movie.movie_id in best.movie_ids]
        return _lead(leads[best.name], best.value, leading, len(found.movies) - best.n)

    facts = [lead_of(best) for best in found.best]
    if not facts:
        none = "nothing that is known of these films tells them apart"
        facts.append(Fact("the films", none, "", "catalog"))
    names = {movie.movie_id: name_film(movie.title, movie.year) for movie in found.movies}
    short = [names[each.movie_id] for each in found.movies if not each.runtime_minutes]
    poor = [names[each.movie_id] for each in found.movies if None in (each.budget, each.revenue)]
    unknown = {"not known is the length of": short, "not wholly known is the money of": poor}
    return facts + [Fact(n, says, n, "catalog") for says, films in unknown.items() for n in films]


def _lead(lead: _Lead, value: float, leading: Sequence[ComparedMovie], unknown: int) -> Fact:
    """Who leads, among the films of which it is known."""
    names = " and ".join(name_film(movie.title, movie.year) for movie in leading)
    source: Source = "crowd" if lead.figure in ("avg_rating", "rating_count") else "catalog"
    but = f"; not known of {count(unknown, 'film')}" if unknown else ""
    shown = f"{names} ({_shown(lead.figure, value, leading)}{but})"
    return Fact(names, f"{lead.words}:", shown, source)


def format_dollars(amount: float | None) -> str:
    """``$1.2 billion``, ``$63.0 million``, ``$340,000``; a dash where it is unknown."""
    if amount is None:
        return "–"
    sign, size = ("-" if amount < 0 else ""), abs(amount)
    for unit, name in ((1e9, "billion"), (1e6, "million")):
        if size >= unit:
            return f"{sign}${size / unit:.1f} {name}"
    return f"{sign}${size:,.0f}"


def _shown(figure: str, value: float, leading: Sequence[ComparedMovie]) -> str:
    match figure:
        case "avg_rating":
            counts = " and ".join(f"{movie.rating_count:,}" for movie in leading)
            return f"{value:.2f} from {counts} ratings"
        case "rating_count":
            return count(round(value), "rating")
        case "return_ratio":
            return f"{value:.1f} times its budget"
        case "budget" | "revenue":
            return format_dollars(value)
        case "runtime_minutes":
            return f"{value:.0f} minutes"
    return f"{value:.1f} of 10"


def _statistic(name: str, movies: Sequence[ComparedMovie]) -> Statistic:
    values = [getattr(movie, name) for movie in movies if getattr(movie, name) is not None]
    return Statistic(
        name=name,
        n=len(values),
        mean=round(mean(values), 3) if values else None,
        median=round(median(values), 3) if values else None,
        low=min(values, default=None),
        high=max(values, default=None),
    )
