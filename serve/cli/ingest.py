"""`palate ingest`: films, ratings, tags, events and embeddings into the database."""

from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from ingest.embedding_sets import EmbeddingReport, load_embeddings
from ingest.events import EventsReport, load_events
from ingest.load import LoadReport, load
from ingest.progress import watch
from ingest.sources.download import locate
from ingest.sources.movielens import MovieLens
from ingest.sources.sample import sample as open_sample
from palate.contract import EventType, Rules
from search.rules import parse_rules, read_rules, write_rules
from serve.cli import ingest_follow, ingest_table
from serve.cli.command import Migrated, command
from serve.cli.ingest_load import (
    Again,
    LoadOptions,
    OnErrorOption,
    RejectsFile,
    Replace,
    loading,
    print_load,
    run_load,
)
from serve.cli.ingest_table import parse_columns
from serve.cli.output import Done, err, say, warn
from serve.cli.session import Session
from serve.cli.text import count
from sql.database import Database

app = typer.Typer(no_args_is_help=True)
app.add_typer(ingest_table.app)
app.add_typer(ingest_follow.app)


@command("palate ingest sample", show=print_load)
def sample(database: Migrated, replace: Replace = False, again: Again = False) -> LoadReport:
    """Load the sample: 3,200 real films, 600 synthetic raters and text embeddings."""
    return load_sample(database, replace=replace, again=again)


def load_sample(database: Database, *, replace: bool = False, again: bool = False) -> LoadReport:
    """The sample with its embeddings and a handful of rules, watched on stderr."""
    with open_sample() as source, watch(err()) as progress:
        report = load(database, source, replace=replace, progress=progress, again=again)
    with as_file(files("samples") / "embeddings.npz") as vectors:
        load_embeddings(database, vectors, replace=replace)
    if read_rules(database) == Rules():  # an operator's own stay
        write_rules(database, parse_rules((files("samples") / "rules.json").read_text("utf-8")))
    return report


@command(
    "palate ingest movielens ml-latest-small",
    "palate ingest movielens path/to/ml-1m --metadata films.jsonl.gz",
    "palate ingest movielens ml-25m.zip --replace --on-error skip",
    show=print_load,
)
def movielens(
    session: Session,
    location: Annotated[
        str, Argument(help="A folder, a zip archive, or a name to download: ml-latest-small.")
    ],
    options: LoadOptions,
    metadata: Annotated[
        Path | None, Option(help="Film texts beside it: JSON lines keyed by tmdb_id.")
    ] = None,
    name: Annotated[
        str | None, Option(help="What the database remembers having loaded: the folder's.")
    ] = None,
) -> LoadReport:
    """Load MovieLens in any of its public layouts; by name, it is downloaded first."""
    with watch(err()) as progress:
        path = locate(location, session.settings.data_dir / "downloads", progress)
    source = MovieLens(path, metadata)
    source.name = name or source.name
    with loading(session) as database:
        return run_load(database, source, options)


def _print_events(report: EventsReport) -> None:
    say(
        f"Loaded {count(report.accepted, 'event')} of {report.file} in {report.seconds:.1f} s; "
        f"{report.known:,} were known."
    )
    if report.rejected:
        warn(f"{count(report.rejected, 'line')} not loaded: in {report.rejects}.")


@command(
    "palate ingest events history.jsonl",
    "palate ingest events stars.csv --type rated --column user_id=customer",
    show=_print_events,
)
def events(
    session: Session,
    file: Annotated[
        Path, Argument(help="A table as `palate ingest table` reads it: user_id, type, ...")
    ],
    type: Annotated[
        EventType | None, Option(help="Of all events, where the file has no such column.")
    ] = None,
    column: Annotated[
        list[str] | None,
        Option(metavar="OURS=YOURS", help="Where a column is called otherwise. Repeat."),
    ] = None,
    user: Annotated[str | None, Option(help="Who did it all, where no column says.")] = None,
    on_error: OnErrorOption = "stop",
    rejects: RejectsFile = None,
) -> EventsReport:
    """Load what users did, users by number or by name; what was loaded before is known."""
    columns = parse_columns(column or ())
    with loading(session) as database:
        return load_events(
            database, file, type=type, columns=columns, user=user, on_error=on_error,
            rejects=rejects,
        )  # fmt: skip


@command(
    "palate ingest embeddings vectors.parquet",
    "palate ingest embeddings vectors.parquet --name mine",
    show=say,
)
def embeddings(
    session: Session,
    file: Annotated[
        Path, Argument(help="CSV or Parquet as `palate embed generate` writes it, or npz.")
    ],
    model: Annotated[
        str | None, Option(help="The model's name, where the file does not say.")
    ] = None,
    name: Annotated[
        str | None,
        Option(help="A set beside the one in use; `palate embed use NAME` switches to it."),
    ] = None,
    replace: Annotated[
        bool, Option(help="Drop the vectors there are: to change the model.")
    ] = False,
    missing_ok: Annotated[bool, Option(help="Without such a file, do nothing and exit 0.")] = False,
) -> EmbeddingReport | Done:
    """Load films' embeddings, into those in use, after which all taste is made again, or beside."""
    if missing_ok and not file.exists():
        return Done(None, f"There is no {file}; nothing was loaded.")
    with session.database(migrate=True) as database:
        return load_embeddings(database, file, model=model, name=name, replace=replace)
