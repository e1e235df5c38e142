"""Enrich films: choose those due, judge them in batches, write each batch by one update.

What is written stays: a run that is stopped goes on where it was, since it chooses the films that
are still missing. Answers of the model are kept besides, so that asking again costs nothing.
"""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field
from typing import Literal

from ingest.judging import (
    BATCH,
    RULES,
    Film,
    Judged,
    Judgement,
    ask,
    choose_prompt,
    judge_by_rules,
    lacks_money,
    make_answer_type,
    make_question,
    name_judge,
)
from ingest.progress import LoadProgress
from llm import LanguageModel, Usage
from palate.errors import (
    BudgetError,
    ConflictError,
    LanguageModelError,
    LanguageModelRefusedError,
    LanguageModelUnavailableError,
    LoadError,
    NotFoundError,
    PrivilegeError,
)
from palate.statements import Statements, raw
from sql.database import Database

statements = Statements.beside(__file__, "enrichment")

Which = Literal["missing", "stale", "every"]
_RULES_BATCH = 1000  # films a transaction
_MOST = 2**62  # no limit, as LIMIT takes it


@dataclass(slots=True)
class EnrichReport:
    """What a run did. ``unanswered`` films got no usable answer and were judged by rules.

    ``compared`` films have a certificate, and the model ``contradicted`` so many of them.
    """

    by: str
    films: int
    unanswered: int = 0
    from_store: int = 0
    compared: int = 0
    contradicted: int = 0
    usage: Usage = field(default_factory=Usage)
    seconds: float = 0.0

    def __str__(self) -> str:
        if not self.films:
            return "No film is due; nothing was changed."
        if self.unanswered == self.films:
            return (
                f"{self.by} gave no usable answer for any of {self.films:,} films, in "
                f"{self.seconds:.1f} s and {self.usage.tokens:,} tokens: rules judged them, and "
                "they stay due. Choose a more capable PALATE_LLM_MODEL."
            )
        text = f"Enriched {self.films:,} films by {self.by} in {self.seconds:.1f} s."
        if self.by == RULES:
            return f"{text} Tones are left open: no language model was asked (docs/llm.md)."
        cost = "unknown cost" if self.usage.cost is None else f"${self.usage.cost:,.4f}"
        text += f" {self.usage.tokens:,} tokens, {cost}; {self.from_store:,} films from the store."
        if self.unanswered:
            text += f" For {self.unanswered:,} the model gave no usable answer: rules judged them."
        if self.compared:
            text += (
                f" Of {self.compared:,} films with a certificate the model contradicted it for "
                f"{self.contradicted:,}; the certificate stands."
            )
        return text


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run would do, at most."""

    by: str
    films: int
    questions: int
    usage: Usage

    def __str__(self) -> str:
        text = f"{self.films:,} films are due, by {self.by}. Nothing was changed."
        if self.by == RULES:
            return text
        cost = "the price is not known" if self.usage.cost is None else f"${self.usage.cost:,.4f}"
        return (
            f"{text} {self.questions:,} questions, at most {self.usage.tokens_in:,} tokens in and "
            f"{self.usage.tokens_out:,} out: {cost}."
        )


def choose(
    database: Database,
    model: LanguageModel | None,
    *,
    which: Which = "missing",
    movie_ids: Sequence[int] | None = None,
    n: int | None = None,
) -> list[int]:
    """The films that are due, by id; at most ``n``. Raises NotFoundError for unknown ids."""
    by = name_judge(model)
    with database.read() as connection:
        if movie_ids is None:
            values = {"n": _MOST if n is None else n} | ({} if which == "every" else {"by": by})
            return list(connection.execute(statements[which], values).scalars())
        known = list(connection.execute(statements["known"], {"ids": list(movie_ids)}).scalars())
    if unknown := sorted(set(movie_ids) - set(known)):
        raise NotFoundError(
            f"There is no film {unknown[0]}. Nothing was changed. `palate random` shows some."
        )
    return known[:n]


def estimate(database: Database, model: LanguageModel | None, movie_ids: Sequence[int]) -> Estimate:
    """What enriching these films would cost at most, from their texts. Asks nothing."""
    if model is None:
        return Estimate(RULES, len(movie_ids), 0, Usage())
    questions, usage = 0, Usage()
    for films in _batches(database, movie_ids, BATCH, model):
        questions += 1
        usage += model.estimate(choose_prompt(films), make_question(films), make_answer_type(films))
    return Estimate(name_judge(model), len(movie_ids), questions, usage)


def enrich(
    database: Database,
    model: LanguageModel | None,
    movie_ids: Sequence[int],
    *,
    concurrency: int = 4,
    progress: LoadProgress | None = None,
) -> EnrichReport:
    """Judge the films and write what was found, batch by batch.

    Without a model, by rules alone. A batch that the model cannot answer is judged by rules and
    stays due. Raises ConflictError while another run enriches this database, and
    LanguageModelUnavailableError, LanguageModelRefusedError or BudgetError where going on is
    pointless; what was written before stays.
    """
    progress, started = progress or LoadProgress(), time.monotonic()
    with _alone(database), _permitted():
        progress.step("Enriching", len(movie_ids))
        before = model.spent if model else Usage()
        report = EnrichReport(name_judge(model), len(movie_ids))
        run = _Run(database, model, progress, report)
        size = BATCH if model else _RULES_BATCH
        run.work(_batches(database, movie_ids, size, model), concurrency)
        report.usage = model.spent - before if model else before
        report.seconds = time.monotonic() - started
        return report


@dataclass(frozen=True)
class _Run:
    """Batches asked at once, written as they are answered."""

    database: Database
    model: LanguageModel | None
    progress: LoadProgress
    report: EnrichReport

    def work(self, batches: Iterator[list[Film]], concurrency: int) -> None:
        """Ask ``concurrency`` batches at once until there are none."""
        asked: dict[Future[Judged | None], list[Film]] = {}
        with ThreadPoolExecutor(concurrency) as threads:
            for films in batches:
                asked[threads.submit(self._judge, films)] = films
                if len(asked) >= concurrency:
                    self._write(asked)
            while asked:
                self._write(asked)

    def _write(self, asked: dict[Future[Judged | None], list[Film]]) -> None:
        for future in wait(asked, return_when=FIRST_COMPLETED).done:
            films, judged = asked.pop(future), future.result()
            if judged is None:
                self.report.unanswered += len(films)
                judged = Judged([judge_by_rules(film) for film in films])
            self.report.from_store += len(films) if judged.cached else 0
            self.report.compared += judged.compared
            self.report.contradicted += judged.contradicted
            _write(self.database, judged.films)
            self.progress.advance(len(films), len(films))

    def _judge(self, films: list[Film]) -> Judged | None:
        """What the model says, or rules without one; None where it says nothing usable."""
        if self.model is None:
            return Judged([judge_by_rules(film) for film in films])
        try:
            return ask(self.model, films)
        except (LanguageModelUnavailableError, LanguageModelRefusedError, BudgetError):
            raise
        except LanguageModelError as error:
            self.progress.say(f"{len(films)} films by rules: {error}")
            return None


@contextmanager
def _alone(database: Database) -> Iterator[None]:
    """Refuse a second run on the same database."""
    database.require_session()
    with database.read() as connection:
        if not connection.execute(statements["try_lock"]).scalar_one():
            raise ConflictError(
                "Another run enriches this database. Nothing was changed. Wait for it to end."
            )
        try:
            yield
        finally:
            connection.execute(statements["unlock"])


@contextmanager
def _permitted() -> Iterator[None]:
    """Say which role may enrich where this one may not."""
    try:
        yield
    except PrivilegeError as error:
        raise LoadError(
            "This database role may not change films. Nothing was changed. Enrich as the role that "
            "migrated, or as a member of palate_owner."
        ) from error


def _batches(
    database: Database, movie_ids: Sequence[int], size: int, model: LanguageModel | None
) -> Iterator[list[Film]]:
    """The films' facts, so many at a time; with a model, those without money apart."""
    waiting: dict[bool, list[Film]] = {False: [], True: []}
    for start in range(0, len(movie_ids), _RULES_BATCH):
        ids = list(movie_ids[start : start + _RULES_BATCH])
        with database.read() as connection:
            rows = connection.execute(statements["facts"], {"ids": ids}).mappings().all()
        for row in rows:
            film = Film(**row)
            batch = waiting[model is not None and lacks_money(film)]
            batch.append(film)
            if len(batch) == size:
                yield batch.copy()
                batch.clear()
    yield from (batch for batch in waiting.values() if batch)


def _write(database: Database, judged: Sequence[Judgement]) -> None:
    """Write a batch: COPY into staging, then one update."""
    with database.begin(patient=True) as connection:
        connection.execute(statements["lock_loads"])
        connection.execute(statements["create_staging"])
        copy_sql = statements.raw("copy_enrichment").encode()
        with raw(connection).cursor().copy(copy_sql) as copy:
            for each in judged:
                copy.write_row(astuple(each))
        connection.execute(statements["write_enrichment"])
