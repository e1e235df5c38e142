"""`palate bench`: measured speed."""

from collections.abc import Iterable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer
from typer import Argument, Option

from bench.blocking import Blocking, bench_blocking
from bench.find import Report, bench_find
from bench.growth import bench_growth
from bench.ingest import IngestReport, Written, bench_ingest
from bench.machine import this_machine
from bench.markdown import growth_markdown, recommend_markdown, report_markdown
from bench.recommend import FILMS, RATINGS, RecommendReport, bench_made_up, bench_recommend
from bench.search import bench_search
from bench.train import TrainReport, bench_spark, bench_train
from bench.typed import FORMS
from ingest.progress import watch
from learn.models.families import FACTOR_MODELS
from palate.errors import MisuseError
from serve.cli.command import command
from serve.cli.options import Master, Seed
from serve.cli.output import Done, err, say
from serve.cli.session import Session
from serve.cli.tables import print_facts, print_table
from serve.cli.text import number
from serve.cli.train import AUTO, check_installed
from sql.database import Database


@command(
    "palate bench search",
    "palate bench search --requests 1000 --clients 1 --over SQL",
    "palate bench search --grow --json",
)
def search(
    database: Database,
    requests: Annotated[int, Option(min=1, help="Searches of each kind in each run.")] = 300,
    rate: Annotated[float, Option(min=0.1, help="Searches a second, all clients.")] = 100,
    clients: Annotated[str, Option(help="Numbers of clients, with commas.")] = "1,8,32",
    candidates: Annotated[str, Option(help="Numbers of candidates, with commas.")] = "20,100,500",
    over: Annotated[Literal["SQL", "HTTP", "both"], Option(help="What to search over.")] = "both",
    grow: Annotated[
        bool, Option(help="Also measure made-up catalogs in a scratch database.")
    ] = False,
    sizes: Annotated[
        str, Option(help="Films of the made-up catalogs, with commas.")
    ] = "10000,30000,100000",
) -> Done:
    """Compare search with and without taste; prints Markdown, or JSON.

    Requests come at random times, whether or not earlier ones are answered. Nothing else should
    run on the machine meanwhile.
    """
    steps = parse_numbers("--sizes", sizes) if grow else []
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
    written = [report_markdown(report), *(["", growth_markdown(grown)] if grown else [])]
    data = {"search": report, "targets": report.targets(), "growth": grown}
    return Done(data, lambda: typer.echo("\n".join(written)))


@command(
    "palate bench recommend",
    "palate bench recommend --grow --answers 200 --json",
    show=lambda found: typer.echo("\n\n".join(map(recommend_markdown, found)) + "\n"),
)
def recommend(
    database: Database,
    answers: Annotated[int, Option(min=1, help="Answers of each kind.")] = 100,
    grow: Annotated[
        bool, Option(help="Also measure a made-up catalog in a scratch database.")
    ] = False,
    films: Annotated[int, Option(min=100, help="Films made up.")] = FILMS,
    ratings: Annotated[int, Option(min=1000, help="Ratings made up.")] = RATINGS,
) -> list[RecommendReport]:
    """Measure recommendations and films like one, over SQL and over HTTP, one client."""
    reports = [bench_recommend(database, answers=answers, say=say)]
    if grow:
        reports.append(bench_made_up(database, films, ratings, answers=answers, say=say))
    return reports


def _processor(report: IngestReport) -> list[tuple[str, str]]:
    plain, loaded = report.plain_processor, report.load_processor
    if not plain or not loaded:
        return []
    told = f"{plain / loaded:.2f} of plain COPY: {loaded:.1f} against {plain:.1f} µs a row"
    return [("processor of the server", told)]


def _print_load(report: IngestReport) -> None:
    loaded = f"{report.load_rows_per_second:,.0f} rows/s, {report.ratio:.2f} of plain COPY"
    memory = f"{report.memory_before_mb:.0f} MB before, {report.memory_peak_mb:.0f} at most"
    print_facts(
        ("ratings", f"{report.rows:,} of {report.films:,} films"),
        ("plain COPY", f"{report.plain_rows_per_second:,.0f} rows/s"),
        ("load", loaded),
        *_processor(report),
        ("loaded again", f"{report.second_load_seconds:.1f} s"),
        ("memory", memory),
        ("machine", this_machine()),
    )


@command("palate bench ingest", "palate bench ingest --rows 25000000", show=_print_load)
def ingest(
    database: Database,
    rows: Annotated[int, Option(min=1, help="Ratings to make up and load.")] = 1_000_000,
    written: Annotated[
        Written, Option("--format", help="How the file of ratings is written.")
    ] = "csv",
) -> IngestReport:
    """Compare a load with a plain COPY of the same ratings, and watch its memory.

    Works in a scratch database on the same server; what yours holds is not touched.
    """
    with watch(err()) as progress:
        return bench_ingest(database, rows, progress, written)


def _print_waits(measured: Iterable[Blocking]) -> None:
    print_table(
        measured,
        *("made again=what", "times>"),
        ("search p50 ms>", lambda one: number(one.searches.percentile(50), 1)),
        ("p99>", lambda one: number(one.searches.percentile(99), 1)),
        ("rating p50 ms>", lambda one: number(one.ratings.percentile(50), 1)),
        ("p99>", lambda one: number(one.ratings.percentile(99), 1)),
        ("errors>", lambda one: len(one.searches.errors) + len(one.ratings.errors)),
    )
    say(str(this_machine()))


