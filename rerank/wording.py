"""Reasons and summaries worded by a language model, from facts only; else by the template.

The model gets sentences that are true already and the figures behind them, never overviews or
other texts from outside but titles and names. What it writes is held against the same facts by
`rerank.faithful`: a text that fails goes back once with what is wrong, a second one is dropped and
the template stands in its place.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple

import structlog
from pydantic import BaseModel

from llm import LanguageModel, load_prompt
from palate.contract import ReasonSource, Wording
from palate.errors import (
    BudgetError,
    DatabaseUnavailableError,
    LanguageModelRefusedError,
    LanguageModelUnavailableError,
    PalateError,
    UnrecordedError,
    UnusableAnswerError,
)
from palate.metrics import LLM_TEXTS
from palate.settings import Settings
from rerank.faithful import Facts, check, name_patterns
from search.names import CatalogNames, Names
from sql.database import Database

_log = structlog.get_logger(__name__)

Kind = Literal["reason", "summary"]
MOST_SENTENCES: Mapping[Kind, int] = {"reason": 2, "summary": 4}
_SENTENCE = re.compile(r".+?[.!?](?=\s|$)|.+$")
_CUT = re.compile(r'^\s*\{\s*"text"\s*:\s*"([^"\\]+[.!?]) [^"\\]*$')
LENGTHS: Mapping[Kind, tuple[int, int]] = {"reason": (30, 300), "summary": (40, 700)}
"""The least and most characters of a text."""

NO_MODEL = "no language model is set: PALATE_LLM_PROVIDER or PALATE_LLM_URL names one"
FORMLESS = "the model's answers were not of the form asked for"
UNFAITHFUL = "the model's words did not keep to the facts"


class Text(BaseModel):
    """What the model answers."""

    text: str

    @classmethod
    def of_cut(cls, answer: str) -> "Text | None":
        """What stands in an answer that was cut off at its length; None: nothing does."""
        found = _CUT.search(answer)
        return cls(text=found[1]) if found else None

    def sentences(self, most: int, names: Iterable[str] = ()) -> str:
        """Its first whole sentences: a model that does not stop has said enough before.

        A point in one of the ``names`` ends no sentence: Samuel L. Jackson, Airplane!
        """
        text = plain = self.text.strip()
        for pattern in name_patterns(names):
            plain = pattern.sub(lambda found: "_" * len(found[0]), plain)
        ends = [found.end() for found in _SENTENCE.finditer(plain)]
        return text[: ends[most - 1]] if len(ends) > most else text


@dataclass(frozen=True, slots=True)
class Passage:
    """What is to be worded: the data that the model gets, the facts its text is held against, and
    the sentences that stand where it fails. ``key`` is the caller's."""

    key: int
    kind: Kind
    data: Mapping[str, Any]
    facts: Facts
    template: tuple[str, ...]


class Worded(NamedTuple):
    """A passage's sentences; ``why`` they are the template's."""

    key: int
    sentences: tuple[str, ...]
    source: ReasonSource
    regenerated: bool = False
    why: str | None = None


