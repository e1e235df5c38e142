"""What the commands that load have in common: options, the load, and its report."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

from typer import Option

from ingest.embeddings import count_embeddings
from ingest.load import Deleted, LoadReport, load
from ingest.progress import watch
from ingest.rows import Source
from palate.errors import PalateError
from serve.cli.output import err, say, warn, when_stopped
from serve.cli.session import Session
from serve.cli.text import count
from sql.database import Database

Replace = Annotated[
    bool,
    Option(help="Delete what is there first: films, ratings, users, models."),
]
OnErrorOption = Annotated[
    Literal["stop", "skip"],
    Option(help="At a line that cannot be loaded: stop, or set it aside and go on."),
]
RejectsFile = Annotated[
    Path | None, Option(metavar="FILE", help="Where --on-error skip sets lines aside.")
]
Again = Annotated[bool, Option(help="Load what this database has loaded before, to the byte.")]
OnlyOnce = Annotated[bool, Option(help="Refuse, instead of waiting, while another load runs.")]
DryRun = Annotated[bool, Option(help="Read and check everything, write nothing, say what.")]
DeleteMissing = Annotated[
    bool,
    Option(help="Delete films and ratings that the files no longer have."),
]
AtMost = Annotated[int, Option(min=0, max=100, help="Percent that --delete-missing may delete.")]


@dataclass(frozen=True)
class LoadOptions:
    """How to load."""

    replace: Replace = False
    on_error: OnErrorOption = "stop"
    rejects: RejectsFile = None
    no_wait: OnlyOnce = False
    again: Again = False
    dry_run: DryRun = False
    delete_missing: DeleteMissing = False
    at_most: AtMost = 10


@contextmanager
def loading(session: Session) -> Iterator[Database]:
    """The database that the settings name, to load into."""
    kept = "A load happens as a whole or not at all; it can be run again."
    with session.database(migrate=True) as database, when_stopped(kept):
        yield database


def run_load(database: Database, source: Source, options: LoadOptions) -> LoadReport:
    """Load a source, watched on stderr; says which films still want vectors."""
    with watch(err()) as progress:
        report = load(
            database, source, replace=options.replace, on_error=options.on_error,
            rejects=options.rejects, progress=progress, wait=not options.no_wait,
            again=options.again, dry_run=options.dry_run,
            missing_share=options.at_most / 100 if options.delete_missing else None,
        )  # fmt: skip
    missing = 0
    if report.movies and not report.dry_run:
        with suppress(PalateError):  # what is loaded is, whatever this says
            missing = count_embeddings(database).missing
    if not missing:
        return report
    note = (
        f"{count(missing, 'film')} without a text vector: `palate embed generate FILE` and `palate "
        "ingest embeddings FILE` make them, for taste by what films tell and for semantic search."
    )
    return replace(report, notes=(*report.notes, note))


def print_load(report: LoadReport) -> None:
    """What a load did, or would do."""
    if report.repeated:
        say(f"{report.source} is loaded already, to the byte: nothing was done. --again loads it.")
        return
    say(
        f"{'Would load' if report.dry_run else 'Loaded'} {report.source}: "
        f"{report.movies:,} films, {report.ratings:,} ratings and "
        f"{report.tags:,} tags in {report.seconds:.1f} s ({report.rows_per_second:,.0f} rows/s); "
        + ("nothing was written." if report.dry_run else f"{report.changed:,} rows changed.")
    )
    if report.gone:
        say(f"{report.gone:,} films and ratings that the files no longer have are deleted.")
    for sentence in (*report.files, *report.notes):
        say(sentence)
    for sentence in report.refused:
        warn(sentence)
    if report.deleted is not None and report.deleted.movies:
        say(_describe(report.deleted))
    if report.rejected and not report.dry_run:
        warn(f"{count(report.rejected, 'line')} not loaded: in {report.rejects}.")


def _describe(deleted: Deleted) -> str:
    gone = f"{count(deleted.movies, 'film')}, {count(deleted.ratings, 'rating')}"
    if not deleted.models:
        return f"What was there before is deleted: {gone}."
    return (
        f"What was there before is deleted: {gone} and {count(deleted.models, 'trained model')}. "
        "`palate train` learns from what is there now."
    )