@command(
    "palate bench blocking", "palate bench blocking --ratings 2000000 --json", show=_print_waits
)
def blocking(
    database: Database,
    seconds: Annotated[
        float, Option(min=0.1, help="How long each thing is made again and again.")
    ] = 10,
    ratings: Annotated[
        int | None, Option(min=200, help="Made-up ratings, instead of the sample.")
    ] = None,
) -> list[Blocking]:
    """Measure what searches and ratings wait for while an index or profiles are made again.

    In a scratch database with the sample, which is dropped afterwards.
    """
    return bench_blocking(database, seconds, say, ratings)


def _print_training(report: TrainReport) -> None:
    print_table(
        report.steps.items(),
        ("step", lambda each: each[0]),
        ("seconds>", lambda each: number(each[1].seconds, 1)),
        ("processor>", lambda each: number(each[1].cpu_seconds, 1)),
        ("MB at most>", lambda each: f"{each[1].memory_mb:,.0f}"),
    )
    print_facts(
        ("ratings", f"{report.ratings:,} of {report.users:,} users and {report.films:,} films"),
        ("model", report.model),
        ("machine", this_machine()),
    )


@command(
    "palate bench train",
    "palate bench train --ratings 25000000 --read",
    "palate bench train --engine spark --master 'local[1]' --rank 32 --epochs 5",
    show=_print_training,
)
def train(
    session: Session,
    ratings: Annotated[int, Option(min=100, help="Ratings to make up.")] = 1_000_000,
    model: Annotated[str, Option(help="Model to train: auto, svd, ease, als...")] = "auto",
    read: Annotated[
        bool, Option(help="Also write them to a scratch database and read them.")
    ] = False,
    engine: Annotated[
        Literal["local", "spark"], Option(help="spark: als, as executors learn it.")
    ] = "local",
    master: Master = "local[2]",
    rank: Annotated[int, Option(min=1, max=2000, help="spark: numbers a film.")] = 64,
    epochs: Annotated[int, Option(min=1, help="spark: times through the ratings.")] = 15,
    seed: Annotated[int, Option(min=0, help="Seed of the ratings.")] = 0,
) -> TrainReport:
    """Make up ratings with MovieLens' long tails and train a model on them; what yours holds is
    not touched."""
    check_installed()
    if model not in (AUTO, *FACTOR_MODELS):
        raise MisuseError(
            f"There is no model {model} that SQL can use. Nothing was measured. "
            f"There are {AUTO}, {', '.join(FACTOR_MODELS)}."
        )
    with ExitStack() as opened:
        database = opened.enter_context(session.database()) if read else None
        if engine == "spark":
            return bench_spark(ratings, master, rank=rank, epochs=epochs, seed=seed, say=say)
        return bench_train(ratings, model, seed=seed, database=database, say=say)


@command(
    "palate bench published ml-1m ml-1m.zip",
    "palate bench published ml-100k ml-100k --model ease --model mixed",
)
def published(
    protocol: Annotated[
        Literal["ml-100k", "ml-1m", "ml-20m"], Argument(help="What was published for it.")
    ],
    data: Annotated[Path, Argument(help="MovieLens folder or zip archive.")],
    model: Annotated[
        list[str] | None, Option(help="Only this model. Repeat. Without: all.")
    ] = None,
    seed: Seed = 0,
) -> Done:
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
    figures = (
        (f"{metric}>", lambda row, metric=metric: number(row.values.get(metric), 4))
        for metric in PROTOCOLS[protocol].metrics
    )
    title = f"{protocol}: {PROTOCOLS[protocol].about}"
    show = partial(print_table, rows, "model", "known=setting", *figures, "source", title=title)
    return Done(rows, show)


@command(
    "palate bench find",
    "palate bench find --titles 1500 --misses",
    "palate bench find --form 'letters swapped' --misses --json",
)
def find(
    database: Database,
    titles: Annotated[int, Option(min=1, help="Titles of each form, at random.")] = 500,
    users: Annotated[
        int, Option(min=0, help="People who search in turn, beside the test users.")
    ] = 8,
    form: Annotated[list[str] | None, Option(help="Only this form of titles. Repeat.")] = None,
    seed: Seed = 0,
    misses: Annotated[bool, Option(help="Also list texts whose film was not first.")] = False,
) -> Done:
    """Type titles in every form in which people type them: is the film that is meant first?

    A wrong suggestion is a reading or a "did you mean" for a text whose film is not first,
    nor named by it among titles to choose from.
    """
    chosen = tuple(form or FORMS)
    if unknown := set(chosen) - set(FORMS):
        raise MisuseError(
            f"There is no form {', '.join(sorted(unknown))}. Nothing was measured. "
            f"There are {', '.join(FORMS)}."
        )
    report = bench_find(database, titles=titles, users=users, seed=seed, forms=chosen, say=say)
    return Done(report, lambda: _print_found(report, misses=misses))


def _print_found(report: Report, *, misses: bool) -> None:
    print_table(
        zip(report.nobody, report.somebody, strict=True),
        ("form", lambda each: each[0].form),
        ("titles>", lambda each: f"{each[0].searches:,}"),
        ("first>", lambda each: each[0].share(each[0].first)),
        ("in 3>", lambda each: each[0].share(each[0].in_three)),
        ("on page>", lambda each: each[0].share(each[0].on_page)),
        ("first, people>", lambda each: each[1].share(each[1].first)),
        ("wrong>", lambda each: sum(found.wrong_suggestions for found in each)),
    )
    if misses:
        for found in report.nobody:
            for text in found.misses:
                say(f"{found.form}: {text}")
    print_facts(
        ("engine", f"{report.engine}, {report.films:,} films, {report.users} people"),
        ("machine", report.machine),
    )


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
