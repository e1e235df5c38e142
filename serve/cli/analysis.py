"""`palate recommend`, `palate predict`, `palate preferences` and `palate compare`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import typer

from serve.cli.output import (
    EMPTY_CATALOG,
    count,
    film,
    line,
    movement,
    number,
    out,
    print_json,
    say,
    table,
)
from serve.cli.session import (
    LARGEST_ID,
    Json,
    Profile,
    Rerank,
    Session,
    UserId,
    Words,
    examples,
    session,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ask.answer import Prediction
    from ask.compare import ComparedMovie, Comparison
    from ask.preferences import Preferences, Trait
    from palate.contract import Recommendations
    from sql.database import Database

RECOMMEND_EXAMPLES = examples(
    "palate recommend --user 20001", "palate recommend -u 20001 -k 5 --json"
)
PREDICT_EXAMPLES = examples("palate predict 20001 Shrek", "palate predict 20001 'King Kong (2005)'")
PREFERENCES_EXAMPLES = examples("palate preferences 20001", "palate preferences 1 --json")
COMPARE_EXAMPLES = examples(
    "palate compare Jaws 'Jurassic Park'", "palate compare 488 486 'King Kong (1933)' --json"
)
T = TypeVar("T", "Prediction", "Comparison", "Preferences")
_TRAITS = 8
_STARS = 20
Film = Annotated[str, typer.Argument(metavar="FILM", help="A movie_id or a title.")]


def recommend(
    context: typer.Context,
    user: Annotated[
        int | None,
        typer.Option("--user", "-u", min=0, max=LARGEST_ID, help="Whose taste orders them."),
    ] = None,
    profile: Profile = "main",
    k: Annotated[int, typer.Option("--k", "-k", min=1, help="Films to show.")] = 10,
    candidates: Annotated[
        int, typer.Option(min=1, help="Best films of each of popularity, taste and peers.")
    ] = 100,
    seen: Annotated[
        Literal["drop", "keep"], typer.Option(help="What to do with films the user rated.")
    ] = "drop",
    rerank: Rerank = "none",
    json: Json = False,
) -> None:
    """Recommend films that a user has not rated, by taste, peers and popularity."""
    from palate.contract import RecommendRequest
    from rerank.recommend import recommend as find
    from rerank.search import Searcher

    request = RecommendRequest(
        user_id=user, profile=profile, k=k, candidates=candidates, seen=seen, rerank=rerank
    )
    current = session(context)
    with (
        current.database() as database,
        current.language_model(database, wanted=rerank == "llm") as model,
    ):
        searcher = Searcher(database, current.settings, model=model)
        found = find(database, request, reranker=searcher.reranker)
    if json:
        print_json(found)
    else:
        _print_recommendations(found)


def _print_recommendations(found: Recommendations) -> None:
    """Films in order with the parts of their scores, then what was not done and why."""
    if not found.movies:
        say(EMPTY_CATALOG)
        return
    parts = [name for name in found.weights if any(m.contributions[name] for m in found.movies)]
    rows = table(("#", "right"))
    if found.personalized:
        rows.add_column("moved", justify="right")
    rows.add_column("film")
    rows.add_column("genres")
    for heading in ("score", *(_PARTS[name] for name in parts)):
        rows.add_column(heading, justify="right")
    for each in found.movies:
        rows.add_row(
            str(each.rank),
            *([movement(each.moved)] if found.personalized else []),
            film(each.title, each.year),
            line(", ".join(each.genres)),
            number(each.score, 3),
            *(number(each.contributions[name], 3) for name in parts),
        )
    out().print(rows)
    if found.user_id is not None and found.why_not_personalized:
        say(f"not personalised: {found.why_not_personalized}")
    if found.why_not_reranked:
        say(f"not reranked: {found.why_not_reranked}")


_PARTS = {"content": "taste", "collaborative": "peers", "popularity": "popularity"}


def predict(
    context: typer.Context,
    user_id: UserId,
    movie: Film,
    profile: Profile = "main",
    words: Words = "template",
    json: Json = False,
) -> None:
    """Predict what a user would give a film: stars, how sure that is, and what it rests on."""
    from ask.answer import predict as make
    from search.names import CatalogNames

    current = session(context)
    with current.database() as database:
        found = make(database, user_id, CatalogNames(database).find(movie).movie_id, profile)
        if words == "llm":
            found = _worded(found, current, database)
    if json:
        print_json(found)
    else:
        print_prediction(found)


def _worded(found: T, current: Session, database: Database) -> T:
    """The same with its summary in a model's words; where it is not, says why."""
    from ask.summaries import worded
    from rerank.wording import Writer

    with current.language_model(database) as model:
        made, why = worded(found, Writer(database, model, current.settings))
    if why:
        say(f"the summary is by rules: {why}")
    return made


