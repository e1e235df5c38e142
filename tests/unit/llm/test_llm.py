"""The language model client and endpoints that fail in every way."""

import asyncio
import json
import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from llm import Budget, Call, LanguageModel, MemoryStore, Prompt, Usage, open_llm
from llm.answers import CallEnd
from llm.limits import CircuitBreaker, estimate_tokens
from llm.prompts import FOLDER, fence, read_prompt
from llm.providers import PRESETS, find_endpoint
from llm.schema import WrongFormError, make_schema, read_answer
from palate.errors import (
    BudgetError,
    LanguageModelError,
    LanguageModelUnavailableError,
    MisuseError,
)
from palate.logs import set_up_logs
from palate.settings import Settings
from tests.faulty_model import (
    KEY,
    Answer,
    FaultyModel,
    drips,
    faulty_model,
    hangs_up,
    says,
    sends,
    sleeps,
)

PROMPT = Prompt("tone", 1, "Say what the tone of the film is.", max_tokens=20)
FILM = {"overview": "A dog is lost and found."}
GOOD = '{"tone": "positive"}'


class Tone(BaseModel):
    tone: Literal["positive", "negative"]


@contextmanager
def asking(*answers: Answer, **changes: Any) -> Iterator[tuple[LanguageModel, FaultyModel]]:
    with ExitStack() as stack:
        faulty = stack.enter_context(faulty_model(*answers))
        model = open_llm(faulty.settings(**changes))
        assert model is not None
        yield stack.enter_context(model), faulty


# What is sent, and what comes back


def test_an_answer_is_checked_and_counted() -> None:
    with asking(says(GOOD), llm_prices={"faulty": (1.0, 10.0)}) as (model, faulty):
        answer = model.ask(PROMPT, FILM, Tone)
    assert answer.value == Tone(tone="positive")
    assert (answer.usage.tokens_in, answer.usage.tokens_out) == (20, 5)
    assert answer.usage.cost == pytest.approx(70e-6)
    assert (answer.prompt, answer.cached, answer.repaired) == ("tone@1", False, False)
    [sent] = faulty.questions
    assert sent["max_tokens"] == 20
    assert sent["response_format"]["json_schema"]["schema"] == make_schema(Tone)
    assert [message["role"] for message in sent["messages"]] == ["system", "user"]


def test_a_model_that_thinks_gets_room_and_no_temperature() -> None:
    thinking = {"llm_temperature": False, "llm_thinking_tokens": 500}
    with asking(says(GOOD), **thinking) as (model, faulty):
        model.ask(PROMPT, FILM, Tone)
        assert model.estimate(PROMPT, FILM, Tone).tokens_out == 520
    assert faulty.questions[0]["max_tokens"] == 520
    assert "temperature" not in faulty.questions[0]


def test_the_same_question_is_not_asked_twice() -> None:
    with asking(says(GOOD)) as (model, faulty):
        model.ask(PROMPT, FILM, Tone)
        assert model.ask(PROMPT, FILM, Tone).cached
        assert not model.ask(replace(PROMPT, max_tokens=30), FILM, Tone).cached, (
            "an edited prompt asks again"
        )
        assert not model.ask(PROMPT, {"overview": "Other."}, Tone).cached
    assert len(faulty.questions) == 3


def test_models_of_one_name_at_two_addresses_share_no_answers() -> None:
    store = MemoryStore()
    for text in (GOOD, '{"tone": "negative"}'):
        with faulty_model(says(text)) as faulty:
            model = open_llm(faulty.settings(), store)
            assert model is not None
            with model:
                assert model.ask(PROMPT, FILM, Tone).value == Tone.model_validate_json(text)


def test_a_cache_of_no_days_keeps_nothing() -> None:
    with asking(says(GOOD), llm_cache_days=0) as (model, faulty):
        model.ask(PROMPT, FILM, Tone)
        assert not model.ask(PROMPT, FILM, Tone).cached
    assert len(faulty.questions) == 2


@pytest.mark.parametrize("structure", ["json_object", "text"])
def test_without_schemas_the_form_stands_in_the_prompt(structure: str) -> None:
    with asking(says(f"Sure!\n```json\n{GOOD}\n```"), llm_structure=structure) as (model, faulty):
        assert model.ask(PROMPT, FILM, Tone).value.tone == "positive"
    assert '"enum": ["positive", "negative"]' in faulty.questions[0]["messages"][0]["content"]
    assert ("response_format" in faulty.questions[0]) == (structure == "json_object")


