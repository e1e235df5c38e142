"""The chart's values: the schema and the table that the comments of values.yaml describe.

``# --`` describes the key below it; ``# @schema`` adds JSON to what the key's default says.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml

from tests.kubernetes.definitions import DEFINITIONS, stricter

CHART = Path(__file__).parents[2] / "helm" / "palate"

_KEY = re.compile(r"(?P<indent> *)(?P<name>[A-Za-z][\w]*):(?P<rest>.*)")
_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
KUBERNETES = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
"""A folder a version, with the schemas of its kinds."""
_OLDEST = "v1.30.0"
"""The oldest Kubernetes that the chart runs on: what it does not know is refused."""


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

    @property
    def is_needed(self) -> bool:
        """False for what may be left empty (null): text, lists and mappings that may be none."""
        if isinstance(self.default, dict):
            return self.is_group or bool(re.search("resources|SecurityContext", str(self.schema)))
        return self.default not in ("", [])


def read_values() -> list[Value]:
    """The top-level values with all below them. Raises ValueError for a key without description."""
    text = (CHART / "values.yaml").read_text(encoding="utf-8")
    root = Value((), yaml.safe_load(text), "", None)
    for path, description, schema in _described(text):
        parent = root
        for name in path[:-1]:
            if parent.is_group:  # what is below another value is described with it
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
    properties = {value.path[-1]: _schema_of(value) for value in read_values()}
    properties["global"]["additionalProperties"] = True  # other charts have theirs there
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Values of the palate chart",
        "type": "object",
        "properties": properties,
        "required": [value.path[-1] for value in read_values() if value.is_needed],
        "additionalProperties": False,
    }
    text = json.dumps(schema, indent=2, ensure_ascii=False).removesuffix("\n}")
    definitions = DEFINITIONS | dict(sorted(_of_kubernetes(text + json.dumps(DEFINITIONS))))
    lines = ",\n".join(
        f"    {json.dumps(name)}: {json.dumps(each, ensure_ascii=False)}"
        for name, each in definitions.items()
    )
    return f'{text},\n  "$defs": {{\n{lines}\n  }}\n}}\n'


def _of_kubernetes(schema: str) -> Iterator[tuple[str, Any]]:
    """Kubernetes' own definitions that a schema refers to, and those that they refer to."""
    path = KUBERNETES / f"{_OLDEST}-local-strict" / "_definitions.json"
    known = json.loads(path.read_text(encoding="utf-8"))["$defs"]
    wanted, found = _referred(schema), set[str]()
    while wanted - found:
        name = min(wanted - found)
        found.add(name)
        definition = stricter(name, _without_words(known[name]))
        wanted |= _referred(json.dumps(definition))
        yield name, definition


def _referred(schema: str) -> set[str]:
    return set(re.findall(r"#/\$defs/(io\.k8s\.[\w.-]+)", schema))


def _without_words(schema: Any) -> Any:
    """A schema without its descriptions and what only the API server reads."""
    if isinstance(schema, list):
        return [_without_words(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _without_words(each)
        for key, each in schema.items()
        if not (key == "description" and isinstance(each, str)) and not key.startswith("x-")
    }


def _schema_of(value: Value) -> dict[str, Any]:
    described: dict[str, Any] = {"description": value.description}
    if value.is_group:
        properties = {child.path[-1]: _schema_of(child) for child in value.children}
        return described | {
            "type": "object",
            "properties": properties,
            "required": [child.path[-1] for child in value.children if child.is_needed],
            "additionalProperties": False,
        }
    extra = value.schema or {}
    if "$ref" in extra:  # what stands beside a $ref is not read
        others = {name: each for name, each in extra.items() if name != "$ref"}
        return described | {"allOf": [{"$ref": extra["$ref"]}, *([others] if others else [])]}
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
