"""Parameters of models as they are typed: NAME=VALUE."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from palate.errors import MisuseError
from serve.cli.options import LARGEST_SEED

_LEAST = {
    "leaves": 2,
    "seed": 0,
    "fold_copies": 0,
    "window": 0,
    "base": -math.inf,
    "slope": -math.inf,
}
_MOST = {"rank": 2000, "seed": LARGEST_SEED}


def parse_set(pairs: Sequence[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What ``--set NAME=VALUE`` says of the factors, and by ``order.NAME`` of the order."""
    factors: dict[str, Any] = {}
    order: dict[str, Any] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator:
            raise MisuseError(f"--set {pair}: write NAME=VALUE. Nothing was trained.")
        _, dot, of_order = name.partition("order.")
        (order if dot else factors)[of_order if dot else name] = value
    return factors, order


def with_types(model: str, defaults: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Given parameters, as the types that the defaults have. Raises MisuseError."""
    unknown = sorted(set(given) - set(defaults))
    if unknown:
        raise MisuseError(
            f"{model} has no {unknown[0]}. Nothing was trained. It has {', '.join(defaults)}."
        )
    found = {}
    for name, value in given.items():
        kind = type(defaults[name])
        try:
            found[name] = kind(value)
        except (TypeError, ValueError):
            what = {int: "whole number", float: "number"}.get(kind, kind.__name__)
            raise MisuseError(f"{name}={value} is no {what}. Nothing was trained.") from None
        _check_range(name, found[name])
    return found


def _check_range(name: str, value: Any) -> None:
    """Raises MisuseError for a number that no model can be made of."""
    if not isinstance(value, int | float):
        return
    least = _LEAST.get(name, 1 if isinstance(value, int) else 0)
    if not math.isfinite(value) or not least <= value <= _MOST.get(name, math.inf):
        most = f" and at most {_MOST[name]}" if name in _MOST else ""
        bounds = f"at least {least}{most}" if math.isfinite(least) else "finite"
        raise MisuseError(f"{name}={value} cannot be: it is {bounds}. Nothing was trained.")
