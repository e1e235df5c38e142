"""Reasons and summaries as a language model arranges them, from facts only; else by the template.

The model gets numbered facts, and answers with numbers of facts, joins and a tone. The words are
made of those by `rerank.facts`, so that nothing else can be said. An answer that chooses no fact
goes back once; after a second one the template stands.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import structlog

from llm import LanguageModel, load_prompt
from palate.contract import ReasonSource, Wording
from palate.errors import (
    BudgetError,
    DatabaseUnavailableError,
    LanguageModelRefusedError,
    LanguageModelUnavailableError,
    NoCreditError,
    PalateError,
    UnrecordedError,
    UnusableAnswerError,
)
from palate.metrics import LLM_TEXTS
from palate.settings import Settings
from rerank.facts import Choice, Fact, choice_among, write

_log = structlog.get_logger(__name__)

Kind = Literal["reason", "summary"]
MOST_SAID: Mapping[Kind, int] = {"reason": 4, "summary": 8}
"""Facts that a text says at most."""

NO_MODEL = "no language model is set: PALATE_LLM_PROVIDER or PALATE_LLM_URL names one"
FORMLESS = "the model's answers were not of the form asked for"
FACTLESS = "the model chose none of the facts"


@dataclass(frozen=True, slots=True)
class Passage:
    """What is to be worded: the facts, and the sentences that stand where the model chooses none.

    ``about`` is what they are about, for the model; ``key`` is the caller's.
    """

    key: int
    kind: Kind
    about: str
    facts: tuple[Fact, ...]
    template: tuple[str, ...]

    @property
    def data(self) -> dict[str, Any]:
        """What the model gets."""
        facts = [
            {"fact": n, "says": str(fact), "side": fact.polarity}
            for n, fact in enumerate(self.facts, 1)
        ]
        return {"about": self.about, "facts": facts}

    def write(self, choice: Choice) -> str:
        """The text of a choice. Raises ValueError where it chooses no fact."""
        return write(choice, self.facts, MOST_SAID[self.kind])


class Worded(NamedTuple):
    """A passage's sentences; ``why`` they are the template's."""

    key: int
    sentences: tuple[str, ...]
    source: ReasonSource
    regenerated: bool = False
    why: str | None = None


class Writer:
    """Words passages by a language model, where one is set. Thread-safe."""

    def __init__(self, model: LanguageModel | None, settings: Settings) -> None:
        self._seconds = settings.llm_reason_seconds
        self._model = model

    @property
    def model_name(self) -> str | None:
        """The model; None where none is set."""
        return self._model.name if self._model else None

    def word(self, passages: Sequence[Passage]) -> list[Worded]:
        """The passages worded, in their order, within PALATE_LLM_REASON_SECONDS."""
        if self._model is None or not passages:
            return [_by_template(passage, NO_MODEL) for passage in passages]
        with ThreadPoolExecutor(1) as pool:  # where a loop runs already, a second one may not
            found = pool.submit(copy_context().run, asyncio.run, self._all(passages)).result()
        return [found[passage.key] for passage in passages]

    async def stream(self, passages: Sequence[Passage]) -> AsyncIterator[Worded]:
        """The passages as they get ready. Closing it takes back what was still being asked."""
        until = time.monotonic() + self._seconds
        under_way = [asyncio.ensure_future(self._word(each, until)) for each in passages]
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

    async def _all(self, passages: Sequence[Passage]) -> dict[int, Worded]:
        async with aclosing(self.stream(passages)) as ready:  # type: ignore[type-var]
            return {each.key: each async for each in ready}

    async def _word(self, passage: Passage, until: float) -> Worded:
        worded = await self._ask(passage, until)
        outcome = "template" if worded.why else "second" if worded.regenerated else "first"
        LLM_TEXTS.labels(passage.kind, outcome).inc()
        return worded

    async def _ask(self, passage: Passage, until: float) -> Worded:
        left = until - time.monotonic()
        if self._model is None or left <= 0:
            return _by_template(passage, NO_MODEL if self._model is None else _SLOW)
        prompt, form = load_prompt(passage.kind), choice_among(len(passage.facts))
        try:
            said = await self._model.ask_async(
                prompt, passage.data, form, check=passage.write, deadline=left
            )
        except PalateError as error:
            return _by_template(passage, why(error))
        return Worded(passage.key, (passage.write(said.value),), "model", said.repaired)


_SLOW = "the language model was too slow or did not answer"


def why(error: PalateError) -> str:
    """Why a model gave nothing, in words that are ours: its own may say anything."""
    _log.debug("language model not used", kind=type(error).__name__)
    if isinstance(error, BudgetError):
        return "the language model's budget is spent"
    if isinstance(error, UnrecordedError | DatabaseUnavailableError):
        return "questions to the language model cannot be recorded in the database"
    if isinstance(error, NoCreditError):
        return "the language model's account has no credit left"
    if isinstance(error, LanguageModelRefusedError):
        return "the language model's endpoint refuses the key or the model (`palate doctor`)"
    if isinstance(error, LanguageModelUnavailableError):
        return _SLOW
    if isinstance(error, UnusableAnswerError):
        return FACTLESS if error.of_form else FORMLESS
    return str(error).partition(". ")[0]  # of the endpoint, a limit or the setup, in our words


def _by_template(passage: Passage, why_not: str) -> Worded:
    return Worded(passage.key, passage.template, "template", why=why_not)
