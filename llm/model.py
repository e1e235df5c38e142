"""A language model to ask, from threads and event loops alike.

All work runs on one event loop in a thread of its own, so that whoever asks shares connections,
limits and budgets.
"""

from __future__ import annotations

import asyncio
import importlib.util
import threading
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from pydantic import BaseModel

from llm.answers import Answer, AnswerStore, MemoryStore, Usage
from llm.prompts import Prompt
from llm.providers import Endpoint, find_endpoint
from llm.schema import make_schema
from palate.errors import NotInstalledError
from palate.settings import Settings

if TYPE_CHECKING:
    from llm.asking import Asker

T = TypeVar("T", bound=BaseModel)
R = TypeVar("R")
Data = Mapping[str, Any]


class LanguageModel:
    """A language model behind an OpenAI-compatible endpoint. Thread-safe; close it when done."""

    def __init__(self, endpoint: Endpoint, settings: Settings, store: AnswerStore) -> None:
        from llm.asking import Asker

        self.name = endpoint.model
        self.host = endpoint.host
        self.local = endpoint.prices == (0.0, 0.0)
        self._endpoint = endpoint
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="language-model", daemon=True
        )
        self._thread.start()

        async def make() -> Asker:
            return Asker(endpoint, settings, store)

        self._asker = self._wait(make())

    @property
    def spent(self) -> Usage:
        """What this process has spent."""
        return self._asker.spent

    def estimate(self, prompt: Prompt, data: Data, answer_type: type[BaseModel]) -> Usage:
        """The most that one answer is expected to cost. Asks nothing."""
        schema = make_schema(answer_type)
        messages = self._asker.messages(prompt, data, schema)
        return self._asker.estimate(prompt, messages, schema)

    def ask(
        self,
        prompt: Prompt,
        data: Data,
        answer_type: type[T],
        *,
        check: Callable[[T], object] | None = None,
        deadline: float | None = None,
    ) -> Answer[T]:
        """A checked answer about ``data``; from the store, where the same was asked before.

        An answer that is not of its type, or that ``check`` refuses by a ValueError, is sent back
        once with the reason. ``deadline``: seconds instead of PALATE_LLM_DEADLINE.

        Raises BudgetError where the answer might cost more than the budget leaves,
        LanguageModelUnavailableError when the endpoint fails or is too slow, LanguageModelError
        (the base of both) when no usable answer came.
        """
        return self._wait(self._asker.ask(prompt, data, answer_type, check, deadline))

    async def ask_async(
        self,
        prompt: Prompt,
        data: Data,
        answer_type: type[T],
        *,
        check: Callable[[T], object] | None = None,
        deadline: float | None = None,
    ) -> Answer[T]:
        """``ask`` for coroutines of any event loop."""
        return await self._await(self._asker.ask(prompt, data, answer_type, check, deadline))

    def models(self) -> list[str]:
        """The names of the endpoint's models. Raises LanguageModelError."""
        return self._wait(self._asker.models())

    def close(self) -> None:
        """Close the connections and end the thread."""
        if self._loop.is_closed():
            return
        self._wait(self._asker.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _wait(self, work: Coroutine[Any, Any, R]) -> R:
        """Run on the loop; an interrupted wait gives the work up."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        finally:
            future.cancel()

    async def _await(self, work: Coroutine[Any, Any, R]) -> R:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))


def open_llm(settings: Settings, store: AnswerStore | None = None) -> LanguageModel | None:
    """The language model that the settings name; None when they name none.

    ``store`` keeps answers and calls, and counts the day's budget; without one, this process's
    memory does. Raises MisuseError for settings that name a model by half, NotInstalledError
    without the ``llm`` extra.
    """
    found = find_endpoint(settings)
    if found is None:
        return None
    if importlib.util.find_spec("openai") is None:
        raise NotInstalledError(
            "A language model is set, but its client is not installed. Nothing was done. Install "
            "it with `pip install -e '.[llm]'` in Palate's folder, or unset PALATE_LLM_PROVIDER "
            "and PALATE_LLM_URL."
        )
    return LanguageModel(found, settings, store or MemoryStore())
