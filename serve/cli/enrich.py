"""`palate enrich`: tone, audience, money and effect of films."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from palate.errors import MisuseError
from serve.cli.output import (
    err,
    film,
    line,
    number,
    out,
    print_facts,
    print_json,
    say,
    table,
    when_stopped,
)
from serve.cli.session import LARGEST_ID, Json, examples, session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.enrichment_report import EnrichmentReport
    from llm import LanguageModel
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
    from ingest.enrichment import choose, estimate
    from ingest.enrichment import enrich as judge
    from ingest.progress import watch

    which = _which(ids, missing=missing, stale=stale, every=every)
    with session(context).database() as database, _model(context, database, rules=rules) as model:
        chosen = choose(database, model, which=which, movie_ids=_ids(ids), n=n)
        if dry_run:
            planned = estimate(database, model, chosen)
            print_json(planned) if json else say(str(planned))
            return
        kept = "What was enriched stays; the same command goes on."
        with when_stopped(kept), watch(err()) as progress:
            concurrency = session(context).settings.llm_concurrency
            done = judge(database, model, chosen, concurrency=concurrency, progress=progress)
    print_json(done) if json else say(str(done))


@contextmanager
def _model(
    context: typer.Context, database: Database, *, rules: bool
) -> Iterator[LanguageModel | None]:
    from llm import open_llm
    from llm.store import PostgresStore

    model = None if rules else open_llm(session(context).settings, PostgresStore(database))
    try:
        yield model
    finally:
        if model is not None:
            model.close()


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
    if not all(part.isdecimal() and int(part) <= LARGEST_ID for part in parts):
        raise MisuseError(
            f"--ids {line(text)}: that is no list of ids. Nothing was done. "
            "Write them like 12,34,56."
        )
    return sorted(set(map(int, parts)))


@app.command(epilog=examples("palate enrich report", "palate enrich report --n 3 --json"))
def report(
    context: typer.Context,
    n: Annotated[int, typer.Option("--n", "-n", min=0, help="Films to show.")] = 10,
    json: Json = False,
) -> None:
    """Show what is covered, how values are spread, where model and facts differ, and a sample."""
    from ingest.enrichment_report import make_report

    with session(context).database() as database:
        found = make_report(database, n=n)
    if json:
        print_json(found)
    else:
        _print(found)


def _print(found: EnrichmentReport) -> None:
    share = f"{found.enriched / found.films:.0%}" if found.films else "0%"
    differ = f"{found.disagreeing:,} of {found.compared:,} audiences" if found.compared else None
    print_facts(
        [
            ("films", f"{found.films:,}"),
            ("enriched", f"{found.enriched:,} ({share}), {found.by_model:,} of them by a model"),
            ("stale", f"{found.stale:,}"),
            ("model and facts differ", differ),
        ]
    )
    rows = table("column", ("films", "right"), ("estimated", "right"), "values")
    for name, covered in found.coverage.items():
        values = ", ".join(f"{value} ({films:,})" for value, films in found.spread[name].items())
        rows.add_row(name, f"{covered:,}", f"{found.estimated.get(name, 0):,}", values)
    out().print(rows)
    if found.disagreements:
        rows = table(("movie_id", "right"), "film", "the model", "the facts")
        for each in found.disagreements:
            rows.add_row(str(each.movie_id), line(each.title), each.told, each.facts)
        out().print(rows)
    if found.sample:
        rows = table("film", "tone", "made for", "budget", "revenue", ("effect", "right"), "by")
        for each_film in found.sample:
            rows.add_row(
                film(each_film["title"], each_film["year"]),
                each_film["sentiment"] or "–",
                each_film["target_audience"] or "–",
                _tier(each_film, "budget_tier"),
                _tier(each_film, "revenue_tier"),
                number(each_film["effectiveness"]),
                line(each_film["enriched_by"]),
            )
        out().print(rows)


def _tier(row: dict[str, object], name: str) -> str:
    estimated = row["estimated"]
    mark = "?" if isinstance(estimated, list) and name in estimated else ""
    return f"{row[name]}{mark}" if row[name] else "–"
