"""`palate recommend`: films for a user."""

from typing import Annotated, Any, Literal

import typer
from pydantic import ValidationError

from palate.contract import (
    PART_NAMES,
    PARTS,
    Recommendation,
    Recommendations,
    RecommendRequest,
    parse_weights,
)
from palate.errors import MisuseError
from rerank.people import find_taste
from rerank.recommend import recommend as find
from rerank.search import Searcher
from search.catalog import random_movies
from serve.cli.options import Filters, Genre, Json, Profile, Rerank, Shown, User, YearFrom, YearTo
from serve.cli.orders import print_films
from serve.cli.output import EMPTY_CATALOG, examples, present, say
from serve.cli.session import session
from serve.cli.tables import Column
from serve.cli.text import number

app = typer.Typer()


@app.command(
    epilog=examples("palate recommend --user 20001", "palate recommend -u 20001 -k 5 --json")
)
def recommend(
    context: typer.Context,
    user: User = None,
    profile: Profile = "main",
    k: Shown = 10,
    candidates: Annotated[int, typer.Option(min=1, help="Best films of each source.")] = 100,
    seen: Annotated[
        Literal["drop", "keep"], typer.Option(help="What to do with films the user rated or saw.")
    ] = "drop",
    q: Annotated[str | None, typer.Option(help="A text as one more source.")] = None,
    alike_to: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="A film whose like is sought. Repeat.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="A film to leave out. Repeat.")
    ] = None,
    weights: Annotated[
        str | None, typer.Option(metavar="NAME:W,...", help="Weights of the mixer for this call.")
    ] = None,
    diversity: Annotated[
        float,
        typer.Option(min=0, max=1, help="How much the score counts beside variety."),
    ] = 0.7,
    franchise: Annotated[int, typer.Option(min=0, help="Most films of a franchise; 0: any.")] = 2,
    serendipity: Annotated[
        bool,
        typer.Option(help="Fifth place: liked by neighbours, far from the taste."),
    ] = True,
    figures: Annotated[
        bool, typer.Option("--figures", help="Also say what the films are like together.")
    ] = False,
    rerank: Rerank = "none",
    genre: Genre = None,
    year_from: YearFrom = None,
    year_to: YearTo = None,
    filter: Filters = None,
    cursor: Annotated[
        str | None, typer.Option(help="A next_cursor; needs PALATE_CURSOR_SECRET.")
    ] = None,
    json: Json = False,
) -> None:
    """Recommend films that a user has neither seen nor turned away, from several sources."""
    current = session(context)
    with (
        current.database() as database,
        current.language_model(database, wanted=rerank == "llm") as model,
    ):
        searcher = Searcher(database, current.settings, model=model)
        asked = {
            "user_id": find_taste(database, user), "profile": profile, "k": k, "seen": seen,
            "candidates": candidates, "q": q, "alike_to": tuple(alike_to or ()),
            "exclude": tuple(exclude or ()), "weights": _weights(weights), "rerank": rerank,
            "diversity": diversity, "franchise": franchise, "genres": tuple(genre or ()),
            "year_from": year_from, "year_to": year_to, "filter": tuple(filter or ()),
            "cursor": cursor, "serendipity": serendipity, "figures": figures,
        }  # fmt: skip
        request = _request(asked)
        found = find(database, request, reranker=searcher.reranker)
        catalog = found.movies or random_movies(database, 1)
    if found.movies or json:
        present(found, _print, json=json)
    else:
        say("No film with these filters is left to recommend." if catalog else EMPTY_CATALOG)


def _weights(text: str | None) -> dict[str, float] | None:
    try:
        return parse_weights(text, PARTS) if text else None
    except ValueError as error:
        raise MisuseError(
            f"--weights: {error}. Nothing was searched. Write NAME:W with commas between."
        ) from error


def _request(asked: dict[str, Any]) -> RecommendRequest:
    try:
        return RecommendRequest(**asked)
    except ValidationError as error:
        first = error.errors()[0]
        name = "--" + str(first["loc"][0]).replace("_", "-")
        raise MisuseError(f"{name}: {first['msg']}. Nothing was searched.") from error


def _print(found: Recommendations) -> None:
    """Films in order with the parts of their scores, then what was not done and why."""
    parts = [name for name in found.weights if any(m.contributions[name] for m in found.movies)]
    sources: Column[Recommendation] = ("sources", lambda each: ", ".join(each.sources))
    print_films(found.movies, *map(_part, parts), sources, personalized=found.personalized)
    if found.figures is not None:
        say(", ".join(f"{name} {number(value)}" for name, value in found.figures))
    if found.user_id is not None and found.why_not_personalized:
        say(f"not personalised: {found.why_not_personalized}")
    if found.why_not_reranked:
        say(f"not reranked: {found.why_not_reranked}")


def _part(name: str) -> Column[Recommendation]:
    return (f"{PART_NAMES[name]}>", lambda each: number(each.contributions[name], 3))
