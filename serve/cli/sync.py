"""`palate sync`: what other services know of the catalog's films."""

from typing import Annotated

from typer import Option

from ingest.sync import Synced, sync_justwatch, sync_tmdb
from serve.cli.command import command
from serve.cli.options import Json
from serve.cli.output import err, present, say, when_stopped
from serve.cli.tables import rows
from sql.database import Database

_STOPPED = "What was told is kept; the same command goes on."
_print = rows("service", "locale", "asked>:,", "changed>:,", "unknown there>=unknown:,")

Most = Annotated[int | None, Option(min=1, help="Films asked about at most in each locale.")]
Days = Annotated[int, Option(min=0, max=36_500, help="Ask again after so many days.")]


@command("palate sync tmdb", "palate sync tmdb --limit 100 --days 90")
def tmdb(database: Database, limit: Most = None, days: Days = 30, json: Json = False) -> None:
    """Fill empty facts of films from TMDB: texts, people, keywords, money, posters.

    By the key in PALATE_TMDB_API_KEY, in the first of PALATE_SYNC_LOCALES. What is known stays.
    """
    with err().status("") as status, when_stopped(_STOPPED):
        done = sync_tmdb(database, days=days, limit=limit, tell=status.update)
    present([done], _print, json=json)
    if done.changed:
        say("Vectors are of the texts before: `palate embed generate` makes them again.")


@command("palate sync justwatch", "palate sync justwatch --days 7 --json", show=_print)
def justwatch(database: Database, limit: Most = None, days: Days = 1) -> list[Synced]:
    """Say where films can be watched, in the countries of PALATE_SYNC_LOCALES.

    By the token in PALATE_JUSTWATCH_TOKEN; at the services of PALATE_SYNC_SERVICES, or at all.
    """
    with err().status("") as status, when_stopped(_STOPPED):
        return sync_justwatch(database, days=days, limit=limit, tell=status.update)
