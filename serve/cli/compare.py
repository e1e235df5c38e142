"""`palate compare`: films side by side, in figures and words."""

from collections.abc import Sequence
from typing import Annotated

from typer import Argument

from ask.compare import ComparedMovie, Comparison, format_dollars
from ask.compare import compare as find
from search.names import CatalogNames
from serve.cli.command import command
from serve.cli.options import Words
from serve.cli.output import out, print_sentences
from serve.cli.session import Session
from serve.cli.summaries import word_summary
from serve.cli.tables import table
from serve.cli.text import film, line
from sql.database import Database

_COLUMN = 17
_FIGURES = {
    "budget": "budget", "revenue": "revenue", "profit": "profit", "return": "return_ratio",
    "rated": "avg_rating", "ratings": "rating_count", "minutes": "runtime_minutes",
    "effectiveness": "effectiveness",
}  # fmt: skip
_WORDS = {
    "budget tier": "budget_tier", "revenue tier": "revenue_tier", "genres": "genres",
    "director": "director", "sentiment": "sentiment", "audience": "target_audience",
}  # fmt: skip


def print_comparison(found: Comparison) -> None:
    """A comparison: a column a film, as many tables as the width asks, means, then who leads."""
    at_once = max(1, (out().width - 2 * _COLUMN) // _COLUMN)
    for start in range(0, len(found.movies), at_once):
        _print_films(found, found.movies[start : start + at_once])
        out().print()
    print_sentences(found.summary)


def _print_films(found: Comparison, movies: Sequence[ComparedMovie]) -> None:
    rows = table("", *(f"{film(m.title, m.year)}>" for m in movies), "mean (n)>")
    shown = {each.name: each for each in found.statistics}
    for label, name in _FIGURES.items():
        last = f"{_figure(name, shown[name].mean)} ({shown[name].n})"
        rows.add_row(label, *(_figure(name, getattr(m, name)) for m in movies), last)
    for label, name in _WORDS.items():
        if any(getattr(m, name) for m in found.movies):
            rows.add_row(label, *(_word(m, name) for m in movies), "")
    out().print(rows)


def _figure(name: str, value: float | None) -> str:
    if value is None:
        return "–"
    match name:
        case "budget" | "revenue" | "profit":
            return format_dollars(value)
        case "return_ratio" | "effectiveness":
            return f"{value:.1f}{'×' if name == 'return_ratio' else ''}"
        case "avg_rating":
            return f"{value:.2f}"
    return f"{value:.0f}"


def _word(movie: ComparedMovie, name: str) -> str:
    value = getattr(movie, name)
    return line(", ".join(value) if isinstance(value, tuple) else value) or "–"


@command(
    "palate compare Jaws 'Jurassic Park'",
    "palate compare 488 486 'King Kong (1933)' --json",
    show=print_comparison,
)
def compare(
    session: Session,
    database: Database,
    movies: Annotated[
        list[str], Argument(metavar="FILM...", help="Two to ten: movie_ids or titles.")
    ],
    words: Words = "template",
) -> Comparison:
    """Compare films: money, return, ratings, running time, and who leads in what."""
    names = CatalogNames(database)
    found = find(database, [names.find(each).movie_id for each in movies])
    return word_summary(found, words, session, database)
