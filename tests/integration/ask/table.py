"""The table of requests and what is expected of them, in a form that people can write."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ask.structure import Structure

TABLE = Path(__file__).with_name("requests.jsonl")
LATER = Path(__file__).with_name("later.jsonl")
"""Thirty more, written after the rules; they have learned from these since."""
FRESH = Path(__file__).with_name("fresh.jsonl")
"""Eighty more, as different people type, in two rounds of 60 and 20; likewise."""

_SETS = ("genres", "moods", "keywords", "people")


@dataclass(frozen=True)
class Case:
    """One request, the structure expected of it and the names that the sample does not have."""

    ask: str
    structure: dict[str, Any]
    not_found: list[str]


def cases(table: Path = TABLE) -> list[Case]:
    """The whole table."""
    rows = [json.loads(line) for line in table.read_text(encoding="utf-8").splitlines()]
    return [Case(row["ask"], _sorted(row["structure"]), row.get("not_found", [])) for row in rows]


def written(structure: Structure) -> dict[str, Any]:
    """A structure as the table writes it: people and titles as text, ranges as pairs."""
    parts = structure.model_dump(mode="json", exclude_defaults=True)
    parts["k"] = structure.k
    if "ranges" in parts:
        parts["ranges"] = {
            name: [span.get("low"), span.get("high")] for name, span in parts["ranges"].items()
        }
    for part in (parts, parts.get("exclude", {})):
        if "people" in part:
            part["people"] = [_person(person) for person in part["people"]]
        if "titles" in part:
            part["titles"] = [f"{title['title']} ({title['year']})" for title in part["titles"]]
    return _sorted(parts)


def _person(person: dict[str, str]) -> str:
    return f"{person['name']}: {person['role']}" if "role" in person else person["name"]


def _sorted(structure: dict[str, Any]) -> dict[str, Any]:
    """The same with lists sorted where their order says nothing."""
    made = {"k": 10} | structure
    for name in _SETS:
        if name in made:
            made[name] = sorted(made[name])
    if "exclude" in made:
        exclude = made["exclude"]
        made["exclude"] = {n: sorted(v) if n in _SETS else v for n, v in exclude.items()}
    return made
