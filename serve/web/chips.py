"""How a request was understood, part by part, each of which can be taken away."""

from collections.abc import Collection
from typing import NamedTuple

from ask.structure import Structure
from ask.understood import Part, parts_of, without_part

_STAY = ("k", "user_id")  # which narrow nothing


class Chip(NamedTuple):
    """One part of a structure: what takes it away, and what it says."""

    key: str
    label: str


def chips(structure: Structure) -> list[Chip]:
    """Every part of a structure that narrows or orders."""
    parts = (part for part in parts_of(structure) if part.part not in _STAY)
    return [Chip(_key(part), part.says) for part in parts]


def without(structure: Structure, keys: Collection[str]) -> Structure:
    """The structure without the parts that ``keys`` name; unknown keys take nothing away."""
    for part in reversed([*parts_of(structure)]):  # so that entries before keep their places
        if _key(part) in keys:
            structure = without_part(structure, part.part, part.entry)
    return structure


def _key(part: Part) -> str:
    return f"{part.part}:{part.says}"
