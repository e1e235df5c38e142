"""Films and ratings by many lines of JSON: each accepted or refused by itself, at any length.

Lines are written a batch at a time, as they come; then it is noted what became of them, so that who
asks for the job sees what is done. Sending the same lines again changes nothing.
"""

import json
import secrets
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Generic, Literal, TypeVar

import psycopg
import sqlalchemy
from pydantic import Field, ValidationError

from ingest.catalog import FilmFacts, Outcome, delete_film, own_of, statements, write_films
from ingest.fields import FieldError
from palate.contract import Frozen, Moment, MovieId, Profile, RefusedLine, UserKey
from palate.errors import ConflictError, NotFoundError
from palate.text import first_wrong
from sql.database import Database
from sql.own_fields import Type, read_types

Kind = Literal["movies", "ratings"]
State = Literal["running", "done", "stopped"]

BATCH = 200
"""Lines that are written at once."""

LONGEST_LINE = 1_000_000
MOST_REFUSED = 1000
"""Refused lines that are told; all are counted."""


_OF_A_LINE = psycopg.DataError | psycopg.IntegrityError | psycopg.errors.CardinalityViolation
"""What lines alone are refused for; the last: a film by its number and by its own id at once."""


class MovieLine(FilmFacts):
    """A film to write, or to delete. What a line does not name stays; null clears."""

    movie_id: MovieId
    delete: bool = Field(False, description="Delete the film.")
    history: Literal["keep", "erase"] = Field("keep", description="Of a film that is deleted.")


class RatingLine(Frozen):
    """What one user gave one film; null takes it back."""

    user_id: UserKey
    profile: Profile = "main"
    movie_id: MovieId
    rating: float | None = Field(ge=0.5, le=5, allow_inf_nan=False)
    rated_at: Moment | None = Field(None, description="When; left out: now.")


class JobReport(Frozen):
    """What became of the lines that were sent, so far."""

    job_id: str = Field(description="What `GET /v1/jobs/{job_id}` tells of it by.")
    kind: Kind
    state: State = Field(description="stopped: what was told is written, what is behind is not.")
    lines: int = Field(description="Lines that were read.")
    outcomes: dict[Outcome, int] = Field(description="How many lines had each outcome.")
    refused_lines: tuple[RefusedLine, ...] = Field(description="The first 1,000 refused lines.")
    seconds: float = Field(description="How long it has taken.")


Line = TypeVar("Line", bound=Frozen)
Told = list[tuple[Outcome, str | None]]
"""What became of each line of a batch, and why."""


class Writer(ABC, Generic[Line]):
    """Writes lines of one kind."""

    kind: Kind
    form: type[Line]

    def __init__(
        self, database: Database, embed: Callable[[Sequence[int]], None] = lambda _: None
    ) -> None:
        """``embed`` gets films whose vectors are to be made."""
        self.database = database
        self.embed = embed

    @abstractmethod
    def key(self, line: Line) -> object:
        """What no two lines of one batch may both be about."""

    @abstractmethod
    def write(self, connection: sqlalchemy.Connection, lines: Sequence[Line]) -> Told:
        """Write lines that are sound by themselves."""

    def after(self) -> None:
        """What follows once they are committed."""


class MovieWriter(Writer[MovieLine]):
    """Writes films."""

    kind = "movies"
    form = MovieLine

    def key(self, line: MovieLine) -> object:
        return str(line.movie_id)

    def write(self, connection: sqlalchemy.Connection, lines: Sequence[MovieLine]) -> Told:
        told: dict[int | str, tuple[Outcome, str | None]] = {}
        films: list[tuple[int | str, dict[str, Any]]] = []
        types: Mapping[str, Type] = {}
        if any("own" in line.model_fields_set for line in lines):
            types = read_types(self.database)
        for line in lines:
            try:
                if not line.delete:
                    films.append((line.movie_id, _facts(line, types)))
            except FieldError as error:
                told[line.movie_id] = "refused", str(error)
        written = zip(films, write_films(connection, films), strict=True)
        self._changed = []
        for (movie_id, facts), (number, outcome) in written:
            told[movie_id] = outcome, "a new film needs a title" if outcome == "refused" else None
            if outcome in ("created", "updated") and "embedding" not in facts:
                self._changed.append(number)
        for line in lines:
            if line.delete:
                gone = delete_film(connection, line.movie_id, keep=line.history == "keep")
                told[line.movie_id] = "unchanged" if gone is None else "deleted", None
        return [told[line.movie_id] for line in lines]

    def after(self) -> None:
        """Embed the texts that changed."""
        self.embed(self._changed)


def _facts(line: MovieLine, types: Mapping[str, Type]) -> dict[str, Any]:
    """What a line sets. Raises FieldError."""
    none = {"movie_id", "delete", "history"}
    facts = line.model_dump(mode="json", exclude_unset=True, exclude=none)
    return facts | ({"own": own_of(line, types, whole=False)} if "own" in facts else {})


