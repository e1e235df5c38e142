"""How a request was understood, part by part, each of which can be taken away."""

from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from ask.structure import Structure
from ask.understood import describe_range, parts_of

_LISTS = ("genres", "moods", "keywords", "budget", "revenue")
_SINGLE = ("text", "audience", "fame", "acclaim")


class Chip(NamedTuple):
    """One part of a structure: what takes it away, and what it says."""

    key: str
    label: str


def chips(structure: Structure) -> list[Chip]:
    """Every part of a structure that narrows."""
    return [*_included(structure), *_excluded(structure)]


def _included(structure: Structure) -> Iterator[Chip]:
    for name in _LISTS:
        for each in getattr(structure, name):
            label = each if name in ("genres", "moods") else f"{name} {each.replace('_', ' ')}"
            yield Chip(f"{name}:{each}", label)
    for name in _SINGLE:
        if value := getattr(structure, name):
            yield Chip(name, f"about {value}" if name == "text" else f"{name} {value}")
    if structure.alternatives:
        label = next(p.says for p in parts_of(structure) if p.part == "alternatives")
        yield Chip("alternatives", label)
    for person in structure.people:
        yield Chip(f"people:{person.name}", f"by or with {person.name}")
    for name, span in structure.ranges.items():
        yield Chip(f"ranges:{name}", describe_range(name, span))


def _excluded(structure: Structure) -> Iterator[Chip]:
    gone = structure.exclude
    for name in ("genres", "moods", "keywords"):
        for each in getattr(gone, name):
            yield Chip(f"exclude.{name}:{each}", f"not {each}")
    for person in gone.people:
        yield Chip(f"exclude.people:{person.name}", f"not {person.name}")


def without(structure: Structure, keys: Collection[str]) -> Structure:
    """The structure without the parts that ``keys`` name; unknown keys take nothing away."""
    if not keys:
        return structure
    changed: dict[str, Any] = {name: _kept(structure, name, name, keys) for name in _LISTS}
    changed["people"] = _kept(structure, "people", "people", keys)
    for name in _SINGLE:
        if name in keys:
            changed[name] = Structure.model_fields[name].default
    if "alternatives" in keys:
        changed["alternatives"] = ()
    changed["ranges"] = {n: s for n, s in structure.ranges.items() if f"ranges:{n}" not in keys}
    gone = structure.exclude
    parts = {
        name: _kept(gone, name, f"exclude.{name}", keys)
        for name in ("genres", "moods", "keywords", "people")
    }
    return structure.model_copy(update={**changed, "exclude": gone.model_copy(update=parts)})


def _kept(owner: object, name: str, prefix: str, keys: Collection[str]) -> tuple[Any, ...]:
    return tuple(
        each
        for each in getattr(owner, name)
        if f"{prefix}:{getattr(each, 'name', each)}" not in keys
    )
