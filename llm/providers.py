"""Where a language model answers: presets for well-known services, and any URL."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from llm.answers import Usage
from palate.errors import MisuseError
from palate.settings import Settings

Structure = Literal["json_schema", "json_object", "text"]


@dataclass(frozen=True, slots=True)
class Preset:
    """A service. ``free``: it runs on one's own machine, so tokens cost nothing."""

    url: str
    needs_key: bool = True
    free: bool = False
    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"


PRESETS: Mapping[str, Preset] = {
    "openai": Preset("https://api.openai.com/v1", limit="max_completion_tokens"),
    "openrouter": Preset("https://openrouter.ai/api/v1"),
    "gemini": Preset("https://generativelanguage.googleapis.com/v1beta/openai"),
    "ollama": Preset("http://localhost:11434/v1", needs_key=False, free=True),
    "vllm": Preset("http://localhost:8000/v1", needs_key=False, free=True),
    "llama.cpp": Preset("http://localhost:8080/v1", needs_key=False, free=True),
}
_OTHER = Preset("", needs_key=False)


@dataclass(frozen=True, slots=True, repr=False)
class Endpoint:
    """Everything needed to reach a model. Its text never shows the key."""

    url: str
    model: str
    api_key: str | None
    structure: Structure
    limit: str
    prices: tuple[float, float] | None

    @property
    def host(self) -> str:
        """The machine, for messages: no user, no key, no path."""
        return urlsplit(self.url).hostname or "?"

    def cost(self, tokens_in: int, tokens_out: int) -> Usage:
        """What so many tokens cost."""
        if self.prices is None:
            return Usage(tokens_in, tokens_out, None)
        price_in, price_out = self.prices
        return Usage(tokens_in, tokens_out, (tokens_in * price_in + tokens_out * price_out) / 1e6)

    def __repr__(self) -> str:
        return f"Endpoint({self.host!r}, {self.model!r})"


def find_endpoint(settings: Settings) -> Endpoint | None:
    """The endpoint that the settings name; None when they name none.

    Raises MisuseError where they name one by half.
    """
    if settings.llm_provider is None and settings.llm_url is None:
        return None
    preset = PRESETS.get(settings.llm_provider or "", _OTHER)
    url = (settings.llm_url or preset.url).rstrip("/")
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise MisuseError(
            "PALATE_LLM_URL is no web address. Nothing was done. "
            "It looks like http://localhost:11434/v1."
        )
    if not settings.llm_model:
        raise MisuseError(
            f"A language model's address is set ({urlsplit(url).hostname}), but not which model. "
            "Nothing was done. Name it in PALATE_LLM_MODEL; to go on without one, unset "
            "PALATE_LLM_PROVIDER and PALATE_LLM_URL."
        )
    key = settings.llm_api_key.get_secret_value() if settings.llm_api_key else None
    if preset.needs_key and not key:
        raise MisuseError(
            f"{settings.llm_provider} needs a key. Nothing was done. Set PALATE_LLM_API_KEY."
        )
    return Endpoint(
        url,
        settings.llm_model,
        key,
        settings.llm_structure,
        preset.limit,
        _prices(settings, preset),
    )


def _prices(settings: Settings, preset: Preset) -> tuple[float, float] | None:
    """Dollars a million tokens, read and written."""
    known = settings.llm_prices.get(settings.llm_model or "")
    if known is not None:
        return known
    if preset.free:
        return (0.0, 0.0)
    if settings.llm_run_cost is not None or settings.llm_day_cost is not None:
        raise MisuseError(
            f"A budget in money needs the price of {settings.llm_model}. Nothing was done. "
            f'Set PALATE_LLM_PRICES, such as {{"{settings.llm_model}": [0.15, 0.60]}}: dollars '
            "a million tokens, read and written."
        )
    return None