def test_an_answer_of_the_wrong_form_is_sent_back_once() -> None:
    with asking(says('{"tone": "sunny"}'), says(GOOD)) as (model, faulty):
        answer = model.ask(PROMPT, FILM, Tone)
    assert answer.repaired
    assert answer.usage.tokens == 50
    assert (
        "Input should be 'positive' or 'negative'" in faulty.questions[1]["messages"][-1]["content"]
    )


def test_a_refused_answer_is_sent_back_with_the_reason() -> None:
    def check(answer: Tone) -> None:
        if answer.tone == "negative":
            raise ValueError("nobody dies in it")

    with asking(says('{"tone": "negative"}'), says(GOOD)) as (model, faulty):
        assert model.ask(PROMPT, FILM, Tone, check=check).value.tone == "positive"
    assert "nobody dies in it" in faulty.questions[1]["messages"][-1]["content"]


@pytest.mark.parametrize(
    "text",
    ['{"tone": "posi', "", "I cannot.", '{"mood": "positive"}', '["positive"]', "{" * 5000],
    ids=["half", "empty", "words", "wrong name", "list", "deep"],
)
def test_two_answers_of_the_wrong_form_are_a_clear_failure(text: str) -> None:
    with asking(says(text)) as (model, faulty):
        with pytest.raises(LanguageModelError, match="no answer of the form asked for, twice"):
            model.ask(PROMPT, FILM, Tone)
        assert len(faulty.questions) == 2
        assert model.spent.tokens == 50, "what was paid is counted"


# Faults


@pytest.mark.parametrize(
    "fault",
    [
        sends(500, "{}"), sends(429, "{}"), sends(503, "busy"), hangs_up,
        sends(200, '{"id": "1", "choi'), sends(200, "{}"),
    ],
    ids=["500", "429", "503", "hangs up", "half a JSON", "no choices"],
)  # fmt: skip
def test_what_may_go_better_is_tried_again(fault: Answer) -> None:
    with asking(fault, says(GOOD)) as (model, faulty):
        assert model.ask(PROMPT, FILM, Tone).value.tone == "positive"
    assert len(faulty.questions) == 2


def test_a_slow_answer_is_asked_for_again() -> None:
    with asking(sleeps(6, says("late")), says(GOOD), llm_timeout=2) as (model, faulty):
        assert model.ask(PROMPT, FILM, Tone).value.tone == "positive"
    assert len(faulty.questions) > 1


def test_an_answer_given_up_counts_as_what_it_may_have_cost() -> None:
    with asking(sleeps(6, says("late")), llm_attempts=1, llm_timeout=0.3) as (model, _):
        with pytest.raises(LanguageModelUnavailableError, match="too slow"):
            model.ask(PROMPT, FILM, Tone)
        assert model.spent == model.estimate(PROMPT, FILM, Tone)


def test_the_server_says_when_to_come_back() -> None:
    with asking(sends(429, "{}", {"Retry-After": "0.4"}), says(GOOD)) as (model, faulty):
        model.ask(PROMPT, FILM, Tone)
    assert faulty.at[1] - faulty.at[0] >= 0.4


@pytest.mark.parametrize(
    ("fault", "advice"),
    [
        (sends(401, "{}"), "PALATE_LLM_API_KEY"),
        (sends(404, "{}"), "PALATE_LLM_MODEL"),
        (sends(400, "{}"), "PALATE_LLM_STRUCTURE"),
        (sends(429, '{"error": {"code": "insufficient_quota"}}'), "no credit left: top it up"),
        (sends(402, "{}"), "no credit left: top it up"),
    ],
    ids=["401", "404", "400", "quota", "402"],
)
def test_what_stays_wrong_is_told_at_once(fault: Answer, advice: str) -> None:
    with asking(fault) as (model, faulty), pytest.raises(LanguageModelError, match=advice) as told:
        model.ask(PROMPT, FILM, Tone)
    assert not isinstance(told.value, LanguageModelUnavailableError)
    assert len(faulty.questions) == 1


@pytest.mark.parametrize("fault", [sends(200, '{"choices": [{}]}'), hangs_up, sends(500, "{}")])
def test_no_name_of_ours_reaches_a_user(fault: Answer, capsys: pytest.CaptureFixture[str]) -> None:
    with asking(fault, llm_attempts=2) as (model, _), pytest.raises(LanguageModelError) as told:
        model.ask(PROMPT, FILM, Tone)
    shown = str(told.value) + "".join(capsys.readouterr())
    assert "_BadReply" not in shown
    assert "_Refused" not in shown
    assert "Nothing was changed" in shown