class Writer:
    """Words passages by a language model, where one is set. Thread-safe."""

    def __init__(self, database: Database, model: LanguageModel | None, settings: Settings) -> None:
        self._seconds = settings.llm_reason_seconds
        self.names = CatalogNames(database)
        self._model = model

    @property
    def model_name(self) -> str | None:
        """The model; None where none is set."""
        return self._model.name if self._model else None

    def prepare(self) -> Names | None:
        """The catalog's names, read from the database, for ``stream``. Raises PalateError."""
        return self.names.get() if self._model else None

    def word(self, passages: Sequence[Passage]) -> list[Worded]:
        """The passages worded, in their order, within PALATE_LLM_REASON_SECONDS."""
        if self._model is None or not passages:
            return [_by_template(passage, NO_MODEL) for passage in passages]
        with ThreadPoolExecutor(1) as pool:  # where a loop runs already, a second one may not
            found = pool.submit(asyncio.run, self._all(passages, self.prepare())).result()
        return [found[passage.key] for passage in passages]

    async def stream(
        self, passages: Sequence[Passage], names: Names | None
    ) -> AsyncIterator[Worded]:
        """The passages as they get ready. Closing it takes back what was still being asked."""
        until = time.monotonic() + self._seconds
        under_way = [asyncio.ensure_future(self._word(each, names, until)) for each in passages]
        try:
            for ready in asyncio.as_completed(under_way):
                yield await ready
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    def account(self, worded: Iterable[Worded]) -> Wording:
        """What became of the passages."""
        texts = list(worded)
        return Wording(
            model=self.model_name,
            texts=len(texts),
            passed=sum(each.source == "model" for each in texts),
            regenerated=sum(each.regenerated for each in texts),
            why_not=next((each.why for each in texts if each.why), None),
        )

    async def _all(self, passages: Sequence[Passage], names: Names | None) -> dict[int, Worded]:
        async with aclosing(self.stream(passages, names)) as ready:  # type: ignore[type-var]
            return {each.key: each async for each in ready}

    async def _word(self, passage: Passage, names: Names | None, until: float) -> Worded:
        worded = await self._ask(passage, names, until)
        outcome = "template" if worded.why else "second" if worded.regenerated else "first"
        LLM_TEXTS.labels(passage.kind, outcome).inc()
        return worded

    async def _ask(self, passage: Passage, names: Names | None, until: float) -> Worded:
        left = until - time.monotonic()
        if self._model is None or left <= 0:
            return _by_template(passage, NO_MODEL if self._model is None else _SLOW)
        shortest, longest = LENGTHS[passage.kind]
        most = MOST_SENTENCES[passage.kind]
        held = partial(
            _check, most, facts=passage.facts, shortest=shortest, longest=longest, names=names
        )
        prompt = load_prompt(passage.kind)
        try:
            said = await self._model.ask_async(
                prompt, passage.data, Text, check=held, deadline=left
            )
        except PalateError as error:
            return _by_template(passage, why(error))
        told = said.value.sentences(most, passage.facts.names)
        return Worded(passage.key, (told,), "model", said.repaired)


_SLOW = "the language model was too slow or did not answer"


def why(error: PalateError) -> str:
    """Why a model gave nothing, in words that are ours: its own may say anything."""
    _log.debug("language model not used", kind=type(error).__name__)
    if isinstance(error, BudgetError):
        return "the language model's budget is spent"
    if isinstance(error, UnrecordedError | DatabaseUnavailableError):
        return "questions to the language model cannot be recorded in the database"
    if isinstance(error, LanguageModelRefusedError):
        return "the language model's endpoint refuses the key or the model (`palate doctor`)"
    if isinstance(error, LanguageModelUnavailableError):
        return _SLOW
    if isinstance(error, UnusableAnswerError):
        return UNFAITHFUL if error.of_form else FORMLESS
    return str(error).partition(". ")[0]  # of the endpoint, a limit or the setup, in our words


def summary_passage(
    sentences: tuple[str, ...],
    *,
    names: Iterable[str] = (),
    genres: Iterable[str] = (),
    numbers: Iterable[float] = (),
    rated: Mapping[str, float] | None = None,
) -> Passage:
    """A summary to be worded: its true sentences, and the names and genres in them."""
    facts = Facts(
        names=tuple(names),
        genres=tuple(genres),
        numbers=tuple(numbers),
        sentences=sentences,
        rated=rated or {},
    )
    return Passage(0, "summary", {"sentences": list(sentences)}, facts, sentences)


def _check(
    most: int, said: Text, facts: Facts, shortest: int, longest: int, names: Names | None
) -> None:
    told = said.sentences(most, facts.names)
    check(told, facts, shortest=shortest, longest=longest, names=names)


def _by_template(passage: Passage, why_not: str) -> Worded:
    return Worded(passage.key, passage.template, "template", why=why_not)
