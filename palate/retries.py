"""When a question to another service may be sent again."""

import math
from collections.abc import Mapping


def read_retry_after(headers: Mapping[str, str], longest: float = math.inf) -> float | None:
    """The seconds that a Retry-After asks for, at most ``longest``; None where it says no number
    (RFC 9110, 10.2.3)."""
    try:
        seconds = float(headers.get("Retry-After", "nan"))
    except ValueError:
        return None
    return min(max(seconds, 0.0), longest) if math.isfinite(seconds) else None