def test_waits_end_with_the_deadline() -> None:
    started = time.monotonic()
    with (
        asking(sends(429, "{}", {"Retry-After": "60"})) as (model, _),
        pytest.raises(LanguageModelUnavailableError, match="too slow"),
    ):
        model.ask(PROMPT, FILM, Tone, deadline=0.3)
    assert time.monotonic() - started < 30


def test_an_endpoint_that_is_not_there() -> None:
    settings = Settings(
        _env_file=None, llm_url="http://127.0.0.1:9/v1", llm_model="m", llm_attempts=1
    )
    model = open_llm(settings)
    assert model is not None
    with model, pytest.raises(LanguageModelUnavailableError, match="cannot be reached"):
        model.ask(PROMPT, FILM, Tone)


def test_an_answer_that_drips_is_too_slow() -> None:
    with (
        asking(drips, llm_attempts=1, llm_timeout=0.5) as (model, _),
        pytest.raises(LanguageModelUnavailableError, match="too slow"),
    ):
        model.ask(PROMPT, FILM, Tone)


@pytest.mark.parametrize(
    ("fault", "lost"),
    [(hangs_up, 1), (sends(200, "{}"), 1), (sends(503, "busy"), 0)],
    ids=["hangs up", "no choices", "503"],
)
def test_attempts_that_may_be_billed_count(fault: Answer, lost: int) -> None:
    with asking(fault, says(GOOD), llm_prices={"faulty": (1.0, 10.0)}) as (model, _):
        estimate = model.estimate(PROMPT, FILM, Tone)
        answer = model.ask(PROMPT, FILM, Tone)
        assert answer.usage.tokens == 25 + lost * estimate.tokens
        assert model.spent == answer.usage


def test_another_attempt_has_to_fit_the_budget() -> None:
    with asking(says(GOOD)) as (model, _):
        most = model.estimate(PROMPT, FILM, Tone).tokens
    with (
        asking(hangs_up, says(GOOD), llm_run_tokens=2 * most - 1) as (model, faulty),
        pytest.raises(BudgetError, match="PALATE_LLM_RUN_TOKENS"),
    ):
        model.ask(PROMPT, FILM, Tone)
    assert len(faulty.questions) == 1


def test_an_answer_of_ten_megabytes_is_cut_off() -> None:
    endless = says('{"tone": "' + "x" * 10_000_000 + '"}')
    with (
        asking(endless) as (model, faulty),
        pytest.raises(LanguageModelError, match="PALATE_LLM_MAX_ANSWER_BYTES"),
    ):
        model.ask(PROMPT, FILM, Tone)
    assert len(faulty.questions) == 1


def test_a_compressed_answer_is_refused() -> None:
    compressed = sends(200, "x", {"Content-Encoding": "gzip"})
    with asking(compressed, llm_attempts=1) as (model, _), pytest.raises(LanguageModelError):
        model.ask(PROMPT, FILM, Tone)


def test_after_failures_in_a_row_the_endpoint_is_left_alone() -> None:
    with asking(sends(500, "{}"), llm_attempts=1) as (model, faulty):
        for _ in range(5):
            with pytest.raises(LanguageModelUnavailableError, match="answered 500"):
                model.ask(PROMPT, FILM, Tone)
        with pytest.raises(LanguageModelUnavailableError, match="left alone"):
            model.ask(PROMPT, FILM, Tone)
    assert len(faulty.questions) == 5


def test_after_the_pause_one_question_is_let_through() -> None:
    breaker = CircuitBreaker(failures=1, pause=0.0)
    breaker.failed()
    breaker.check()
    breaker.succeeded()
    breaker.check()


def test_coroutines_of_any_event_loop_ask() -> None:
    with asking(says(GOOD)) as (model, _):
        answer = asyncio.run(model.ask_async(PROMPT, FILM, Tone))
    assert answer.value == Tone(tone="positive")


def test_a_coroutine_that_is_given_up_frees_its_place() -> None:
    async def give_up(model: LanguageModel) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(model.ask_async(PROMPT, FILM, Tone), 0.3)

    with asking(sleeps(2, says(GOOD)), says(GOOD), llm_concurrency=1) as (model, _):
        asyncio.run(give_up(model))
        assert model.ask(PROMPT, FILM, Tone).value.tone == "positive"


