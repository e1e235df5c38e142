"""`palate recommend`: films for a user."""

from itertools import pairwise
from typing import Annotated, Any, Literal

from typer import Option

from palate.contract import (
    NOBODY_GIVEN,
    PART_NAMES,
    Recommendation,
    Recommendations,
    RecommendRequest,
)
from rerank.people import find_taste
from rerank.recommend import recommend as find
from rerank.search import Searcher
from search.catalog import random_movies
from search.names import CatalogNames
from serve.cli.command import command
from serve.cli.options import User, options_of, request_of
from serve.cli.orders import print_films
from serve.cli.output import EMPTY_CATALOG, Done, say
from serve.cli.session import Session
from serve.cli.tables import Column
from serve.cli.text import line, number

AlikeTo = Annotated[list[str] | None, Option(metavar="FILM", help="Whose like is sought. Repeat.")]
Exclude = Annotated[list[str] | None, Option(metavar="FILM", help="To leave out. Repeat.")]
Seen = Annotated[
    Literal["drop", "keep"], Option(help="What to do with films the user rated or saw.")
]


@command(
    "palate recommend --user 20001",
    "palate recommend -u 20001 -k 5 --json",
    options=options_of(RecommendRequest, "user_id", seen=Seen, alike_to=AlikeTo, exclude=Exclude),
)
def recommend(session: Session, user: User = None, **asked: Any) -> Done:
    """Recommend films that a user has neither seen nor turned away, from several sources."""
    with (
        session.database() as database,
        session.language_model(database, wanted=asked["rerank"] == "llm") as model,
    ):
        names = CatalogNames(database)
        for films in ("alike_to", "exclude"):
            asked[films] = names.find_all(asked[films])
        request = request_of(RecommendRequest, asked, user_id=find_taste(database, user))
        searcher = Searcher(database, session.settings, model=model)
        found = find(database, request, reranker=searcher.reranker)
        catalog = found.movies or random_movies(database, 1)
    none = "No film with these filters is left to recommend." if catalog else EMPTY_CATALOG
    return Done(found, lambda: _print(found, none))


def _print(found: Recommendations, none: str) -> None:
    """Films in order with the parts of their scores, then what was not done and why."""
    if not found.movies:
        for note in (*map(line, found.notes), none):
            say(note)
        return
    parts = [name for name in found.weights if any(m.contributions[name] for m in found.movies)]
    sources: Column[Recommendation] = ("sources", lambda each: ", ".join(each.sources))
    print_films(found.movies, *map(_part, parts), sources, personalized=found.personalized)
    if not found.reranked and any(a.score < b.score for a, b in pairwise(found.movies)):
        say("Not by score alone: films unlike those above, rules and a surprise go before others.")
    if found.figures is not None:
        say(", ".join(f"{name} {number(value)}" for name, value in found.figures))
    for note in found.notes:
        say(line(note))
    if found.why_not_personalized not in (None, NOBODY_GIVEN):
        say(f"not personalised: {found.why_not_personalized}")
    if found.why_not_reranked:
        say(f"not reranked: {found.why_not_reranked}")


def _part(name: str) -> Column[Recommendation]:
    return (f"{PART_NAMES[name]}>", lambda each: number(each.contributions[name], 3))
