"""`palate search`: one order, or several side by side."""

from typing import Annotated, Any, Literal

import typer
from pydantic import ValidationError

from ask.hint import hint
from palate.contract import FilmFilters, SearchRequest, parse_weights
from palate.errors import MisuseError
from rerank.people import find_taste
from rerank.search import Searcher
from search.catalog import random_movies
from serve.cli.options import (
    Direction,
    Explain,
    Facets,
    Filters,
    Genre,
    Json,
    Mode,
    Profile,
    Query,
    Rerank,
    Seen,
    Shown,
    Sort,
    Weights,
    YearFrom,
    YearTo,
)
from serve.cli.orders import Order, print_order, print_reasons, print_side_by_side
from serve.cli.output import EMPTY_CATALOG, examples, print_json
from serve.cli.session import session
from serve.cli.text import flag_wrong, line
from sql.database import Database

app = typer.Typer()
_UNPERSONALISED = "unpersonalised"
_REASONS = 3  # films whose reasons a comparison tells, a user


@app.command(
    epilog=examples(
        "palate search lord of the rings",
        "palate search lord --user 20001 --explain",
        "palate search king --user 20001 --user 20002",
        "palate search 'title:matrix AND year:[2000 TO 2020]' --json",
        "palate search '\"dark knight\"' --user 20001 --weights content:1,popularity:0",
        "palate search king --user 20001 --explain-llm --rerank small",
        "palate search dragon --genre Fantasy --year-from 2000 --facets --snippets",
        "palate search dragon --sort year -k 5",
        "palate search dragon --filter runtime_minutes:<100 --filter director:besson",
    )
)
def search(
    context: typer.Context,
    query: Query,
    user: Annotated[
        list[str] | None,
        typer.Option(
            "--user", "-u", metavar="USER", help="Whose taste orders it. Repeat to compare."
        ),
    ] = None,
    profile: Profile = "main",
    k: Shown = 10,
    candidates: Annotated[
        int, typer.Option(min=1, help="Films that text finds and taste orders.")
    ] = 100,
    explain: Explain = False,
    explain_llm: Annotated[
        bool, typer.Option("--explain-llm", help="The same, reasons chosen by the language model.")
    ] = False,
    rerank: Rerank = "none",
    weights: Weights = None,
    order: Annotated[
        Literal["learned", "blend"],
        typer.Option(help="learned: the trained order, where there is one; blend: by score."),
    ] = "learned",
    sort: Sort = None,
    direction: Direction = None,
    mode: Mode = "lexical",
    seen: Seen = "keep",
    genre: Genre = None,
    year_from: YearFrom = None,
    year_to: YearTo = None,
    min_rating: Annotated[
        float | None, typer.Option(min=0, max=5, help="Only films rated this well on average.")
    ] = None,
    min_ratings: Annotated[
        int | None, typer.Option(min=0, help="Only films that so many people rated.")
    ] = None,
    filter: Filters = None,
    facets: Facets = False,
    snippets: Annotated[
        bool, typer.Option("--snippets", help="Show where the words are found.")
    ] = False,
    as_typed: Annotated[
        bool, typer.Option("--as-typed", help="Try no other reading of the text.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse a query that cannot be parsed.")
    ] = False,
    cursor: Annotated[
        str | None, typer.Option(help="A next_cursor; needs PALATE_CURSOR_SECRET.")
    ] = None,
    json: Json = False,
) -> None:
    """Find films by text and order them by a user's taste.

    Plain words find films that have them all. A query that begins with - goes after --.
    Several users are shown side by side, next to the unpersonalised order.
    """
    asked = {
        "q": " ".join(query),
        "profile": profile,
        "k": k,
        "candidates": candidates,
        "weights": _weights(weights) if weights else None,
        "order": order,
        "sort": sort,
        "direction": direction,
        "mode": mode,
        "seen": seen,
        "explain": "llm" if explain_llm else "facts" if explain else "none",
        "rerank": rerank,
        "facets": facets,
        "snippets": snippets,
        "as_typed": as_typed,
        "strict": strict,
        "genres": tuple(genre or ()),
        "year_from": year_from,
        "year_to": year_to,
        "min_rating": min_rating,
        "min_ratings": min_ratings,
        "filter": tuple(filter or ()),
        "cursor": cursor,
    }
    _show(
        context,
        asked,
        list(dict.fromkeys(user or ())),
        accounts=explain or explain_llm,
        as_json=json,
    )


def _show(
    context: typer.Context,
    asked: dict[str, Any],
    users: list[str],
    *,
    accounts: bool,
    as_json: bool,
) -> None:
    compared = len(users) > 1
    if compared and asked["cursor"]:
        raise MisuseError("A cursor belongs to one search. Nothing was searched. Give one --user.")
    if compared and asked["snippets"] and not as_json:
        raise MisuseError(
            "--snippets has no room side by side. Nothing was searched. Give one --user, or --json."
        )
    wanted: list[str | None] = [*([None] if compared or not users else []), *users]
    current = session(context)
    asks_model = "llm" in (asked["explain"], asked["rerank"])
    with (
        current.database() as database,
        current.language_model(database, wanted=asks_model) as model,
    ):
        searcher = Searcher(database, current.settings, model=model)
        found = [
            hint(searcher.search(_request(asked, find_taste(database, who)))) for who in wanted
        ]
        nothing = "" if any(each.hits for each in found) else _nothing(database, asked)
    if as_json:
        print_json(found if compared else found[0])
    elif compared:
        orders = [
            Order(_UNPERSONALISED if who is None else f"user {who}", response)
            for who, response in zip(wanted, found, strict=True)
        ]
        print_side_by_side(orders, nothing=nothing)
        if accounts:
            print_reasons(orders[1:], _REASONS)
    else:
        print_order(found[0], accounts=accounts, nothing=nothing)


def _nothing(database: Database, asked: dict[str, Any]) -> str:
    """What to say when no film is found."""
    if not random_movies(database, 1):
        return EMPTY_CATALOG
    narrowed = asked["seen"] == "drop" or any(
        asked[name] not in (None, ()) for name in FilmFilters.model_fields
    )
    return f"No film matches {line(asked['q'])!r}{' with these filters' if narrowed else ''}."


def _request(asked: dict[str, Any], user_id: int | None) -> SearchRequest:
    try:
        return SearchRequest(**asked, user_id=user_id)
    except ValidationError as error:
        raise MisuseError(f"{flag_wrong(error)}. Nothing was searched.") from error


def _weights(text: str) -> dict[str, float]:
    try:
        return parse_weights(text)
    except ValueError as error:
        raise MisuseError(
            f"--weights: {error}. Nothing was searched. Write NAME:W with commas between."
        ) from error
