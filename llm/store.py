"""A language model's answers and calls, kept in PostgreSQL: shared by every process."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Protocol

import sqlalchemy

from llm.answers import Budget, Call, CallEnd, Room, Usage
from palate.errors import MisuseError, PrivilegeError, ReadOnlyError, UnrecordedError
from palate.person import PERSON
from palate.statements import Statements

_statements = Statements.beside(__file__, "answers")


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One call as it was recorded. ``cost`` in US dollars; None: no price was known."""

    id: int
    called_at: datetime
    model: str
    prompt: str
    outcome: str
    tokens_in: int
    tokens_out: int
    cost: float | None
    seconds: float | None
    question: str | None
    answer: str | None


@dataclass(frozen=True, slots=True)
class Cost:
    """What one prompt to one model came to on one day."""

    day: date
    model: str
    prompt: str
    calls: int
    answered: int
    repaired: int
    tokens_in: int
    tokens_out: int
    cost: float | None
    seconds: float | None


class Tables(Protocol):
    """The database that keeps them, as `sql.database.Database` gives it."""

    def read(self) -> AbstractContextManager[sqlalchemy.Connection]:
        """A connection on which every statement is its own transaction."""

    def begin(self, *, patient: bool = False) -> AbstractContextManager[sqlalchemy.Connection]:
        """A connection in one transaction; ``patient`` lifts the statement timeout."""


class PostgresStore:
    """The AnswerStore of every process on one database."""

    def __init__(self, database: Tables) -> None:
        self._database = database

    def find(self, key: str) -> str | None:
        with _recordable(), self._database.read() as connection:
            return connection.execute(_statements["find"], {"key": key}).scalar()

    def keep(self, key: str, model: str, prompt: str, answer: str, seconds: float) -> None:
        kept = {"key": key, "model": model, "prompt": prompt, "answer": answer, "seconds": seconds}
        with _recordable(), self._database.begin() as connection:
            connection.execute(_statements["keep"], kept | {"user_id": PERSON.get()})

    def reserve(self, call: Call, day: Budget) -> int | Room:
        asked = {"model": call.model, "prompt": call.prompt, "question": call.question}
        wanted = asdict(call.estimate) | {"user_id": PERSON.get()}
        with _recordable(), self._database.begin() as connection:
            if day != Budget():
                connection.execute(_statements["lock_budget"])
                rows = connection.execute(_statements["spent"], {"longest": call.longest})
                spent, running = (Usage(*row) for row in rows)
                room = day.room(spent, running, call.estimate)
                if room != "go":
                    return room
            return int(connection.execute(_statements["reserve"], asked | wanted).scalar_one())

    def settle(self, number: int, end: CallEnd) -> None:
        ended = asdict(end)
        values = {"id": number, **ended.pop("usage"), **ended}
        with self._database.begin() as connection:
            connection.execute(_statements["settle"], values)

    def calls(self, n: int) -> list[RecordedCall]:
        """The last ``n`` calls, newest first."""
        return [RecordedCall(**row) for row in self._rows("recent_calls", n=n)]

    def costs(self, days: int) -> list[Cost]:
        """What was asked and spent in so many days: by UTC day, model and prompt, newest first."""
        return [Cost(**row) for row in self._rows("costs", days=days)]

    def prune(self, keep_calls: float = 90 * 86_400) -> tuple[int, int]:
        """Delete answers that are too old and calls older than so many seconds; how many each."""
        with _permitted("owner"), self._database.begin(patient=True) as connection:
            answers = connection.execute(_statements["prune_answers"]).rowcount
            calls = connection.execute(_statements["prune_calls"], {"seconds": keep_calls}).rowcount
        return answers, calls

    def forget(self) -> tuple[int, int]:
        """Delete every answer and the texts of every call, whose costs stay; how many each."""
        with _permitted("app"), self._database.begin(patient=True) as connection:
            answers = connection.execute(_statements["forget_answers"]).rowcount
            texts = connection.execute(_statements["forget_texts"]).rowcount
        return answers, texts

    def _rows(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        with _permitted("app"), self._database.read() as connection:
            rows = connection.execute(_statements[statement], values).mappings().all()
        return [dict(row) for row in rows]


@contextmanager
def _permitted(role: str) -> Iterator[None]:
    """Say which role may see or delete what a language model was asked, where this one may not."""
    try:
        yield
    except PrivilegeError as error:
        raise MisuseError(
            "This database role may not do that to the language model's calls and answers. "
            f"Nothing was changed. Connect as a member of palate_{role}."
        ) from error


@contextmanager
def _recordable() -> Iterator[None]:
    """Say that no model is asked where its calls cannot be recorded: nothing would bound them."""
    try:
        yield
    except (PrivilegeError, ReadOnlyError) as error:
        raise UnrecordedError(
            "The language model's calls cannot be recorded: this database role may only read. It "
            "was not asked. Connect as a member of palate_app; answers without it go on."
        ) from error