def print_prediction(found: Prediction) -> None:
    """A prediction: its sentences, then the ratings that it rests on."""
    for sentence in found.summary:
        out().print(line(sentence), soft_wrap=True)
    if found.rests_on:
        rows = table("rests on", ("rating", "right"), ("adds", "right"), ("alike", "right"))
        for each in found.rests_on:
            rows.add_row(
                film(each.title, each.year),
                number(each.rating, 1),
                f"{each.influence:+.2f}",
                number(each.similarity),
            )
        out().print()
        out().print(rows)
    out().print(f"model: {line(found.model)}")


def preferences(
    context: typer.Context,
    user_id: UserId,
    profile: Profile = "main",
    words: Words = "template",
    json: Json = False,
) -> None:
    """Sum up what a user likes: genres, decades, people, money, against what the crowd gives."""
    from ask.preferences import preferences as find

    current = session(context)
    with current.database() as database:
        found = find(database, user_id, profile)
        if words == "llm":
            found = _worded(found, current, database)
    if json:
        print_json(found)
    else:
        print_preferences(found)


def print_preferences(found: Preferences) -> None:
    """Preferences: sentences, the distribution, then a table a kind."""
    for sentence in found.summary:
        out().print(line(sentence), soft_wrap=True)
    out().print()
    most = max(found.distribution.values())
    rows = table(("stars", "right"), ("ratings", "right"), "")
    for stars, n in found.distribution.items():
        rows.add_row(stars, str(n), "█" * max(1, round(n / most * _STARS)))
    out().print(rows)
    for heading in (
        "genres",
        "decades",
        "directors",
        "actors",
        "budgets",
        "sentiments",
        "audiences",
    ):
        _print_traits(heading, getattr(found, heading))
    if found.effectiveness is not None:
        e = found.effectiveness
        out().print(
            f"\nratings and effectiveness correlate at {e.r:+.2f} ({e.low:+.2f} to {e.high:+.2f}, "
            f"{count(e.n, 'film')})"
        )


def _print_traits(heading: str, traits: Sequence[Trait]) -> None:
    if not traits:
        return
    rows = table(
        heading, ("n", "right"), ("mean", "right"), ("crowd", "right"), ("differs", "right")
    )
    for trait in traits[:_TRAITS]:
        rows.add_row(
            line(trait.name),
            str(trait.n),
            number(trait.mean),
            number(trait.crowd),
            f"{trait.shrunken:+.2f}",
        )
    out().print()
    out().print(rows)
    if len(traits) > _TRAITS:
        out().print(f"and {len(traits) - _TRAITS} more")


def compare(
    context: typer.Context,
    movies: Annotated[
        list[str], typer.Argument(metavar="FILM...", help="Two to ten: movie_ids or titles.")
    ],
    words: Words = "template",
    json: Json = False,
) -> None:
    """Compare films: money, return, ratings, running time, and who leads in what."""
    from ask.compare import compare as find
    from search.names import CatalogNames

    current = session(context)
    with current.database() as database:
        names = CatalogNames(database)
        found = find(database, [names.find(each).movie_id for each in movies])
        if words == "llm":
            found = _worded(found, current, database)
    if json:
        print_json(found)
    else:
        print_comparison(found)


def print_comparison(found: Comparison) -> None:
    """A comparison: a column a film, as many tables as the width asks, means, then who leads."""
    at_once = max(1, (out().width - 2 * _COLUMN) // _COLUMN)
    for start in range(0, len(found.movies), at_once):
        _print_films(found, found.movies[start : start + at_once])
        out().print()
    for sentence in found.summary:
        out().print(line(sentence), soft_wrap=True)


def _print_films(found: Comparison, movies: Sequence[ComparedMovie]) -> None:
    rows = table(
        "", *((line(f"{m.title} ({m.year})" if m.year else m.title), "right") for m in movies)
    )
    rows.add_column("mean (n)", justify="right")
    shown = {each.name: each for each in found.statistics}
    for label, name in _FIGURES.items():
        last = f"{_figure(name, shown[name].mean)} ({shown[name].n})"
        rows.add_row(label, *(_figure(name, getattr(m, name)) for m in movies), last)
    for label, name in _WORDS.items():
        if any(getattr(m, name) for m in found.movies):
            rows.add_row(label, *(_word(m, name) for m in movies), "")
    out().print(rows)


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


def _figure(name: str, value: float | None) -> str:
    from ask.compare import dollars

    if value is None:
        return "–"
    match name:
        case "budget" | "revenue" | "profit":
            return dollars(value)
        case "return_ratio" | "effectiveness":
            return f"{value:.1f}{'×' if name == 'return_ratio' else ''}"
        case "avg_rating":
            return f"{value:.2f}"
    return f"{value:.0f}"


def _word(movie: ComparedMovie, name: str) -> str:
    value = getattr(movie, name)
    return line(", ".join(value) if isinstance(value, tuple) else value) or "–"
