"""The language model client against a real local model."""

from collections.abc import Iterator
from typing import Literal

import pytest
from pydantic import BaseModel

from llm import LanguageModel, Prompt, open_llm
from palate.settings import Settings
from tests.local_model import LocalModel

PROMPT = Prompt("tone", 1, "Say what the tone of the film is.", max_tokens=40)
FILM = {"overview": "A family looks for its lost dog and finds it."}


class Tone(BaseModel):
    tone: Literal["positive", "negative"]


@pytest.fixture
def model(local_model: LocalModel, settings: Settings) -> Iterator[LanguageModel]:
    opened = open_llm(local_model.settings(settings))
    assert opened is not None
    with opened:
        yield opened


def test_an_answer_has_its_type_and_is_kept(model: LanguageModel) -> None:
    first = model.ask(PROMPT, FILM, Tone)
    assert first.value.tone in ("positive", "negative")
    assert not first.cached
    assert 0 < first.usage.tokens_in <= model.estimate(PROMPT, FILM, Tone).tokens_in
    again = model.ask(PROMPT, FILM, Tone)
    assert again.cached
    assert again.value == first.value
    assert model.spent == first.usage
