"""What a request may ask for: weights, and the limits of the settings."""

import math
from collections.abc import Mapping, Sequence

from rapidfuzz import process

from palate.contract.names import COMPONENTS, MAX_WEIGHT, PART_NAMES, PARTS
from palate.contract.recommend import RecommendRequest
from palate.contract.search import SearchRequest
from palate.errors import MisuseError
from palate.settings import Settings


def parse_weights(text: str, known: Sequence[str] = COMPONENTS) -> dict[str, float]:
    """``bm25:0.3,content:0.5`` as numbers.

    Raises ValueError for an unknown or repeated component, or a weight off 0 to MAX_WEIGHT.
    """
    weights: dict[str, float] = {}
    for part in text.split(","):
        name, _, number = (piece.strip() for piece in part.partition(":"))
        if name in weights:
            raise ValueError(f"{name} is weighted twice")
        weights[name] = _as_number(number)
        check_weights({name: weights[name]}, known)
    return weights


def _as_number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def check_weights(weights: Mapping[str, float], known: Sequence[str] = COMPONENTS) -> None:
    """Raise ValueError for a name that is no component, or a weight off 0 to MAX_WEIGHT."""
    for name, weight in weights.items():
        if name not in known:
            shown = [one for one in known if PART_NAMES[one] == name]
            nearest = process.extractOne(name, known, score_cutoff=60)
            meant = shown or (nearest or [])[:1]
            hint = f"did you mean {meant[0]}" if meant else f"one of {', '.join(known)}"
            raise ValueError(f"{name!r} is no component; {hint}")
        if not 0 <= weight <= MAX_WEIGHT:
            raise ValueError(f"the weight of {name} is no number from 0 to {MAX_WEIGHT}")


def check_request(settings: Settings, request: SearchRequest | RecommendRequest) -> None:
    """Raise MisuseError for a limit of the settings that is passed, or weights that cannot be."""
    for name in ("k", "candidates"):
        asked, limit = getattr(request, name), getattr(settings, f"max_{name}")
        if asked > limit:
            raise MisuseError(
                f"{name} is {asked}; at most {limit} are allowed. Ask for fewer, or raise "
                f"PALATE_MAX_{name.upper()}."
            )
    try:
        known = COMPONENTS if isinstance(request, SearchRequest) else PARTS
        check_weights(request.weights or {}, known)
    except ValueError as error:
        raise MisuseError(f"weights: {error}. Nothing was searched.") from error
