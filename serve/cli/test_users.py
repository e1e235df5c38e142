"""`palate test-users`: the synthetic tasters."""

from collections.abc import Iterable
from typing import Annotated

import typer
from rich.text import Text

from serve.cli.options import Json
from serve.cli.output import examples, out, present, print_json, say, warn
from serve.cli.session import session
from serve.cli.tables import print_table
from serve.cli.text import number
from test_users.check import TOP, TermCheck, check_tasters
from test_users.tasters import Created, create_tasters, remove_tasters

app = typer.Typer(
    no_args_is_help=True, help="Synthetic lovers and haters of fantasy, to see taste at work."
)

Offset = Annotated[
    int, typer.Option(min=0, max=2**62, help="Added to the ids 10001, 10002, 20001 and 20002.")
]


@app.command(epilog=examples("palate test-users create && palate test-users check"))
def create(context: typer.Context, offset: Offset = 0, json: Json = False) -> None:
    """Make the four tasters on whatever catalog is loaded; running it again changes nothing.

    10001 and 10002 rate the 50 most rated fantasy films 5.0 and 1.0, 20001 and 20002 every one.
    Their ratings count in no statistic.
    """
    with session(context).database() as database:
        created = create_tasters(database, offset)
    present(created, _print_tasters, json=json)
    if not all(taster.has_vector for taster in created):
        warn(
            "without embeddings of the films these users have no taste. Make some with "
            "`palate embed generate` and load them with `palate ingest embeddings`."
        )


def _print_tasters(created: Iterable[Created]) -> None:
    print_table(
        created,
        ("user>", lambda each: each.user_id),
        ("who", lambda each: each.name),
        ("films>", lambda each: each.films),
        ("at>", lambda each: number(each.rating, 1)),
        ("taste vector", lambda each: "yes" if each.has_vector else "no"),
    )


@app.command(epilog=examples("palate test-users check", "palate test-users check --json"))
def check(context: typer.Context, offset: Offset = 0, json: Json = False) -> None:
    """Search six words as each taster and show where fantasy films go; exit 1 if the wrong way.

    Fantasy films must rank higher for the lovers than for nobody, lower for the haters, and move
    at least as far for the extreme pair as for the basic one.
    """
    with session(context).database() as database:
        report = check_tasters(database, offset)
    if json:
        print_json(
            {
                "passed": report.passed,
                "complaints": report.complaints,
                "basic_moved": report.basic_moved,
                "extreme_moved": report.extreme_moved,
                "terms": report.terms,
            }
        )
        raise typer.Exit(0 if report.passed else 1)
    print_table(
        report.terms,
        ("word", lambda term: term.term),
        ("pair", lambda term: term.pair),
        ("films>", lambda term: term.candidates),
        ("fantasy>", lambda term: term.fantasy),
        (f"in top {TOP}: all>", lambda term: term.plain.in_top),
        ("lover>", lambda term: term.lover.in_top),
        ("hater>", lambda term: term.hater.in_top),
        ("mean rank: all>", lambda term: number(term.plain.mean_rank, 1)),
        ("lover>", lambda term: number(term.lover.mean_rank, 1)),
        ("hater>", lambda term: number(term.hater.mean_rank, 1)),
        ("", _verdict),
    )
    out().print(
        f"Fantasy films stand {report.basic_moved:.1f} places apart between lover and hater of the "
        f"basic pair, {report.extreme_moved:.1f} of the extreme pair."
    )
    for complaint in report.complaints:
        say(f"palate: {complaint}")
    raise typer.Exit(0 if report.passed else 1)


def _verdict(term: TermCheck) -> Text:
    if not term.counts:
        return Text("too few", style="dim")
    return Text("wrong", style="red") if term.complaint else Text("ok", style="green")


@app.command(epilog=examples("palate test-users remove"))
def remove(context: typer.Context, offset: Offset = 0, json: Json = False) -> None:
    """Delete the tasters and their ratings."""
    with session(context).database() as database:
        removed = remove_tasters(database, offset)
    present({"users_removed": removed}, f"{removed} test users removed.", json=json)
