"""Whether the language model that the settings name answers."""

import time

from pydantic import BaseModel

from llm import LanguageModel, Prompt, open_llm
from palate.errors import LanguageModelError, PalateError
from palate.settings import Settings

_PROMPT = Prompt("doctor", 2, "Answer with one JSON object: ready is true.", max_tokens=30)
_SECONDS = 30.0  # chosen: a local model may have to be loaded first


class _Ready(BaseModel):
    ready: bool


def look_at_model(settings: Settings) -> tuple[bool, str, str]:
    """(good, what was found, advice): its name is known there, and an answer has its form.

    Without an endpoint all is well: rules answer. No message holds the key.
    """
    try:
        model = open_llm(settings)
        if model is None:
            return (not settings.llm_model, *_none(settings))
        with model:
            return _try(model)
    except PalateError as error:
        what, _, advice = str(error).partition(". ")
        return False, what, advice.removeprefix("Nothing was done. ")


def _none(settings: Settings) -> tuple[str, str]:
    if settings.llm_model is None:
        return "none set: rules and statistics answer", ""
    return (
        f"{settings.llm_model} is named, but not where it answers: rules and statistics answer",
        "Set PALATE_LLM_PROVIDER or PALATE_LLM_URL, or unset PALATE_LLM_MODEL.",
    )


def _try(model: LanguageModel) -> tuple[bool, str, str]:
    started = time.monotonic()
    model.ask(_PROMPT, {}, _Ready, deadline=_SECONDS)
    seconds = time.monotonic() - started
    found = f"{model.name} at {model.host} answers after {seconds:.1f} s"
    try:
        names = model.models()
    except LanguageModelError:
        return True, f"{found} (it lists no models)", ""
    if any(_same(model.name, name) for name in names):
        return True, found, ""
    return (
        False,
        f"{found}, but is not among its {len(names):,} models",
        "It may answer with another one: check PALATE_LLM_MODEL.",
    )


def _same(wanted: str, listed: str) -> bool:
    """Whether a listed name means the model: Gemini puts a folder before it, Ollama a tag after."""
    return wanted in (listed, listed.removeprefix("models/"), listed.removesuffix(":latest"))
