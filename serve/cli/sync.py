"""`palate sync`: what other services know of the catalog's films."""

from collections.abc import Sequence
from typing import Annotated

import typer

from ingest.sync import Synced, sync_justwatch, sync_tmdb
from serve.cli.options import Json
from serve.cli.output import err, examples, print_json, say, when_stopped
from serve.cli.session import session
from serve.cli.tables import print_table

app = typer.Typer(
    no_args_is_help=True, help="Ask other services about films: facts, and where to watch them."
)

_STOPPED = "What was told is kept; the same command goes on."

Most = Annotated[int | None, typer.Option(min=1, help="Films asked about at most in each locale.")]


@app.command(epilog=examples("palate sync tmdb", "palate sync tmdb --limit 100 --days 90"))
def tmdb(
    context: typer.Context,
    limit: Most = None,
    days: Annotated[
        int, typer.Option(min=0, max=36_500, help="Ask again after so many days.")
    ] = 30,
    json: Json = False,
) -> None:
    """Fill empty facts of films from TMDB: texts, people, keywords, money, posters.

    By the key in PALATE_TMDB_API_KEY, in the first of PALATE_SYNC_LOCALES. What is known stays.
    """
    with (
        session(context).database() as database,
        err().status("") as status,
        when_stopped(_STOPPED),
    ):
        done = [sync_tmdb(database, days=days, limit=limit, tell=status.update)]
    _print(done, json=json)
    if done[0].changed:
        say("Vectors are of the texts before: `palate embed generate` makes them again.")


@app.command(epilog=examples("palate sync justwatch", "palate sync justwatch --days 7 --json"))
def justwatch(
    context: typer.Context,
    limit: Most = None,
    days: Annotated[int, typer.Option(min=0, max=36_500, help="Ask again after so many days.")] = 1,
    json: Json = False,
) -> None:
    """Say where films can be watched, in the countries of PALATE_SYNC_LOCALES.

    By the token in PALATE_JUSTWATCH_TOKEN; at the services of PALATE_SYNC_SERVICES, or at all.
    """
    with (
        session(context).database() as database,
        err().status("") as status,
        when_stopped(_STOPPED),
    ):
        done = sync_justwatch(database, days=days, limit=limit, tell=status.update)
    _print(done, json=json)


def _print(done: Sequence[Synced], *, json: bool) -> None:
    if json:
        print_json(done)
        return
    print_table(
        done,
        ("service", lambda each: each.service),
        ("locale", lambda each: each.locale),
        ("asked>", lambda each: f"{each.asked:,}"),
        ("changed>", lambda each: f"{each.changed:,}"),
        ("unknown there>", lambda each: f"{each.unknown:,}"),
    )