# Limits


def test_only_so_many_requests_run_at_once() -> None:
    films = [{"overview": str(n)} for n in range(8)]
    pair, lock, running, most = threading.Barrier(2), threading.Lock(), 0, 0

    def answer(handler: BaseHTTPRequestHandler, question: dict[str, Any]) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(running, most)
        pair.wait(120)  # nobody is answered alone
        time.sleep(0.05)  # a third one would come now
        with lock:
            running -= 1
        says(GOOD)(handler, question)

    with asking(answer, llm_concurrency=2) as (model, _), ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda film: model.ask(PROMPT, film, Tone), films))
    assert most == 2


def test_requests_keep_a_pace() -> None:
    with asking(says(GOOD), llm_requests_per_minute=600) as (model, _):
        started = time.monotonic()
        for n in range(3):
            model.ask(PROMPT, {"overview": str(n)}, Tone)
        assert time.monotonic() - started >= 0.2


def test_a_budget_refuses_before_it_is_exceeded() -> None:
    with asking(says(GOOD)) as (model, faulty):
        most = model.estimate(PROMPT, FILM, Tone).tokens
    with asking(says(GOOD), llm_run_tokens=most + 24) as (model, faulty):
        model.ask(PROMPT, FILM, Tone)
        with pytest.raises(BudgetError, match="PALATE_LLM_RUN_TOKENS"):
            model.ask(PROMPT, {"overview": "A cat is lost and found."}, Tone)
        assert model.ask(PROMPT, FILM, Tone).cached, "what is known costs nothing"
    assert len(faulty.questions) == 1


def test_the_budget_of_a_day_counts_every_process() -> None:
    store = MemoryStore()
    with faulty_model(says(GOOD)) as faulty:
        settings = faulty.settings(llm_day_cost=0.0004, llm_prices={"faulty": (1.0, 10.0)})
        for n, allowed in enumerate((True, False)):
            model = open_llm(settings, store)
            assert model is not None
            with model:
                if allowed:
                    model.ask(PROMPT, {"overview": str(n)}, Tone)
                else:
                    with pytest.raises(BudgetError, match="PALATE_LLM_DAY_COST"):
                        model.ask(PROMPT, {"overview": str(n)}, Tone)
    assert len(faulty.questions) == 1


def test_calls_are_remembered_for_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    store, call, now = MemoryStore(), Call("m", "p@1", Usage(10, 10)), time.monotonic()
    first = store.reserve(call, Budget(tokens=20))
    assert isinstance(first, int)
    store.settle(first, CallEnd("ok", Usage(10, 10), 1.0))
    assert store.reserve(call, Budget(tokens=20)) == "spent"
    monkeypatch.setattr(time, "monotonic", lambda: now + 2 * 86_400)
    assert isinstance(store.reserve(call, Budget(tokens=20)), int)


def burst(model: LanguageModel, n: int) -> list[str]:
    """What becomes of so many questions at once."""

    def ask(number: int) -> str:
        try:
            return "kept" if model.ask(PROMPT, {"overview": str(number)}, Tone).cached else "good"
        except BudgetError:
            return "spent"

    with ThreadPoolExecutor(n) as threads:
        return list(threads.map(ask, range(n)))


@pytest.mark.parametrize("budget", ["llm_run_tokens", "llm_day_tokens"])
def test_what_was_held_and_not_spent_comes_back_at_once(budget: str) -> None:
    """Twenty at once, where room for two is enough: each costs a fifth of what is held for it."""
    with asking(says(GOOD)) as (model, _):
        most = model.estimate(PROMPT, {"overview": "1"}, Tone).tokens
    with asking(says(GOOD), **{budget: 19 * 25 + most + 10}) as (model, _):
        assert burst(model, 20) == ["good"] * 20
        assert burst(model, 20) == ["kept"] * 20


@pytest.mark.parametrize("budget", ["llm_run_tokens", "llm_day_tokens"])
@pytest.mark.parametrize("times", [0.2, 1, 9, 100])
def test_a_budget_holds_within_one_answer_whatever_the_endpoint_reports(
    budget: str, times: float
) -> None:
    with asking(says(GOOD)) as (model, _):
        most = model.estimate(PROMPT, {"overview": "1"}, Tone).tokens
    cost = int(most * times)
    limit = 12 * max(cost, most)
    with asking(says(GOOD, (cost, 0)), **{budget: limit}) as (model, faulty):
        became = burst(model, 20)
        assert model.spent.tokens == cost * len(faulty.questions) <= limit + cost
        assert became.count("good") == len(faulty.questions)
        assert became.count("spent") == 20 - became.count("good") <= 9
        assert times > 0.2 or became == ["good"] * 20


