"""The chart's values: the schema and the table that the comments of values.yaml describe.

``# --`` describes the key below it; ``# @schema`` adds JSON to what the key's default says.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parents[2] / "helm" / "palate"

_KEY = re.compile(r"(?P<indent> *)(?P<name>[A-Za-z][\w]*):(?P<rest>.*)")
_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
_DEFINITIONS: dict[str, Any] = {
    "quantity": {
        "type": "string",
        "pattern": r"^[0-9]+(\.[0-9]+)?(Mi|Gi|Ti)$",
    },
    "schedule": {
        "type": "string",
        "pattern": r"^(|\S+( \S+){4}|@(hourly|daily|weekly|monthly))$",
    },
    "amounts": {
        "type": "object",
        "properties": {
            "cpu": {"type": ["string", "number"], "pattern": r"^[0-9]+(\.[0-9]+)?m?$"},
            "memory": {"$ref": "#/$defs/quantity"},
            "ephemeral-storage": {"$ref": "#/$defs/quantity"},
        },
        "additionalProperties": False,
    },
    "resources": {
        "type": "object",
        "properties": {
            "requests": {"$ref": "#/$defs/amounts"},
            "limits": {"$ref": "#/$defs/amounts"},
        },
        "required": ["limits"],
        "additionalProperties": False,
    },
}


@dataclass
class Value:
    """One key of values.yaml with what is said of it."""

    path: tuple[str, ...]
    default: Any
    description: str
    schema: dict[str, Any] | None
    children: list["Value"] = field(default_factory=list)

    @property
    def is_group(self) -> bool:
        """True for a mapping whose keys are described one by one."""
        return isinstance(self.default, dict) and self.schema is None


def read_values() -> list[Value]:
    """The top-level values with all below them. Raises ValueError for a key without description."""
    text = (CHART / "values.yaml").read_text(encoding="utf-8")
    root = Value((), yaml.safe_load(text), "", None)
    for path, description, schema in _described(text):
        parent = root
        for name in path[:-1]:
            parent = next(child for child in parent.children if child.path[-1] == name)
        if parent.is_group:
            value = Value(path, parent.default[path[-1]], description, schema)
            if not description:
                raise ValueError(f"values.yaml: {'.'.join(path)} is not described")
            parent.children.append(value)
    return root.children


def _described(text: str) -> Iterator[tuple[tuple[str, ...], str, dict[str, Any] | None]]:
    """(path, description, extra schema) of each key, in the order of the file."""
    path: list[str] = []
    description, schema = "", None
    for line in text.splitlines():
        said = line.strip()
        if said.startswith("# --"):
            description = said.removeprefix("# --").strip()
        elif said.startswith("# @schema"):
            schema = json.loads(said.removeprefix("# @schema"))
        elif key := _KEY.match(line):
            path = [*path[: len(key["indent"]) // 2], key["name"]]
            yield tuple(path), description, schema
            description, schema = "", None


def make_schema() -> str:
    """values.schema.json: every key with its type and description; unknown keys are refused."""
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Values of the palate chart",
        "type": "object",
        "properties": {value.path[-1]: _schema_of(value) for value in read_values()}
        | {"global": {"description": "Values of a chart that has this one.", "type": "object"}},
        "additionalProperties": False,
        "$defs": _DEFINITIONS,
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _schema_of(value: Value) -> dict[str, Any]:
    described: dict[str, Any] = {"description": value.description}
    if value.is_group:
        properties = {child.path[-1]: _schema_of(child) for child in value.children}
        return described | {
            "type": "object",
            "properties": properties,
            "additionalProperties": False,
        }
    extra = value.schema or {}
    if "$ref" in extra:
        return described | {"allOf": [extra]}
    if "enum" in extra:
        return described | extra
    return (
        described
        | {"type": "object" if isinstance(value.default, dict) else _TYPES[type(value.default)]}
        | extra
    )


def make_readme() -> str:
    """helm/palate/README.md: the table of values."""
    lines = [
        "# Values of the palate chart",
        "",
        "Made from values.yaml by `make manifests`. How to install, upgrade, back up and scale:",
        "[docs/kubernetes.md](../../docs/kubernetes.md).",
        "",
        "| value | default | |",
        "|---|---|---|",
        *(_row(value) for top in read_values() for value in _leaves(top)),
    ]
    return "\n".join(lines) + "\n"


def _leaves(value: Value) -> Iterator[Value]:
    if not value.is_group:
        yield value
    for child in value.children:
        yield from _leaves(child)


def _row(value: Value) -> str:
    default = json.dumps(value.default).replace("|", "\\|")
    described = value.description.replace("|", "\\|")
    return f"| `{'.'.join(value.path)}` | `{default}` | {described} |"
