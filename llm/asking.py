"""How a question is asked: kept answers, budgets, a check, one repair, a record of the call."""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import structlog
from pydantic import BaseModel

from llm.answers import Answer, AnswerStore, Call, CallEnd, Outcome, Usage
from llm.budget import Held, Reservations
from llm.limits import estimate_tokens
from llm.prompts import Prompt
from llm.providers import Endpoint
from llm.schema import RefusedAnswerError, WrongFormError, make_schema, read_answer
from llm.transport import (
    Attempt,
    Messages,
    Reply,
    TooLargeError,
    Transport,
    may_be_billed,
    too_large,
)
from palate.errors import LanguageModelError, UnusableAnswerError
from palate.settings import Settings

T = TypeVar("T", bound=BaseModel)
Data = Mapping[str, Any]

_SHOWN_TO_REPAIR = 2000  # characters, lest a runaway answer costs twice
_log = structlog.get_logger(__name__)


@dataclass
class _Talk:
    """A call under way: what it spent and lost, and how it seems to end."""

    call: Call
    held: Held | None
    usage: Usage
    lost: Usage = field(default_factory=Usage)
    text: str = ""
    outcome: Outcome = "failed"
    started: float = field(default_factory=time.monotonic)


class Asker:
    """Asks one endpoint, for one event loop."""

    def __init__(self, endpoint: Endpoint, settings: Settings, store: AnswerStore) -> None:
        self._budget = Reservations(settings, store)
        self._endpoint = endpoint
        self._settings = settings
        self._store = store
        self._transport = Transport(endpoint, settings)

    @property
    def spent(self) -> Usage:
        """What this process has spent."""
        return self._budget.spent

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    async def models(self) -> list[str]:
        """The names of the endpoint's models."""
        return await self._transport.models()

    async def ask(
        self,
        prompt: Prompt,
        data: Data,
        answer_type: type[T],
        check: Callable[[T], object] | None,
        seconds: float | None,
    ) -> Answer[T]:
        """One checked answer; see LanguageModel.ask."""
        schema = make_schema(answer_type)
        read = partial(_read, answer_type=answer_type, check=check, secret=self._endpoint.api_key)
        key = self._key(prompt, data, schema)
        kept = await asyncio.to_thread(self._store.find, key)
        if kept is not None and (value := _read_kept(kept, read)) is not None:
            return Answer(value, self._endpoint.model, prompt.label, True, False, Usage(), 0.0)
        deadline, started = self._deadline(seconds), time.monotonic()
        messages, spent = self.messages(prompt, data, schema), Usage()
        problem = WrongFormError()
        for repair in (False, True):
            call = self._call(prompt, messages, schema)
            async with self._recorded(call, deadline) as talk:
                text, value = "", None
                try:
                    options = self._options(prompt, schema)
                    text = await self._complete(messages, options, deadline, talk)
                    value = read(text)
                    talk.outcome = "repaired" if repair else "ok"
                except WrongFormError as error:
                    talk.outcome, problem = "invalid", error
            spent += talk.lost + talk.usage
            if value is not None:
                await self._keep(key, prompt, value)
                took = time.monotonic() - started
                model = self._endpoint.model
                return Answer(value, model, prompt.label, False, repair, spent, took)
            messages = messages + _mend(self._shown(text), str(problem))
        raise UnusableAnswerError(
            f"{self._endpoint.model} gave no answer of the form asked for, twice ({problem}). "
            "Nothing was changed. Choose a more capable PALATE_LLM_MODEL.",
            of_form=problem.of_form,
        )

    def messages(self, prompt: Prompt, data: Data, schema: Mapping[str, Any]) -> Messages:
        """What is sent: the schema stands in the prompt where the endpoint does not take one."""
        messages = prompt.messages(data)
        if self._settings.llm_structure != "json_schema":
            messages[0]["content"] += (
                f"\n\nAnswer with one JSON object of this schema and nothing else: "
                f"{json.dumps(schema)}"
            )
        return messages

    def estimate(self, prompt: Prompt, messages: Messages, schema: Mapping[str, Any]) -> Usage:
        """The most that one request is expected to cost."""
        tokens_in = estimate_tokens(messages, json.dumps(schema))
        return self._endpoint.cost(tokens_in, self._limit(prompt))

    def _limit(self, prompt: Prompt) -> int:
        return prompt.max_tokens + self._settings.llm_thinking_tokens

    async def _complete(
        self, messages: Messages, options: Mapping[str, Any], deadline: float, talk: _Talk
    ) -> str:
        attempt = Attempt(partial(self._hold_again, talk, deadline), partial(self._attempted, talk))
        try:
            reply = await self._transport.complete(
                messages, deadline=deadline, attempt=attempt, **options
            )
        except TooLargeError:
            raise self._endless() from None
        talk.text = reply.text
        talk.usage = self._usage(messages, reply)
        return reply.text

    def _options(self, prompt: Prompt, schema: Mapping[str, Any]) -> dict[str, Any]:
        options: dict[str, Any] = {self._endpoint.limit: self._limit(prompt)}
        if self._settings.llm_temperature:
            options["temperature"] = prompt.temperature
        structure = self._settings.llm_structure
        if structure == "json_schema":
            form = {"name": prompt.name, "strict": True, "schema": schema}
            options["response_format"] = {"type": structure, "json_schema": form}
        elif structure == "json_object":
            options["response_format"] = {"type": structure}
        return options

    def _usage(self, messages: Messages, reply: Reply) -> Usage:
        """What was spent, estimated where the endpoint does not tell."""
        if reply.tokens_in is None or reply.tokens_out is None:
            answer = [{"content": reply.text}]
            return self._endpoint.cost(estimate_tokens(messages), estimate_tokens(answer))
        return self._endpoint.cost(reply.tokens_in, reply.tokens_out)

    @asynccontextmanager
    async def _recorded(self, call: Call, deadline: float) -> AsyncIterator[_Talk]:
        """Hold what the call may cost, then record what it did cost and how it ended."""
        talk = _Talk(call, await self._budget.hold(call, deadline), self._endpoint.cost(0, 0))
        try:
            yield talk
        finally:
            await self._settle(talk)

    def _call(self, prompt: Prompt, messages: Messages, schema: Mapping[str, Any]) -> Call:
        """The question as it is recorded. Raises LanguageModelError for one that is too long."""
        estimate = self.estimate(prompt, messages, schema)
        if estimate.tokens_in > self._settings.llm_max_input_tokens:
            raise LanguageModelError(
                f"A question of about {estimate.tokens_in:,} tokens is longer than "
                "PALATE_LLM_MAX_INPUT_TOKENS. It was not asked. Ask for less, or raise it."
            )
        question = self._shown(json.dumps(messages)) if self._settings.llm_record_content else None
        longest = self._settings.llm_deadline
        return Call(self._endpoint.model, prompt.label, estimate, question, longest)

    async def _settle(self, talk: _Talk) -> None:
        if talk.held is None:
            return
        took = time.monotonic() - talk.started
        answer = self._shown(talk.text) if self._settings.llm_record_content else None
        held, talk.held = talk.held, None
        await self._budget.settle(held, CallEnd(talk.outcome, talk.usage, took, answer))
        _log.debug(
            "language model",
            prompt=talk.call.prompt,
            outcome=talk.outcome,
            read=talk.usage.tokens_in,
            written=talk.usage.tokens_out,
            seconds=round(took, 2),
        )

    async def _hold_again(self, talk: _Talk, deadline: float) -> None:
        """Room for another attempt, where the last one was settled. Raises BudgetError."""
        if talk.held is None:
            talk.held = await self._budget.hold(talk.call, deadline)
            talk.usage, talk.started = self._endpoint.cost(0, 0), time.monotonic()

    @asynccontextmanager
    async def _attempted(self, talk: _Talk) -> AsyncIterator[None]:
        """One attempt. One that may be billed although it gave nothing is a call of its own."""
        try:
            yield
        except BaseException as error:
            if may_be_billed(error):
                talk.outcome = "cut" if too_large(error) else "failed"
                talk.usage = talk.call.estimate
                talk.lost += talk.usage
                await self._settle(talk)
            raise

    def _shown(self, text: str) -> str:
        """A text as it may be recorded: a model that was talked into it may say a key."""
        secret = self._endpoint.api_key
        return text.replace(secret, "[hidden]") if secret else text

    def _endless(self) -> LanguageModelError:
        return LanguageModelError(
            f"{self._endpoint.model} answered more than PALATE_LLM_MAX_ANSWER_BYTES. It was cut "
            "off and nothing was changed. Choose another PALATE_LLM_MODEL, or raise the limit."
        )

    def _deadline(self, seconds: float | None) -> float:
        return asyncio.get_running_loop().time() + (seconds or self._settings.llm_deadline)

    def _key(self, prompt: Prompt, data: Data, schema: Mapping[str, Any]) -> str:
        asked = [self._endpoint.url, self._endpoint.model, prompt.fingerprint, schema, data]
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()

    async def _keep(self, key: str, prompt: Prompt, value: BaseModel) -> None:
        seconds = self._settings.llm_cache_days * 86_400
        if seconds:
            text = value.model_dump_json()
            arguments = (key, self._endpoint.model, prompt.label, text, seconds)
            await asyncio.to_thread(self._store.keep, *arguments)


def _read(
    text: str, answer_type: type[T], check: Callable[[T], object] | None, secret: str | None
) -> T:
    if secret and secret in text:
        raise WrongFormError("it holds a secret")
    value = read_answer(text, answer_type)
    if check is not None:
        try:
            check(value)
        except ValueError as error:
            raise RefusedAnswerError(str(error)) from None
    return value


def _read_kept(text: str, read: Callable[[str], T]) -> T | None:
    """A kept answer, unless it does not stand today's checks."""
    try:
        return read(text)
    except WrongFormError:
        return None


def _mend(text: str, problem: str) -> Messages:
    """What is said after an answer of the wrong form."""
    return [
        {"role": "assistant", "content": text[:_SHOWN_TO_REPAIR] or "{}"},
        {
            "role": "user",
            "content": f"That answer cannot be used: {problem[:_SHOWN_TO_REPAIR]}. "
            "Give the whole answer again, corrected, as one JSON object and nothing else.",
        },
    ]