class RatingWriter(Writer[RatingLine]):
    """Writes ratings."""

    kind = "ratings"
    form = RatingLine

    def key(self, line: RatingLine) -> object:
        return line.user_id, line.profile, str(line.movie_id)

    def write(self, connection: sqlalchemy.Connection, lines: Sequence[RatingLine]) -> Told:
        names = sorted({line.user_id for line in lines if isinstance(line.user_id, str)})
        rows = connection.execute(statements["name_users"], {"names": names}) if names else ()
        numbers = {row.name: row.user_id for row in rows}
        body = [
            {**line.model_dump(mode="json"), "user_id": numbers.get(line.user_id, line.user_id)}
            for line in lines
        ]
        found = connection.execute(statements["write_ratings"], {"ratings": json.dumps(body)})
        return [(row.outcome, row.reason) for row in found]


class Job(Generic[Line]):
    """One file of lines that is being written. Not for several threads at once."""

    def __init__(self, writer: Writer[Line], job_id: str | None = None) -> None:
        """Raises ConflictError where a job of this name is running."""
        self._writer = writer
        self.job_id = job_id or secrets.token_urlsafe(12)
        self._lines = 0
        self._outcomes: Counter[Outcome] = Counter()
        self._refused: list[RefusedLine] = []
        with writer.database.begin() as connection:
            asked = {"job_id": self.job_id, "kind": writer.kind}
            if connection.execute(statements["start_job"], asked).first() is None:
                raise ConflictError(
                    f"A job {self.job_id!r} is running. Nothing was written. Wait for its end, or "
                    "give another name."
                )

    def write(self, lines: Sequence[bytes]) -> None:
        """Write the next lines; empty ones count and say nothing."""
        sound: list[tuple[int, Line]] = []
        for text in lines:
            self._lines += 1
            if text.strip() and (line := self._read(text)) is not None:
                sound.append((self._lines, line))
        for batch in self._batches(sound):
            self._write(batch)
        self._note("running")

    def end(self, state: State) -> JobReport:
        """Say that no more lines come."""
        self._note(state)
        return find_job(self._writer.database, self.job_id)

    def _read(self, text: bytes) -> Line | None:
        try:
            if len(text) > LONGEST_LINE:
                raise ValueError(f"the line is longer than {LONGEST_LINE:,} bytes")
            return self._writer.form.model_validate(json.loads(text))
        except ValidationError as error:
            self._refuse(self._lines, first_wrong(error))
        except (ValueError, RecursionError) as error:
            self._refuse(self._lines, f"no JSON: {error}")
        return None

    def _refuse(self, number: int, reason: str) -> None:
        self._outcomes["refused"] += 1
        if len(self._refused) < MOST_REFUSED:
            self._refused.append(RefusedLine(line=number, reason=reason[:500]))

    def _batches(self, sound: Sequence[tuple[int, Line]]) -> Iterator[Sequence[tuple[int, Line]]]:
        """The lines in their order, no two of one batch about the same."""
        batch: list[tuple[int, Line]] = []
        about: set[object] = set()
        for number, line in sound:
            key = self._writer.key(line)
            if key in about:
                yield batch
                batch, about = [], set()
            batch.append((number, line))
            about.add(key)
        if batch:
            yield batch

    def _write(self, batch: Sequence[tuple[int, Line]]) -> None:
        lines = [line for _, line in batch]
        try:
            with self._writer.database.begin() as connection:
                told = self._writer.write(connection, lines)
        except sqlalchemy.exc.DBAPIError as error:
            if not isinstance(error.orig, _OF_A_LINE):
                raise
            if len(batch) == 1:
                self._refuse(batch[0][0], str(error.orig.diag.message_primary or error.orig))
                return
            for each in batch:
                self._write([each])
            return
        self._writer.after()
        for (number, _), (outcome, reason) in zip(batch, told, strict=True):
            if outcome == "refused":
                self._refuse(number, reason or "it cannot be written")
            else:
                self._outcomes[outcome] += 1

    def _note(self, state: State) -> None:
        refused = sorted(self._refused, key=lambda each: each.line)
        noted = {
            "job_id": self.job_id, "state": state, "lines": self._lines,
            "outcomes": json.dumps(self._outcomes),
            "refused_lines": json.dumps([line.model_dump() for line in refused]),
        }  # fmt: skip
        with self._writer.database.begin() as connection:
            connection.execute(statements["note_job"], noted)


def find_job(database: Database, job_id: str) -> JobReport:
    """What became of the lines of a job so far. Raises NotFoundError."""
    with database.read() as connection:
        row: Any = connection.execute(statements["job"], {"job_id": job_id}).mappings().first()
    if row is None:
        raise NotFoundError(f"There is no job {job_id!r}. Jobs are kept for a week.")
    return JobReport(**row)
