"""`palate embed`: films' text embeddings."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from ingest.embedding_sets import EmbeddingSet, drop_set, list_sets, use_set
from ingest.embeddings import EmbeddingStats, GenerateReport, count_embeddings
from ingest.embeddings import generate as make
from ingest.progress import watch
from palate.contract import LARGEST_ID
from palate.embedder import open_embedder, plain_name
from serve.cli.command import Migrated, command
from serve.cli.options import Yes
from serve.cli.output import Done, confirm, err, say, warn
from serve.cli.session import Session
from serve.cli.tables import print_facts, rows
from serve.cli.text import count
from sql.database import Database

_STATS = ("films", "embedded", "missing", "model", "dimension", "loaded_at")

Name = Annotated[str, Argument(metavar="NAME", help="A set, as `palate embed list` shows it.")]


@command(
    "palate embed generate vectors.parquet",
    "palate embed generate some.csv --movie 12 --movie 34",
    "palate embed generate others.parquet --name mine",
    show=say,
)
def generate(
    session: Session,
    database: Database,
    file: Annotated[Path, Argument(help="File to write: .csv or .parquet.")],
    movie: Annotated[
        list[int] | None,
        Option(
            min=0,
            max=LARGEST_ID,
            help="Only this film. Repeat. Without: every film that has no vector.",
        ),
    ] = None,
    name: Annotated[
        str | None, Option(help="Every film that this set lacks; a new one lacks all.")
    ] = None,
    batch_size: Annotated[int, Option(min=1, help="Films a batch.")] = 256,
) -> GenerateReport:
    """Embed films' texts into a file; run it again to go on where it stopped.

    The model is PALATE_EMBEDDING_MODEL on this machine (extra `embed`), or, with
    PALATE_EMBEDDING_URL, an OpenAI-compatible endpoint's.
    """
    embedder = open_embedder(session.settings)
    with watch(err()) as progress:
        return make(
            database, file, embedder=embedder, movie_ids=movie or None, name=name,
            batch_size=batch_size, progress=progress,
        )  # fmt: skip


@command("palate embed stats", "palate embed stats --json")
def stats(database: Database) -> Done:
    """Show how many films have a vector, and of which model."""
    found = count_embeddings(database)
    return Done({name: getattr(found, name) for name in _STATS}, lambda: _print_stats(found))


@command(
    "palate embed list",
    "palate embed list --json",
    name="list",
    show=rows(
        "name",
        "model",
        "numbers>=dimension",
        ("films>", lambda each: f"{each.embedded:,} ({each.coverage:.1%})"),
        "loaded at:%Y-%m-%d %H:%M UTC",
        ("", lambda each: "in use" if each.in_use else "waits"),
    ),
    nothing="There are no embeddings. `palate embed generate --help`.",
)
def show(database: Database) -> list[EmbeddingSet]:
    """List the sets of embeddings: the one in use, then those that wait."""
    return list_sets(database)


@command("palate embed use mine")
def use(session: Session, database: Migrated, name: Name) -> Done:
    """Let searches use another set, as a whole and at once; the one in use waits."""
    report = use_set(database, name)
    model = session.settings.embedding_model
    if report and plain_name(report.model) != plain_name(model):
        warn(
            f"queries by meaning, and films put over HTTP, would be embedded by {model}: set "
            f"PALATE_EMBEDDING_MODEL to what makes {report.model}."
        )
    return Done(report, str(report or f"{name} is in use already; nothing was changed."))


@command("palate embed drop mine --yes")
def drop(database: Database, name: Name, yes: Yes = False) -> None:
    """Delete a set that waits."""
    confirm(f"Delete the embeddings {name}?", yes=yes)
    gone = drop_set(database, name)
    say(f"Deleted {name}: {count(gone.embedded, 'vector')} of {gone.model}.")


def _print_stats(found: EmbeddingStats) -> None:
    print_facts(
        ("films", f"{found.films:,}"),
        ("embedded", f"{found.embedded:,} ({found.coverage:.1%})"),
        ("missing", f"{found.missing:,}"),
        ("model", f"{found.model} ({found.dimension} numbers)" if found.model else "none"),
        ("loaded at", f"{found.loaded_at:%Y-%m-%d %H:%M} UTC" if found.loaded_at else None),
    )
