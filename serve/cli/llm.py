"""`palate llm`: what was asked of the language model, what it cost, and forgetting it."""

from datetime import UTC
from typing import Annotated

from typer import Option

from llm.store import Cost, PostgresStore, RecordedCall
from serve.cli.command import command
from serve.cli.options import Yes
from serve.cli.output import Done, confirm
from serve.cli.session import Session
from serve.cli.tables import Column, rows
from serve.cli.text import count
from sql.database import Database

_AT: Column[RecordedCall] = (
    "at (UTC)",
    lambda each: f"{each.called_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
)
_TOKENS = ("in>=tokens_in:,", "out>=tokens_out:,")


def _dollars(each: RecordedCall | Cost) -> str:
    return "–" if each.cost is None else f"${each.cost:,.4f}"


@command(
    "palate llm calls",
    "palate llm calls --n 100 --json",
    show=rows(_AT, "model", "prompt", "outcome", *_TOKENS, "s>=seconds:.1f", ("cost>", _dollars)),
    nothing="No language model was asked yet.",
)
def calls(
    database: Database,
    n: Annotated[int, Option("--n", "-n", min=1, max=10_000, help="Calls to show.")] = 20,
) -> list[RecordedCall]:
    """Show the last calls: model, prompt, how they ended, tokens, seconds and cost."""
    return PostgresStore(database).calls(n)


_print_costs = rows(
    *("day (UTC)=day:%Y-%m-%d", "model", "prompt", "calls>:,", "answered>:,", "repaired>:,"),
    *_TOKENS,
    ("cost>", _dollars),
)


@command("palate llm cost", "palate llm cost --days 1", show=_print_costs)
def cost(
    database: Database,
    days: Annotated[int, Option(min=1, max=3650, help="How far back.")] = 30,
) -> list[Cost] | Done:
    """Show what was asked and spent, by day, model and prompt."""
    found = PostgresStore(database).costs(days)
    return found or Done(found, f"No language model was asked in {count(days, 'day')}.")


@command("palate llm prune", "palate llm prune --days 30")
def prune(
    database: Database,
    days: Annotated[int, Option(min=0, help="Keep calls of so many days.")] = 90,
) -> Done:
    """Delete answers that are too old to be used, and old calls."""
    answers, old = PostgresStore(database).prune(days * 86_400)
    said = f"Deleted {count(answers, 'answer')} and {count(old, 'call')}."
    return Done({"answers": answers, "calls": old}, said)


@command("palate llm forget --yes")
def forget(session: Session, yes: Yes = False) -> Done:
    """Delete every kept answer, and the texts of recorded calls. What they cost stays recorded."""
    confirm("Delete all answers of the language model?", yes=yes)
    with session.database() as database:
        answers, texts = PostgresStore(database).forget()
    said = f"Deleted {count(answers, 'answer')} and the texts of {count(texts, 'call')}."
    return Done({"answers": answers, "texts": texts}, said)
