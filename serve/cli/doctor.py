"""`palate doctor`: what is wrong here, and what to do."""

from collections.abc import Iterable

import typer
from rich.text import Text

from palate.text import neutral
from serve.cli.options import Json
from serve.cli.output import examples, present
from serve.cli.session import session
from serve.cli.tables import print_table
from serve.doctor import Check, run_checks
from sql.database import Database

app = typer.Typer()
_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


@app.command(epilog=examples("palate doctor", "palate doctor --json"))
def doctor(context: typer.Context, json: Json = False) -> None:
    """Look at the server, its schema, index, vectors, statistics and disk, and the language model.

    Each finding says what to do. Exits 1 when something is broken.
    """
    settings = session(context).settings
    with Database.open(settings) as database:
        checks = run_checks(database, settings)
    present(checks, _print, json=json)
    raise typer.Exit(1 if any(check.status == "fail" for check in checks) else 0)


def _print(checks: Iterable[Check]) -> None:
    print_table(
        checks,
        ("", lambda each: Text(each.status, style=_STYLES[each.status])),
        ("checked", lambda each: each.name),
        ("found", _finding),
    )


def _finding(check: Check) -> Text:
    found = Text(neutral(check.detail))
    return found.append(f"\n{neutral(check.advice)}", style="bold") if check.advice else found
