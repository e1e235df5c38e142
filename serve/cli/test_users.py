"""`palate test-users`: the synthetic tasters."""

from typing import Annotated

import typer
from rich.text import Text

from serve.cli.output import number, out, print_json, say, table, warn
from serve.cli.session import Json, examples, session

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
    from test_users.tasters import create_tasters

    with session(context).database() as database:
        created = create_tasters(database, offset)
    if json:
        print_json(created)
    else:
        rows = table(("user", "right"), "who", ("films", "right"), ("at", "right"), "taste vector")
        for taster in created:
            vector = "yes" if taster.has_vector else "no"
            films = str(taster.films)
            rows.add_row(str(taster.user_id), taster.name, films, number(taster.rating, 1), vector)
        out().print(rows)
    if not all(taster.has_vector for taster in created):
        warn(
            "without embeddings of the films these users have no taste. Make some with "
            "`palate embed generate` and load them with `palate ingest embeddings`."
        )


@app.command(epilog=examples("palate test-users check", "palate test-users check --json"))
def check(context: typer.Context, offset: Offset = 0, json: Json = False) -> None:
    """Search six words as each taster and show where fantasy films go; exit 1 if the wrong way.

    Fantasy films must rank higher for the lovers than for nobody, lower for the haters, and move
    at least as far for the extreme pair as for the basic one.
    """
    from test_users.check import TOP, check_tasters

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
    rows = table("word", "pair", ("films", "right"), ("fantasy", "right"))
    for heading in (f"in top {TOP}: all", "lover", "hater", "mean rank: all", "lover", "hater"):
        rows.add_column(heading, justify="right")
    rows.add_column("")
    for term in report.terms:
        orders = (term.plain, term.lover, term.hater)
        verdict = Text("wrong", style="red") if term.complaint else Text("ok", style="green")
        rows.add_row(
            term.term,
            term.pair,
            str(term.candidates),
            str(term.fantasy),
            *(str(order.in_top) for order in orders),
            *(number(order.mean_rank, 1) for order in orders),
            verdict if term.counts else Text("too few", style="dim"),
        )
    out().print(rows)
    out().print(
        f"Fantasy films stand {report.basic_moved:.1f} places apart between lover and hater of the "
        f"basic pair, {report.extreme_moved:.1f} of the extreme pair."
    )
    for complaint in report.complaints:
        say(f"palate: {complaint}")
    raise typer.Exit(0 if report.passed else 1)


@app.command(epilog=examples("palate test-users remove"))
def remove(context: typer.Context, offset: Offset = 0, json: Json = False) -> None:
    """Delete the tasters and their ratings."""
    from test_users.tasters import remove_tasters

    with session(context).database() as database:
        removed = remove_tasters(database, offset)
    if json:
        print_json({"users_removed": removed})
    else:
        say(f"{removed} test users removed.")
