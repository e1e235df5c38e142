"""`palate recommend`: films that a user has not rated."""

from typing import Annotated, Literal

import typer

from palate.contract import PART_NAMES, Recommendation, Recommendations, RecommendRequest
from rerank.recommend import recommend as find
from rerank.search import Searcher
from serve.cli.options import Json, Profile, Rerank, Shown, User
from serve.cli.orders import print_films
from serve.cli.output import EMPTY_CATALOG, examples, present, say
from serve.cli.session import session, user_of
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
    current = session(context)
    with (
        current.database() as database,
        current.language_model(database, wanted=rerank == "llm") as model,
    ):
        searcher = Searcher(database, current.settings, model=model)
        request = RecommendRequest(
            user_id=user_of(database, user),
            profile=profile,
            k=k,
            candidates=candidates,
            seen=seen,
            rerank=rerank,
        )
        found = find(database, request, reranker=searcher.reranker)
    present(found, _print, json=json)


def _print(found: Recommendations) -> None:
    """Films in order with the parts of their scores, then what was not done and why."""
    if not found.movies:
        say(EMPTY_CATALOG)
        return
    parts = [name for name in found.weights if any(m.contributions[name] for m in found.movies)]
    print_films(found.movies, *map(_part, parts), personalized=found.personalized)
    if found.user_id is not None and found.why_not_personalized:
        say(f"not personalised: {found.why_not_personalized}")
    if found.why_not_reranked:
        say(f"not reranked: {found.why_not_reranked}")


def _part(name: str) -> Column[Recommendation]:
    return (f"{PART_NAMES[name]}>", lambda each: number(each.contributions[name], 3))
