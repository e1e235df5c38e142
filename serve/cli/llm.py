"""`palate llm`: what was asked of the language model, what it cost, and forgetting it."""

from collections.abc import Iterable
from datetime import UTC
from typing import Annotated

import typer

from llm.store import Cost, PostgresStore, RecordedCall
from serve.cli.options import Json, Yes
from serve.cli.output import confirm, examples, present
from serve.cli.session import session
from serve.cli.tables import print_table
from serve.cli.text import count, number

app = typer.Typer(no_args_is_help=True, help="The language model: its calls, costs and answers.")


@app.command(epilog=examples("palate llm calls", "palate llm calls --n 100 --json"))
def calls(
    context: typer.Context,
    n: Annotated[int, typer.Option("--n", "-n", min=1, max=10_000, help="Calls to show.")] = 20,
    json: Json = False,
) -> None:
    """Show the last calls: model, prompt, how they ended, tokens, seconds and cost."""
    with session(context).database() as database:
        found = PostgresStore(database).calls(n)
    present(found, _print_calls, json=json, nothing="No language model was asked yet.")


def _print_calls(found: Iterable[RecordedCall]) -> None:
    print_table(
        found,
        ("at (UTC)", lambda each: f"{each.called_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"),
        ("model", lambda each: each.model),
        ("prompt", lambda each: each.prompt),
        ("outcome", lambda each: each.outcome),
        ("in>", lambda each: f"{each.tokens_in:,}"),
        ("out>", lambda each: f"{each.tokens_out:,}"),
        ("s>", lambda each: number(each.seconds, 1)),
        ("cost>", lambda each: _dollars(each.cost)),
    )


@app.command(epilog=examples("palate llm cost", "palate llm cost --days 1"))
def cost(
    context: typer.Context,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How far back.")] = 30,
    json: Json = False,
) -> None:
    """Show what was asked and spent, by day, model and prompt."""
    with session(context).database() as database:
        found = PostgresStore(database).costs(days)
    nothing = f"No language model was asked in {count(days, 'day')}."
    present(found, _print_costs, json=json, nothing=nothing)


def _print_costs(found: Iterable[Cost]) -> None:
    print_table(
        found,
        ("day (UTC)", lambda each: f"{each.day:%Y-%m-%d}"),
        ("model", lambda each: each.model),
        ("prompt", lambda each: each.prompt),
        ("calls>", lambda each: f"{each.calls:,}"),
        ("answered>", lambda each: f"{each.answered:,}"),
        ("repaired>", lambda each: f"{each.repaired:,}"),
        ("in>", lambda each: f"{each.tokens_in:,}"),
        ("out>", lambda each: f"{each.tokens_out:,}"),
        ("cost>", lambda each: _dollars(each.cost)),
    )


@app.command(epilog=examples("palate llm prune", "palate llm prune --days 30"))
def prune(
    context: typer.Context,
    days: Annotated[int, typer.Option(min=0, help="Keep calls of so many days.")] = 90,
    json: Json = False,
) -> None:
    """Delete answers that are too old to be used, and old calls."""
    with session(context).database() as database:
        answers, old = PostgresStore(database).prune(days * 86_400)
    present(
        {"answers": answers, "calls": old},
        f"Deleted {count(answers, 'answer')} and {count(old, 'call')}.",
        json=json,
    )


@app.command(epilog=examples("palate llm forget --yes"))
def forget(context: typer.Context, yes: Yes = False, json: Json = False) -> None:
    """Delete every kept answer, and the texts of recorded calls. What they cost stays recorded."""
    confirm("Delete all answers of the language model?", yes=yes)
    with session(context).database() as database:
        answers, texts = PostgresStore(database).forget()
    present(
        {"answers": answers, "texts": texts},
        f"Deleted {count(answers, 'answer')} and the texts of {count(texts, 'call')}.",
        json=json,
    )


def _dollars(cost: float | None) -> str:
    return "–" if cost is None else f"${cost:,.4f}"
