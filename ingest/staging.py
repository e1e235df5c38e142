"""Staging: what a source holds, copied into temporary tables and checked as whole sets."""

import json
import tempfile
from array import array
from bisect import bisect_right
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import psycopg
import sqlalchemy
from sqlalchemy.exc import IntegrityError

from ingest.progress import LoadProgress
from ingest.rejects import Rejects
from ingest.rows import FILE, Movie, RatingBlock, Rejected, Source, Tag
from palate.errors import LoadError
from palate.statements import Statements, raw, run_script

statements = Statements.beside(__file__, "load")
_REPORT_EVERY = 5_000  # rows: chosen, so that a bar moves
_BLOCK = 1 << 20
_IN_MEMORY = 8 << 20


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
        """The line of a row; a negative one is the line itself."""
        if row < 0:
            return -row
        at = bisect_right(self._rows, row) - 1
        return self._lines[at] + row - self._rows[at]


@dataclass(slots=True)
class Staged:
    """How many rows of each kind came from the source, and where the ratings stood."""

    movies: int = 0
    facts: int = 0
    ratings: int = 0
    tags: int = 0
    lines: LineMap = field(default_factory=LineMap)


@dataclass(frozen=True)
class Staging:
    """A source on its way through the staging tables. ``replace``: nothing else will be there."""

    connection: sqlalchemy.Connection
    source: Source
    rejects: Rejects
    progress: LoadProgress
    replace: bool
    staged: Staged = field(default_factory=Staged)

    def fill(self, *, ratings: bool = True) -> Staged:
        """Copy the source into the tables and take out what must not be loaded."""
        source, staged, progress = self.source, self.staged, self.progress
        self._execute("settle_staging", replace=self.replace)
        self._run("create_staging", "create_staging_tags", "create_staging_facts")
        progress.step("Reading films")
        staged.movies = self._copy_rows("movies", source.movies())
        staged.facts = self._copy_rows("facts", source.facts())
        keyed = self._copy_ratings() if ratings else 0
        progress.step("Reading tags")
        staged.tags = self._copy_rows("tags", source.tags())
        progress.step("Checking")
        self._tell_ids(keyed)
        self._execute("analyze_staging")
        self._check()
        self._require_rows()
        return staged

    def _run(self, *names: str) -> None:
        for name in names:
            run_script(self.connection, statements.raw(name))

    def _execute(self, name: str, **values: object) -> Any:
        return self.connection.execute(statements[name], values)

    def _copy(self, what: str) -> AbstractContextManager[psycopg.Copy]:
        statement = statements.raw(f"copy_{what}").encode()
        return raw(self.connection).cursor().copy(statement)

    def _count(self, kind: str, what: str, first: str, times: int) -> None:
        """Say how often something happened to lines of a file."""
        name = self.source.file_names.get(kind, "films" if kind == "movies" else kind)
        self.source.notes.count(name, what, first, times)

    def _copy_rows(self, what: str, rows: Iterable[Movie | Tag | Rejected]) -> int:
        count = 0
        with self._copy(what) as copy:
            for row in rows:
                if isinstance(row, Rejected):
                    self.rejects.add(row)
                    continue
                copy.write_row(_columns(row))
                count += 1
                if count % _REPORT_EVERY == 0:
                    self.progress.advance(_REPORT_EVERY)
        self.progress.advance(count % _REPORT_EVERY)
        return count

    def _copy_ratings(self) -> int:
        """Copy the ratings; returns how many came with an id that is no number."""
        self.progress.step("Reading ratings", self.source.ratings_size)
        keyed = 0
        # One COPY at a time: the others wait in a file.
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as waiting:
            with self._copy("ratings") as copy:
                for block in self.source.ratings():
                    self._take(block)
                    copy.write(block.data)
                    waiting.write(block.keyed)
                    keyed += block.keyed_rows
            if keyed:
                self._run("create_staging_keyed")
                waiting.seek(0)
                with self._copy("keyed") as copy:
                    while data := waiting.read(_BLOCK):
                        copy.write(data)
        self.staged.ratings += keyed
        return keyed

    def _take(self, block: RatingBlock) -> None:
        for rejected in block.rejected:
            self.rejects.add(rejected)
        self.staged.lines.add(self.staged.ratings, block.runs)
        self.staged.ratings += block.rows
        self.progress.advance(block.rows + block.keyed_rows, block.read)

    def _tell_ids(self, keyed: int) -> None:
        """The number of every film and user that is told by something else."""
        facts = bool(self.staged.facts)
        if facts:
            self._run("link_movies")
        self._note_left("leave_known_films", "film that is here under another id, left as it is")
        self._run("number_items")
        if keyed:
            self._run("resolve_keyed", "resolve_titles")
        if self.source.names_items is not None:
            if not keyed:
                self._run("create_staging_keyed")
            named = {"names_items": self.source.names_items, "replace": self.replace}
            for statement in ("name_numbered_items", "name_text_items"):
                self.staged.movies += self._execute(statement, **named).rowcount
            self._run("number_items", "resolve_keyed")
        if facts:
            self._run("match_facts")
            self._note_unmatched()
            self._run("complete_movies")
        if keyed or self.source.names_items is not None:
            self._run("add_keyed")
        if self.staged.tags:
            self._run("resolve_tags")

    def _note_left(self, statement: str, what: str) -> None:
        """Take lines of films out of staging, and count them."""
        gone = self._execute(statement).one()
        if gone.lines:
            self._count("movies", what, f"line {gone.line % FILE}", gone.lines)
            self.staged.movies -= gone.lines

    def _note_unmatched(self) -> None:
        if (found := self._execute("unmatched_facts").first()) is not None:
            what = "line about a film that is not here, left out"
            self._count("facts", what, f"film {found.id}", found.lines)

    def _check(self) -> None:
        """Checks in SQL: what they find goes from staging to ``rejected``, then to ``rejects``."""
        self._note_left("repeated_movies", "line that repeats a film, left out")
        # In this order: a rating of a film that was rejected is a rating of an unknown film.
        for what in ("movies", "ratings", "tags"):
            self._execute(f"reject_{what}", replace=self.replace)
            self._execute(f"drop_rejected_{what}")
        self._index_ratings()
        if not self.replace:
            self._note_kept()
        self._report()

    def _note_kept(self) -> None:
        """Say which ratings give way to those that are here."""
        undated = self._execute("undated", replace=False).scalar_one()
        kept = self._execute("kept_ratings", undated=undated).one()
        if kept.lines:
            what = "rating older than the one that is here, left out"
            self._count("ratings", what, kept.example, kept.lines)

    def _index_ratings(self) -> None:
        """Index the staged ratings by their key, without the earlier ones of repeated keys.

        The index puts them in order for the upserts, and a repeated key shows on the way.
        """
        try:
            with self.connection.begin_nested():
                self._execute("index_ratings")
            return
        except IntegrityError:
            pass
        highest = self.source.keeps_highest
        gone = self._execute("drop_earlier_ratings", highest=highest).one()
        which = "lower" if highest else "earlier"
        what = f"{which} rating of the same film by the same user, left out"
        self._count("ratings", what, gone.example, gone.lines)
        self.staged.ratings -= gone.lines
        self._execute("index_ratings")

    def _report(self) -> None:
        """Hand on what the checks found, line by line, as the lines are written."""
        options = {"yield_per": 1000}
        written: dict[str, _Written] = {}
        with self.connection.execute(statements["rejected"], execution_options=options) as found:
            for what, row, column, reason, content in found:
                line = self.staged.lines.line(row) if what == "ratings" else row
                name = self.source.file_names.get(f"{what}{line // FILE or ''}", what)
                text = written.setdefault(what, _Written(self.source, what)).line(line)
                self.rejects.add(Rejected(name, line % FILE, column, reason, text or content))
                setattr(self.staged, what, getattr(self.staged, what) - 1)

    def _require_rows(self) -> None:
        """Raise LoadError where a file had lines and every one of them was refused."""
        staged, rejects = self.staged, self.rejects
        for what in ("movies", "ratings"):
            name = self.source.file_names.get(what, what)
            refused = rejects.by_file.get(name)
            if refused is not None and not getattr(staged, what):
                rejects.keep()
                raise LoadError(
                    f"Every line of {name} was refused, {refused.count:,} of them; the first: "
                    f"{refused.first}. Nothing was loaded; the tables are as they were. "
                    f"{rejects.where}`palate ingest inspect` shows how a file is read."
                )
        if not staged.movies + staged.facts + staged.ratings + staged.tags:
            raise LoadError(
                f"{self.source.location} holds nothing that can be loaded. The tables are as they "
                "were. Look at the file."
            )


class _Written:
    """Lines of a source as they are written, asked for in their order."""

    def __init__(self, source: Source, what: str) -> None:
        self._source, self._what = source, what
        self._at, self._text = 0, ""
        self._lines = source.written(what)

    def line(self, number: int) -> str:
        """The text of a line; empty where the source cannot tell."""
        if number < self._at:
            self._at, self._lines = 0, self._source.written(self._what)
        while self._at < number:
            found = next(self._lines, None)
            if found is None:
                self._at, self._text = 1 << 62, ""
                break
            self._at, self._text = found
        return self._text if self._at == number else ""


def _columns(row: Movie | Tag) -> list[object]:
    """A row as its COPY has it: of a film, the id as a number and as a text."""
    values: list[object] = [list(value) if isinstance(value, tuple) else value for value in row]
    if isinstance(row, Movie):
        text = row.movie_id if isinstance(row.movie_id, str) else None
        values[1:2] = [None if text is not None else row.movie_id, text]
        values[-1] = json.dumps(row.own, ensure_ascii=False) if row.own else None
    return values
