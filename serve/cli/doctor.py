"""`palate doctor`: what is wrong here, and what to do."""

from rich.text import Text

from palate.text import neutral
from serve.cli.command import command
from serve.cli.session import Session
from serve.cli.tables import rows
from serve.doctor import Check, run_checks
from sql.database import Database

_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def _finding(check: Check) -> Text:
    found = Text(neutral(check.detail))
    return found.append(f"\n{neutral(check.advice)}", style="bold") if check.advice else found


_print = rows(
    ("", lambda each: Text(each.status, style=_STYLES[each.status])),
    "checked=name",
    ("found", _finding),
)


@command(
    "palate doctor",
    "palate doctor --json",
    show=_print,
    failed=lambda checks: any(check.status == "fail" for check in checks),
)
def doctor(session: Session) -> list[Check]:
    """Look at the server, its schema, index, vectors, statistics and disk, and the language model.

    Each finding says what to do. Exits 1 when something is broken.
    """
    with Database.open(session.settings) as database:
        return run_checks(database, session.settings)