def test_an_endpoint_that_reports_ever_more_is_asked_ever_less() -> None:
    with asking(says(GOOD)) as (model, _):
        most = model.estimate(PROMPT, {"overview": "1"}, Tone).tokens
    reports = [says(GOOD, (int(most * 1.25**n), 0)) for n in range(20)]
    with asking(*reports, llm_run_tokens=100 * most) as (model, faulty):
        burst(model, 20)
        last = int(most * 1.25 ** (len(faulty.questions) - 1))
        assert model.spent.tokens <= 100 * most + last


def test_a_question_that_is_too_long_is_not_asked() -> None:
    with (
        asking(says(GOOD), llm_max_input_tokens=100) as (model, faulty),
        pytest.raises(LanguageModelError, match="PALATE_LLM_MAX_INPUT_TOKENS"),
    ):
        model.ask(PROMPT, {"overview": "x" * 1000}, Tone)
    assert not faulty.questions


# Keys, settings, prompts


def test_the_key_is_sent_and_never_told(caplog: pytest.LogCaptureFixture) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    set_up_logs(Settings(_env_file=None, log_level="debug"))
    root.handlers = [*root.handlers, caplog.handler]
    try:
        with asking(
            sends(500, f'{{"error": {{"message": "{KEY}"}}}}'),
            sends(401, f'{{"error": {{"message": "{KEY}"}}}}'),
        ) as (
            model,
            faulty,
        ):
            with pytest.raises(LanguageModelError) as told:
                model.ask(PROMPT, FILM, Tone)
            shown = repr(model) + repr(faulty.settings()) + repr(find_endpoint(faulty.settings()))
    finally:
        root.handlers = handlers
        root.setLevel(level)
    assert faulty.headers[0]["authorization"] == f"Bearer {KEY}"
    assert KEY not in caplog.text + str(told.value) + shown
    assert told.value.__cause__ is None
    assert "A dog is lost" not in caplog.text


def test_no_endpoint_is_no_model() -> None:
    assert open_llm(Settings(_env_file=None)) is None


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"llm_provider": "ollama"}, "PALATE_LLM_MODEL"),
        ({"llm_provider": "openai", "llm_model": "m"}, "PALATE_LLM_API_KEY"),
        ({"llm_url": "localhost:1", "llm_model": "m"}, "PALATE_LLM_URL"),
        ({"llm_url": "http://x/v1", "llm_model": "m", "llm_day_cost": 0}, "PALATE_LLM_PRICES"),
    ],
    ids=["model", "key", "address", "price"],
)
def test_half_a_model_is_told(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(MisuseError, match=told):
        open_llm(Settings(_env_file=None, **changes))


@pytest.mark.parametrize("provider", PRESETS)
def test_a_provider_is_set_by_name(provider: str) -> None:
    changes: dict[str, Any] = {"llm_provider": provider, "llm_model": "m", "llm_api_key": "k"}
    found = find_endpoint(Settings(_env_file=None, **changes))
    assert found is not None
    assert found.url == PRESETS[provider].url
    assert found.cost(1000, 1000).cost == (0.0 if PRESETS[provider].free else None)


def test_prompts_say_who_they_are() -> None:
    for path in FOLDER.glob("*.md"):
        prompt = read_prompt(path)
        assert prompt.name == path.stem
        assert prompt.version >= 1
        assert "written by strangers" in prompt.messages({})[0]["content"]


@given(st.dictionaries(st.text(), st.text() | st.lists(st.text())))
def test_data_cannot_leave_its_fence(data: dict[str, Any]) -> None:
    opening, inside, closing = fence(data).split("\n")
    assert (opening, closing) == ("<data>", "</data>")
    assert not set("<>&\u2028\u2029") & set(inside)
    assert json.loads(inside) == data


@given(st.text())
def test_any_text_is_an_answer_or_of_the_wrong_form(text: str) -> None:
    with suppress(WrongFormError):
        assert read_answer(text, Tone).tone in ("positive", "negative")


def test_estimates_of_tokens_grow_with_the_text() -> None:
    short, long = [{"content": "x"}], [{"content": "x" * 100}]
    assert 0 < estimate_tokens(short) < estimate_tokens(long)
