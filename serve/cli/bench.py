"""`palate bench`: measured speed."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Literal

import typer

from palate.errors import MisuseError
from serve.cli.output import err, number, out, print_facts, print_json, say, table
from serve.cli.session import Json, examples, session

app = typer.Typer(no_args_is_help=True, help="Measure speed on this machine.")


@app.command(
    epilog=examples(
        "palate bench search",
        "palate bench search --requests 1000 --clients 1 --over SQL",
        "palate bench search --grow --json",
    )
)
def search(
    context: typer.Context,
    requests: Annotated[int, typer.Option(min=1, help="Searches of each kind in each run.")] = 300,
    rate: Annotated[float, typer.Option(min=0.1, help="Searches a second, all clients.")] = 100,
    clients: Annotated[str, typer.Option(help="Numbers of clients, with commas.")] = "1,8,32",
    candidates: Annotated[
        str, typer.Option(help="Numbers of candidates, with commas.")
    ] = "20,100,500",
    over: Annotated[
        Literal["SQL", "HTTP", "both"], typer.Option(help="What to search over.")
    ] = "both",
    grow: Annotated[
        bool, typer.Option("--grow", help="Also measure made-up catalogs in a scratch database.")
    ] = False,
    sizes: Annotated[
        str, typer.Option(help="Films of the made-up catalogs, with commas.")
    ] = "10000,30000,100000",
    json: Json = False,
) -> None:
    """Compare search with and without taste; prints Markdown, or JSON.

    Requests come at random times, whether or not earlier ones are answered. Nothing else should
    run on the machine meanwhile.
    """
    from bench.growth import bench_growth
    from bench.markdown import growth_markdown, report_markdown
    from bench.search import bench_search

    steps = parse_numbers("--sizes", sizes) if grow else []
    with session(context).database() as database:
        report = bench_search(
            database,
            clients=parse_numbers("--clients", clients),
            candidates=parse_numbers("--candidates", candidates),
            over=("SQL", "HTTP") if over == "both" else (over,),
            requests=requests,
            rate=rate,
            say=say,
        )
        grown = bench_growth(database, steps, requests=requests, say=say) if grow else []
    if json:
        print_json({"search": report, "targets": report.targets(), "growth": grown})
        return
    typer.echo(report_markdown(report))
    if grown:
        typer.echo("\n" + growth_markdown(grown))


@app.command(epilog=examples("palate bench ingest", "palate bench ingest --rows 25000000"))
def ingest(
    context: typer.Context,
    rows: Annotated[int, typer.Option(min=1, help="Ratings to make up and load.")] = 1_000_000,
    json: Json = False,
) -> None:
    """Compare a load with a plain COPY of the same ratings, and watch its memory.

    Works in a scratch database on the same server; what yours holds is not touched.
    """
    from bench.ingest import bench_ingest
    from bench.machine import this_machine
    from ingest.progress import watch

    with session(context).database() as database, watch(err()) as progress:
        report = bench_ingest(database, rows, progress)
    if json:
        print_json(report)
        return
    print_facts(
        [
            ("ratings", f"{report.rows:,} of {report.films:,} films"),
            ("plain COPY", f"{report.plain_rows_per_second:,.0f} rows/s"),
            (
                "load",
                f"{report.load_rows_per_second:,.0f} rows/s, {report.ratio:.2f} of plain COPY",
            ),
            ("loaded again", f"{report.second_load_seconds:.1f} s"),
            (
                "memory",
                f"{report.memory_before_mb:.0f} MB before, {report.memory_peak_mb:.0f} at most",
            ),
            ("machine", this_machine()),
        ]
    )


@app.command(
    epilog=examples(
        "palate bench train",
        "palate bench train --ratings 25000000 --read",
        "palate bench train --engine spark --master 'local[1]' --rank 32 --epochs 5",
    )
)
def train(
    context: typer.Context,
    ratings: Annotated[int, typer.Option(min=100, help="Ratings to make up.")] = 1_000_000,
    model: Annotated[str, typer.Option(help="Model to train: auto, svd, ease, als...")] = "auto",
    read: Annotated[
        bool, typer.Option("--read", help="Also write them to a scratch database and read them.")
    ] = False,
    engine: Annotated[
        Literal["local", "spark"], typer.Option(help="spark: als, as executors learn it.")
    ] = "local",
    master: Annotated[str, typer.Option(help="Spark's master.")] = "local[2]",
    rank: Annotated[int, typer.Option(min=1, max=2000, help="spark: numbers a film.")] = 64,
    epochs: Annotated[int, typer.Option(min=1, help="spark: times through the ratings.")] = 15,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the ratings.")] = 0,
    json: Json = False,
) -> None:
    """Make up ratings with MovieLens' long tails and train a model on them; what yours holds is
    not touched."""
    from bench.machine import this_machine
    from bench.train import bench_spark, bench_train
    from learn.models.families import FACTOR_MODELS
    from serve.cli.train import AUTO, check_installed

    check_installed()
    if model not in (AUTO, *FACTOR_MODELS):
        raise MisuseError(
            f"There is no model {model} that SQL can use. Nothing was measured. "
            f"There are {AUTO}, {', '.join(FACTOR_MODELS)}."
        )
    with ExitStack() as opened:
        database = opened.enter_context(session(context).database()) if read else None
        if engine == "spark":
            report = bench_spark(ratings, master, rank=rank, epochs=epochs, seed=seed, say=say)
        else:
            report = bench_train(ratings, model, seed=seed, database=database, say=say)
    if json:
        print_json(report)
        return
    shown = table("step", ("seconds", "right"), ("processor", "right"), ("MB at most", "right"))
    for name, cost in report.steps.items():
        shown.add_row(
            name, number(cost.seconds, 1), number(cost.cpu_seconds, 1), f"{cost.memory_mb:,.0f}"
        )
    out().print(shown)
    print_facts(
        [
            ("ratings", f"{report.ratings:,} of {report.users:,} users and {report.films:,} films"),
            ("model", report.model),
            ("machine", this_machine()),
        ]
    )


@app.command(
    epilog=examples(
        "palate bench published ml-1m ml-1m.zip",
        "palate bench published ml-100k ml-100k --model ease --model mixed",
    )
)
def published(
    protocol: Annotated[
        Literal["ml-100k", "ml-1m", "ml-20m"], typer.Argument(help="What was published for it.")
    ],
    data: Annotated[Path, typer.Argument(help="MovieLens folder or zip archive.")],
    model: Annotated[
        list[str] | None, typer.Option(help="Only this model. Repeat. Without: all.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything drawn.")] = 0,
    json: Json = False,
) -> None:
    """Repeat a published protocol of recommendation, beside what was published for it.

    ml-100k: a random quarter of each user's ratings is to be found. ml-1m: of each user's ratings
    of 4 stars and more the last tenth, from the first seven; beside it, what more ratings and a
    shuffled order do. ml-20m: ratings of users whom the model has not met. No database is needed.
    """
    from evaluate.published import MODELS, PROTOCOLS, repeat_protocol

    with err().status("") as status:
        rows = repeat_protocol(
            protocol, data, models=model or list(MODELS), seed=seed, tell=status.update
        )
    if json:
        print_json(rows)
        return
    metrics = PROTOCOLS[protocol].metrics
    shown = table("model", "", *[(metric, "right") for metric in metrics], "source",
                  title=f"{protocol}: {PROTOCOLS[protocol].about}")  # fmt: skip
    for row in rows:
        values = (number(row.values.get(metric), 4) for metric in metrics)
        shown.add_row(row.model, row.setting, *values, row.source)
    out().print(shown)


def parse_numbers(option: str, text: str) -> list[int]:
    """``1,8,32`` as numbers above zero. Raises MisuseError."""
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 1:
        raise MisuseError(
            f"{option}: {text!r} is no list of numbers. Nothing was measured. Write 1,8,32."
        )
    return numbers
