"""`palate enrich`: tone, audience, money and effect of films."""

import re
from typing import Annotated, Literal

import typer

from ingest.enrichment import choose, estimate
from ingest.enrichment import enrich as judge
from ingest.enrichment_report import EnrichmentReport, make_report
from ingest.progress import watch
from palate.contract import LARGEST_ID
from palate.errors import MisuseError
from serve.cli.command import command
from serve.cli.options import Json
from serve.cli.output import err, examples, present, say, when_stopped
from serve.cli.session import session
from serve.cli.tables import print_facts, print_table
from serve.cli.text import film, line, number
from sql.database import Database

app = typer.Typer(
    help="Tone, audience, money and effectiveness of films, to search and rank by.",
    epilog=examples(
        "palate enrich",
        "palate enrich --n 100 --dry-run",
        "palate enrich --ids 12,34 --rules",
        "palate enrich report",
    ),
)


@app.callback(invoke_without_command=True)
def enrich(
    context: typer.Context,
    n: Annotated[
        int | None, typer.Option("--n", "-n", min=1, help="At most so many films.")
    ] = None,
    ids: Annotated[str | None, typer.Option(help="Only these films: 12,34,56.")] = None,
    missing: Annotated[
        bool, typer.Option("--missing", help="Films that were never enriched (the default).")
    ] = False,
    stale: Annotated[
        bool, typer.Option("--stale", help="Films whose facts, or the model, changed since.")
    ] = False,
    every: Annotated[bool, typer.Option("--all", help="Every film.")] = False,
    rules: Annotated[
        bool, typer.Option("--rules", help="By facts alone, even where a model is set.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say how many films, and what it may cost.")
    ] = False,
    json: Json = False,
) -> None:
    """Fill sentiment, target_audience, budget_tier, revenue_tier and effectiveness.

    Money and ratings decide what they can. A language model (PALATE_LLM_...) is asked for tone and
    audience, and for tiers where the money is not known. Run it again to go on where it stopped.
    """
    if context.invoked_subcommand is not None:
        return
    which = _which(ids, missing=missing, stale=stale, every=every)
    current = session(context)
    with (
        current.database() as database,
        current.language_model(database, wanted=not rules) as model,
    ):
        chosen = choose(database, model, which=which, movie_ids=_ids(ids), n=n)
        if dry_run:
            planned = estimate(database, model, chosen)
            present(planned, say, json=json)
            return
        kept = "What was enriched stays; the same command goes on."
        with when_stopped(kept), watch(err()) as progress:
            concurrency = current.settings.llm_concurrency
            done = judge(database, model, chosen, concurrency=concurrency, progress=progress)
    present(done, say, json=json)


def _which(
    ids: str | None, *, missing: bool, stale: bool, every: bool
) -> Literal["missing", "stale", "every"]:
    if (ids is not None) + missing + stale + every > 1:
        raise MisuseError(
            "--ids, --missing, --stale and --all exclude each other. Nothing was done. Choose one."
        )
    return "every" if every else "stale" if stale else "missing"


def _ids(text: str | None) -> list[int] | None:
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch("0|[1-9][0-9]*", p) and int(p) <= LARGEST_ID for p in parts):
        raise MisuseError(
            f"--ids {line(text)}: that is no list of ids. Nothing was done. "
            "Write them like 12,34,56."
        )
    return sorted(set(map(int, parts)))


def _print(found: EnrichmentReport) -> None:
    share = f"{found.enriched / found.films:.0%}" if found.films else "0%"
    differ = f"{found.disagreeing:,} of {found.compared:,} audiences" if found.compared else None
    print_facts(
        ("films", f"{found.films:,}"),
        ("enriched", f"{found.enriched:,} ({share}), {found.by_model:,} of them by a model"),
        ("stale", f"{found.stale:,}"),
        ("model and facts differ", differ),
    )
    print_table(
        found.coverage.items(),
        ("column", lambda each: each[0]),
        ("films>", lambda each: f"{each[1]:,}"),
        ("estimated>", lambda each: f"{found.estimated.get(each[0], 0):,}"),
        (
            "values",
            lambda each: ", ".join(f"{v} ({n:,})" for v, n in found.spread[each[0]].items()),
        ),
    )
    if found.disagreements:
        columns = ("movie_id>", "film=title", "the model=told", "the facts=facts")
        print_table(found.disagreements, *columns)
    if found.sample:
        print_table(
            found.sample,
            ("film", lambda each: film(each["title"], each["year"])),
            ("tone", lambda each: each["sentiment"] or "–"),
            ("made for", lambda each: each["target_audience"] or "–"),
            ("budget", lambda each: _tier(each, "budget_tier")),
            ("revenue", lambda each: _tier(each, "revenue_tier")),
            ("effect>", lambda each: number(each["effectiveness"])),
            ("by", lambda each: each["enriched_by"]),
        )


def _tier(row: dict[str, object], name: str) -> str:
    estimated = row["estimated"]
    mark = "?" if isinstance(estimated, list) and name in estimated else ""
    return f"{row[name]}{mark}" if row[name] else "–"


@command("palate enrich report", "palate enrich report --n 3 --json", show=_print)
def report(
    database: Database,
    n: Annotated[int, typer.Option("--n", "-n", min=0, help="Films to show.")] = 10,
) -> EnrichmentReport:
    """Show what is covered, how values are spread, where model and facts differ, and a sample."""
    return make_report(database, n=n)
