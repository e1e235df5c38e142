"""`palate llm`: what was asked of the language model, what it cost, and forgetting it."""

from datetime import UTC
from typing import Annotated

import typer

from serve.cli.output import confirm, count, line, number, out, print_json, say, table
from serve.cli.session import Json, Yes, examples, session

app = typer.Typer(no_args_is_help=True, help="The language model: its calls, costs and answers.")


@app.command(epilog=examples("palate llm calls", "palate llm calls --n 100 --json"))
def calls(
    context: typer.Context,
    n: Annotated[int, typer.Option("--n", "-n", min=1, max=10_000, help="Calls to show.")] = 20,
    json: Json = False,
) -> None:
    """Show the last calls: model, prompt, how they ended, tokens, seconds and cost."""
    from llm.store import PostgresStore

    with session(context).database() as database:
        found = PostgresStore(database).calls(n)
    if json:
        print_json(found)
        return
    if not found:
        say("No language model was asked yet.")
        return
    rows = table(
        "at (UTC)", "model", "prompt", "outcome", ("in", "right"), ("out", "right"), ("s", "right"),
        ("cost", "right"),
    )  # fmt: skip
    for call in found:
        rows.add_row(
            f"{call.called_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
            line(call.model),
            line(call.prompt),
            call.outcome,
            f"{call.tokens_in:,}",
            f"{call.tokens_out:,}",
            number(call.seconds, 1),
            _dollars(call.cost),
        )
    out().print(rows)


@app.command(epilog=examples("palate llm cost", "palate llm cost --days 1"))
def cost(
    context: typer.Context,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How far back.")] = 30,
    json: Json = False,
) -> None:
    """Show what was asked and spent, by day, model and prompt."""
    from llm.store import PostgresStore

    with session(context).database() as database:
        found = PostgresStore(database).costs(days)
    if json:
        print_json(found)
        return
    if not found:
        say(f"No language model was asked in {count(days, 'day')}.")
        return
    rows = table(
        "day (UTC)", "model", "prompt", ("calls", "right"), ("answered", "right"),
        ("repaired", "right"), ("in", "right"), ("out", "right"), ("cost", "right"),
    )  # fmt: skip
    for each in found:
        rows.add_row(
            f"{each.day:%Y-%m-%d}",
            line(each.model),
            line(each.prompt),
            f"{each.calls:,}",
            f"{each.answered:,}",
            f"{each.repaired:,}",
            f"{each.tokens_in:,}",
            f"{each.tokens_out:,}",
            _dollars(each.cost),
        )
    out().print(rows)


@app.command(epilog=examples("palate llm faithful", "palate llm faithful --n 100 --json"))
def faithful(
    context: typer.Context,
    n: Annotated[int, typer.Option("--n", "-n", min=1, max=1000, help="Reasons to word.")] = 20,
    json: Json = False,
) -> None:
    """Measure which share of the model's reasons says only what the facts say.

    Words the reasons of the first films of searches, for nobody and for users with ratings; kept
    answers are not used.
    """
    from evaluate.faithfulness import measure
    from rerank.search import Searcher

    current = session(context)
    with (
        current.database() as database,
        current.language_model(database, kept=False) as model,
    ):
        if model is None:
            say("No language model is set: every reason is the template's.")
        found = measure(Searcher(database, current.settings, model=model), database, n)
    if json:
        print_json(found)
        return
    rows = table("model", ("texts", "right"), ("passed", "right"), ("second time", "right"))
    rows.add_row(
        line(found.model or "none"), str(found.texts), str(found.passed), str(found.regenerated)
    )
    out().print(rows)
    if found.why_not:
        say(f"the others are the template's: {found.why_not}")


@app.command(epilog=examples("palate llm prune", "palate llm prune --days 30"))
def prune(
    context: typer.Context,
    days: Annotated[int, typer.Option(min=0, help="Keep calls of so many days.")] = 90,
    json: Json = False,
) -> None:
    """Delete answers that are too old to be used, and old calls."""
    from llm.store import PostgresStore

    with session(context).database() as database:
        answers, old = PostgresStore(database).prune(days * 86_400)
    if json:
        print_json({"answers": answers, "calls": old})
    else:
        say(f"Deleted {count(answers, 'answer')} and {count(old, 'call')}.")


@app.command(epilog=examples("palate llm forget --yes"))
def forget(context: typer.Context, yes: Yes = False, json: Json = False) -> None:
    """Delete every kept answer, and the texts of recorded calls. What they cost stays recorded."""
    from llm.store import PostgresStore

    confirm("Delete all answers of the language model?", yes=yes)
    with session(context).database() as database:
        answers, texts = PostgresStore(database).forget()
    if json:
        print_json({"answers": answers, "texts": texts})
    else:
        say(f"Deleted {count(answers, 'answer')} and the texts of {count(texts, 'call')}.")


def _dollars(cost: float | None) -> str:
    return "–" if cost is None else f"${cost:,.4f}"
