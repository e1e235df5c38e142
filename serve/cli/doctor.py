"""`palate doctor`: what is wrong here, and what to do."""

import typer
from rich.text import Text

from serve.cli.output import clean, out, print_json, table
from serve.cli.session import Json, examples, session
from serve.doctor import run_checks
from sql.database import Database

EXAMPLES = examples("palate doctor", "palate doctor --json")
_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def doctor(context: typer.Context, json: Json = False) -> None:
    """Look at the server, its schema, index, vectors, statistics and disk, and the language model.

    Each finding says what to do. Exits 1 when something is broken.
    """
    settings = session(context).settings
    with Database.open(settings) as database:
        checks = run_checks(database, settings)
    if json:
        print_json(checks)
    else:
        rows = table("", "checked", "found")
        for check in checks:
            found = Text(clean(check.detail))
            if check.advice:
                found.append(f"\n{clean(check.advice)}", style="bold")
            rows.add_row(Text(check.status, style=_STYLES[check.status]), check.name, found)
        out().print(rows)
    raise typer.Exit(1 if any(check.status == "fail" for check in checks) else 0)
