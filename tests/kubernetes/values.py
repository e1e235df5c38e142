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

CHART = Path(__file__).parents[2] / "helm" / "palate"

_KEY = re.compile(r"(?P<indent> *)(?P<name>[A-Za-z][\w]*):(?P<rest>.*)")
_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_NAME = rf"{_LABEL}(\.{_LABEL})*"
_QUALIFIED = rf"^({_NAME}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?$"
_LABEL_VALUE = r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$"
_LABELS: dict[str, Any] = {
    "type": "object",
    "propertyNames": {"pattern": _QUALIFIED},
    "additionalProperties": {"type": "string", "pattern": _LABEL_VALUE},
}
_SET_BY_THE_CHART = [
    *("PALATE_DATABASE_URL", "PGUSER", "PGPASSWORD", "PGOPTIONS", "PGSSLMODE", "PGSSLROOTCERT"),
    *("PALATE_API_KEYS_FILE", "PALATE_POOLER"),
]


def _cron(*fields: tuple[str, str]) -> str:
    """The pattern of a cron line: of each field a number's pattern, and the names it may have."""
    parts = []
    for number, names in fields:
        one = f"({number}|{names})" if names else f"({number})"
        item = rf"(\*|{one}(-{one})?)(/[1-9][0-9]?)?"
        parts.append(rf"({item}(,{item})*|\?)")
    return " ".join(parts)


_MINUTE, _HOUR, _DAY = (
    ("[0-5]?[0-9]", ""),
    ("[01]?[0-9]|2[0-3]", ""),
    ("0?[1-9]|[12][0-9]|3[01]", ""),
)
_MONTH = ("0?[1-9]|1[0-2]", "(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)")
_WEEKDAY = ("[0-6]", "(?i:sun|mon|tue|wed|thu|fri|sat)")
_FIVE = (_MINUTE, _HOUR, _DAY, _MONTH, _WEEKDAY)
_OCTET = "(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
_CIDR = (
    rf"^(({_OCTET}\.){{3}}{_OCTET}/(3[0-2]|[12]?[0-9])|[0-9a-fA-F:]*:[0-9a-fA-F:]*/[0-9]{{1,3}})$"
)

_DEFINITIONS: dict[str, Any] = {
    "name": {"type": "string", "maxLength": 253, "pattern": f"^{_NAME}$"},
    "optionalName": {"type": "string", "maxLength": 253, "pattern": f"^({_NAME})?$"},
    "host": {"type": "string", "maxLength": 253, "pattern": rf"^(\*\.)?{_NAME}$"},
    "cidr": {"type": "string", "pattern": _CIDR},
    "labels": _LABELS,
    "ownLabels": _LABELS
    | {
        "propertyNames": {
            "pattern": _QUALIFIED,
            "not": {"pattern": r"^(app\.kubernetes\.io|helm\.sh)/"},
        }
    },
    "annotations": {
        "type": "object",
        "propertyNames": {"pattern": _QUALIFIED},
        "additionalProperties": {"type": "string"},
    },
    "ownVariable": {
        "allOf": [
            {"$ref": "#/$defs/io.k8s.api.core.v1.EnvVar"},
            {"properties": {"name": {"not": {"enum": _SET_BY_THE_CHART}}}},
        ]
    },
    "relabeling": {
        "type": "object",
        "properties": {
            "action": {"type": "string"},
            "modulus": {"type": "integer"},
            "regex": {"type": "string"},
            "replacement": {"type": "string"},
            "separator": {"type": "string"},
            "sourceLabels": {"type": "array", "items": {"type": "string"}},
            "targetLabel": {"type": "string"},
        },
        "additionalProperties": False,
    },
    "serverAffinity": {
        "type": "object",
        "properties": {
            "enablePodAntiAffinity": {"type": "boolean"},
            "topologyKey": {"type": "string"},
            "podAntiAffinityType": {"enum": ["preferred", "required"]},
            "nodeSelector": {"$ref": "#/$defs/labels"},
            "nodeAffinity": {"$ref": "#/$defs/io.k8s.api.core.v1.NodeAffinity"},
            "tolerations": {
                "type": "array",
                "items": {"$ref": "#/$defs/io.k8s.api.core.v1.Toleration"},
            },
            "additionalPodAffinity": {"$ref": "#/$defs/io.k8s.api.core.v1.PodAffinity"},
            "additionalPodAntiAffinity": {"$ref": "#/$defs/io.k8s.api.core.v1.PodAntiAffinity"},
        },
        "additionalProperties": False,
    },
    "quantity": {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?(Mi|Gi|Ti)$"},
    "schedule": {
        "type": "string",
        "pattern": rf"^(|{_cron(*_FIVE)}|@(hourly|daily|weekly|monthly))$",
    },
    "schedule6": {"type": "string", "pattern": f"^{_cron(_MINUTE, *_FIVE)}$"},
    "amounts": {
        "type": "object",
        "properties": {
            "cpu": {
                "type": ["string", "number"],
                "pattern": r"^[0-9]+(\.[0-9]+)?m?$",
                "minimum": 0,
            },
            "memory": {"$ref": "#/$defs/quantity"},
            "ephemeral-storage": {"$ref": "#/$defs/quantity"},
        },
        # Devices, such as nvidia.com/gpu.
        "patternProperties": {
            rf"^{_NAME}/[A-Za-z0-9._-]+$": {
                "type": ["string", "integer"],
                "pattern": "^[0-9]+$",
                "minimum": 0,
            }
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
# Kubernetes' schemas say of these only that they are text.
_ENUMS: dict[str, dict[str, Any]] = {
    "core.v1.Toleration": {
        "effect": {"enum": ["", "NoSchedule", "PreferNoSchedule", "NoExecute"]},
        "operator": {"enum": ["", "Exists", "Equal"]},
    },
    "core.v1.NodeSelectorRequirement": {
        "operator": {"enum": ["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]}
    },
    "networking.v1.IPBlock": {
        "cidr": {"$ref": "#/$defs/cidr"},
        "except": {"type": "array", "items": {"$ref": "#/$defs/cidr"}},
    },
}
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
        "additionalProperties": False,
    }
    text = json.dumps(schema, indent=2, ensure_ascii=False).removesuffix("\n}")
    definitions = _DEFINITIONS | dict(sorted(_of_kubernetes(text + json.dumps(_DEFINITIONS))))
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
        definition = _without_words(known[name])
        definition.get("properties", {}).update(_ENUMS.get(name.removeprefix("io.k8s.api."), {}))
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
