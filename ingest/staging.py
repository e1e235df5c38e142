"""Staging: what a source holds, copied into temporary tables and checked as whole sets."""

from array import array
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy
from sqlalchemy.exc import IntegrityError

from ingest.progress import LoadProgress
from ingest.rejects import Rejects
from ingest.rows import Movie, Rejected, Source, Tag
from palate.errors import LoadError
from palate.statements import Statements, raw, run_script

statements = Statements(Path(__file__).with_name("statements") / "load.sql")
_REPORT_EVERY = 5_000  # rows: chosen, so that a bar moves


class LineMap:
    """Which line of a file the n-th row of a stream was. Rows count from 1."""

    def __init__(self) -> None:
        self._rows, self._lines = array("q"), array("q")

    def add(self, rows_before: int, runs: list[tuple[int, int]]) -> None:
        """A block of rows, as ``RatingBlock.runs`` describes its lines."""
        for index, line in runs:
            row = rows_before + index + 1
            if not self._rows or line - row != self._lines[-1] - self._rows[-1]:
                self._rows.append(row)
                self._lines.append(line)

    def line(self, row: int) -> int:
        """The line of a row."""
        at = bisect_right(self._rows, row) - 1
        return self._lines[at] + row - self._rows[at]


@dataclass(slots=True)
class Staged:
    """How many rows of each kind came from the source, and where the ratings stood."""

    movies: int = 0
    ratings: int = 0
    tags: int = 0
    lines: LineMap = field(default_factory=LineMap)


def stage(
    connection: sqlalchemy.Connection,
    source: Source,
    rejects: Rejects,
    progress: LoadProgress,
    *,
    replace: bool,
) -> Staged:
    """Copy the source into staging tables and take out what must not be loaded."""
    run_script(connection, statements.raw("create_staging"))
    staged = Staged()
    progress.step("Reading films")
    staged.movies = _copy_rows(connection, "movies", source.movies(), rejects, progress)
    progress.step("Reading ratings", source.ratings_size)
    staged.ratings = _copy_ratings(connection, source, rejects, progress, staged.lines)
    progress.step("Reading tags")
    staged.tags = _copy_rows(connection, "tags", source.tags(), rejects, progress)
    progress.step("Checking")
    connection.execute(statements["analyze_staging"])
    _check(connection, source, rejects, staged, replace=replace)
    if not staged.movies + staged.ratings + staged.tags:
        raise LoadError(
            f"{source.location} holds nothing that can be loaded. The tables are as they were. "
            "Look at the file."
        )
    return staged


def _copy_rows(
    connection: sqlalchemy.Connection,
    what: str,
    rows: Iterable[Movie | Tag | Rejected],
    rejects: Rejects,
    progress: LoadProgress,
) -> int:
    count = 0
    with raw(connection).cursor().copy(statements.raw(f"copy_{what}").encode()) as copy:
        for row in rows:
            if isinstance(row, Rejected):
                rejects.add(row)
                continue
            copy.write_row([list(value) if isinstance(value, tuple) else value for value in row])
            count += 1
            if count % _REPORT_EVERY == 0:
                progress.advance(_REPORT_EVERY)
    progress.advance(count % _REPORT_EVERY)
    return count


def _copy_ratings(
    connection: sqlalchemy.Connection,
    source: Source,
    rejects: Rejects,
    progress: LoadProgress,
    lines: LineMap,
) -> int:
    rows = 0
    with raw(connection).cursor().copy(statements.raw("copy_ratings").encode()) as copy:
        for block in source.ratings():
            for rejected in block.rejected:
                rejects.add(rejected)
            copy.write(block.data)
            lines.add(rows, block.runs)
            rows += block.rows
            progress.advance(block.rows, block.read)
    return rows


def _check(
    connection: sqlalchemy.Connection,
    source: Source,
    rejects: Rejects,
    staged: Staged,
    *,
    replace: bool,
) -> None:
    """Checks in SQL: what they find goes from staging to ``rejected``, then to ``rejects``."""
    # In this order: a rating of a film that was rejected is a rating of an unknown film.
    for what in ("movies", "ratings", "tags"):
        parameters = {} if what == "movies" else {"replace": replace}
        found = connection.execute(statements[f"reject_{what}"], parameters).rowcount
        if found:
            connection.execute(statements[f"drop_rejected_{what}"])
            setattr(staged, what, getattr(staged, what) - found)
    staged.ratings -= _index_ratings(connection)
    _report(connection, source, rejects, staged.lines)


def _index_ratings(connection: sqlalchemy.Connection) -> int:
    """Index the staged ratings by their key; returns how many repeated ones were taken out.

    The index puts them in order for the upserts, and a repeated key shows on the way.
    """
    try:
        with connection.begin_nested():
            connection.execute(statements["index_ratings"])
        return 0
    except IntegrityError:
        pass
    repeated = connection.execute(statements["reject_repeated_ratings"]).rowcount
    connection.execute(statements["drop_rejected_ratings"])
    connection.execute(statements["index_ratings"])
    return repeated


def _report(
    connection: sqlalchemy.Connection, source: Source, rejects: Rejects, lines: LineMap
) -> None:
    """Hand on what the checks found, line by line."""
    options = {"yield_per": 1000}
    with connection.execute(statements["rejected"], execution_options=options) as found:
        for what, row, column, reason, content in found:
            line = lines.line(row) if what == "ratings" else row
            rejects.add(Rejected(source.file_names.get(what, what), line, column, reason, content))
