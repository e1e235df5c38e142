"""`palate test-users`: the synthetic tasters."""

from typing import Annotated

from rich.text import Text
from typer import Option

from serve.cli.command import command
from serve.cli.options import Json
from serve.cli.output import Done, out, present, say, warn
from serve.cli.tables import print_table, rows
from serve.cli.text import number
from sql.database import Database
from test_users.check import TOP, Report, TermCheck, check_tasters
from test_users.tasters import create_tasters, remove_tasters

Offset = Annotated[
    int, Option(min=0, max=2**62, help="Added to the ids 10001, 10002, 20001 and 20002.")
]
_print_tasters = rows(
    *("user>=user_id", "who=name", "films>", "at>=rating:.1f"),
    ("taste vector", lambda each: "yes" if each.has_vector else "no"),
)


@command("palate test-users create && palate test-users check")
def create(database: Database, offset: Offset = 0, json: Json = False) -> None:
    """Make the four tasters on whatever catalog is loaded; running it again changes nothing.

    10001 and 10002 rate the 50 most rated fantasy films 5.0 and 1.0, 20001 and 20002 every one.
    Their ratings count in no statistic.
    """
    created = create_tasters(database, offset)
    present(created, _print_tasters, json=json)
    if not all(taster.has_vector for taster in created):
        warn(
            "without embeddings of the films these users have no taste. Make some with "
            "`palate embed generate` and load them with `palate ingest embeddings`."
        )


def _verdict(term: TermCheck) -> Text:
    if not term.counts:
        return Text("too few", style="dim")
    return Text("wrong", style="red") if term.complaint else Text("ok", style="green")


def _print_report(report: Report) -> None:
    print_table(
        report.terms,
        *("word=term", "pair", "films>=candidates", "fantasy>"),
        (f"in top {TOP}: all>", lambda term: term.plain.in_top),
        *("lover>=lover.in_top", "hater>=hater.in_top"),
        ("mean rank: all>", lambda term: number(term.plain.mean_rank, 1)),
        *("lover>=lover.mean_rank:.1f", "hater>=hater.mean_rank:.1f"),
        ("", _verdict),
    )
    out().print(
        f"Fantasy films stand {report.basic_moved:.1f} places apart between lover and hater of the "
        f"basic pair, {report.extreme_moved:.1f} of the extreme pair."
    )
    for complaint in report.complaints:
        say(f"palate: {complaint}")


@command(
    "palate test-users check",
    "palate test-users check --json",
    failed=lambda done: not done.data["passed"],
)
def check(database: Database, offset: Offset = 0) -> Done:
    """Search six words as each taster and show where fantasy films go; exit 1 if the wrong way.

    Fantasy films must rank higher for the lovers than for nobody, lower for the haters, and move
    at least as far for the extreme pair as for the basic one.
    """
    report = check_tasters(database, offset)
    names = ("passed", "complaints", "basic_moved", "extreme_moved", "terms")
    return Done({name: getattr(report, name) for name in names}, lambda: _print_report(report))


@command("palate test-users remove")
def remove(database: Database, offset: Offset = 0) -> Done:
    """Delete the tasters and their ratings."""
    removed = remove_tasters(database, offset)
    return Done({"users_removed": removed}, f"{removed} test users removed.")
