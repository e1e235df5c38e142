"""`palate search`: one order, or several side by side."""

from collections.abc import Mapping
from typing import Annotated, Any

from typer import Option

from ask.hint import hint
from palate.contract import FilmFilters, SearchRequest
from palate.errors import MisuseError
from rerank.people import find_taste
from rerank.search import Searcher
from search.catalog import random_movies
from serve.cli.command import command
from serve.cli.options import Explain, Json, Query, options_of, request_of
from serve.cli.orders import Order, print_order, print_reasons, print_side_by_side
from serve.cli.output import EMPTY_CATALOG, print_json
from serve.cli.session import Session
from serve.cli.text import line
from sql.database import Database

_UNPERSONALISED = "unpersonalised"
_REASONS = 3  # films whose reasons a comparison tells, a user


@command(
    "palate search lord of the rings",
    "palate search lord --user 20001 --explain",
    "palate search king --user 20001 --user 20002",
    "palate search 'title:matrix AND year:[2000 TO 2020]' --json",
    "palate search '\"dark knight\"' --user 20001 --weights content:1,popularity:0",
    "palate search king --user 20001 --explain-llm --rerank small",
    "palate search dragon --genre Fantasy --year-from 2000 --facets --snippets",
    "palate search dragon --sort year -k 5",
    "palate search dragon --filter runtime_minutes:<100 --filter director:besson",
    options=options_of(SearchRequest, "q", "user_id", "explain"),
)
def search(
    session: Session,
    query: Query,
    user: Annotated[
        list[str] | None,
        Option("--user", "-u", metavar="USER", help="Whose taste orders it. Repeat to compare."),
    ] = None,
    explain: Explain = False,
    explain_llm: Annotated[
        bool, Option(help="The same, reasons chosen by the language model.")
    ] = False,
    json: Json = False,
    **asked: Any,
) -> None:
    """Find films by text and order them by a user's taste.

    Plain words find films that have them all. A query that begins with - goes after --.
    Several users are shown side by side, next to the unpersonalised order.
    """
    asked["q"] = " ".join(query)
    asked["explain"] = "llm" if explain_llm else "facts" if explain else "none"
    users = list(dict.fromkeys(user or ()))
    compared = len(users) > 1
    _check(asked, compared=compared, as_json=json)
    wanted = [*([None] if compared or not users else []), *users]
    orders, nothing = _find(session, asked, wanted)
    if json:
        found = [order.response for order in orders]
        print_json(found if compared else found[0])
    elif compared:
        print_side_by_side(orders, nothing=nothing)
        if explain or explain_llm:
            print_reasons(orders[1:], _REASONS)
    else:
        print_order(orders[0].response, accounts=explain or explain_llm, nothing=nothing)


def _check(asked: Mapping[str, Any], *, compared: bool, as_json: bool) -> None:
    if compared and asked["cursor"]:
        raise MisuseError("A cursor belongs to one search. Nothing was searched. Give one --user.")
    if compared and asked["snippets"] and not as_json:
        raise MisuseError(
            "--snippets has no room side by side. Nothing was searched. Give one --user, or --json."
        )


def _find(
    session: Session, asked: Mapping[str, Any], users: list[str | None]
) -> tuple[list[Order], str]:
    """An order for each user, and what to say where none has a film."""
    asks_model = "llm" in (asked["explain"], asked["rerank"])
    with (
        session.database() as database,
        session.language_model(database, wanted=asks_model) as model,
    ):
        searcher = Searcher(database, session.settings, model=model)
        orders = []
        for who in users:
            request = request_of(SearchRequest, asked, user_id=find_taste(database, who))
            name = _UNPERSONALISED if who is None else f"user {who}"
            orders.append(Order(name, hint(searcher.search(request))))
        found = any(order.response.hits for order in orders)
        return orders, "" if found else _nothing(database, asked)


def _nothing(database: Database, asked: Mapping[str, Any]) -> str:
    """What to say when no film is found."""
    if not random_movies(database, 1):
        return EMPTY_CATALOG
    narrowed = asked["seen"] == "drop" or any(
        asked[name] not in (None, []) for name in FilmFilters.model_fields
    )
    return f"No film matches {line(asked['q'])!r}{' with these filters' if narrowed else ''}."
