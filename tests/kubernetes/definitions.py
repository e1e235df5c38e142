"""What values have in common: the patterns of names, addresses, amounts and times.

Helm's schemas are read by Go, whose patterns look neither ahead nor behind.
"""

import json
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from palate.settings import Settings, variable
from rerank.business import BusinessRules

Schema = dict[str, Any]

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_NAME = rf"{_LABEL}(\.{_LABEL})*"
_SHORT = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_HOST = rf"{_SHORT}(\.{_SHORT})*"
_QUALIFIED = rf"^({_NAME}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?$"
_LABEL_VALUE = r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$"
_LABELS: Schema = {
    "type": "object",
    "propertyNames": {"pattern": _QUALIFIED},
    "additionalProperties": {"type": "string", "pattern": _LABEL_VALUE},
}
_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = rf"({_OCTET}\.){{3}}{_OCTET}"
_HEX = "[0-9a-fA-F]{1,4}"
_IPV6 = (
    rf"(({_HEX}:){{7}}{_HEX}|(({_HEX}:){{0,6}}{_HEX})?::(({_HEX}:){{0,6}}{_HEX})?"
    rf"|(({_HEX}:){{6}}|(({_HEX}:){{0,4}}{_HEX})?::({_HEX}:){{0,5}}){_IPV4})"
)
_CIDR = rf"^({_IPV4}/(3[0-2]|[12]?[0-9])|{_IPV6}/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))$"
_PORT = "(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})"
_AUTHORITY = rf"([A-Za-z0-9]([-A-Za-z0-9._]*[A-Za-z0-9])?|\[{_IPV6}\])(:{_PORT})?"
_PATH = r"(/[^\s?#]*)?"
_AREAS = (
    "Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Brazil|Canada|Chile|Etc|Europe"
    "|Indian|Mexico|Pacific|US"
)
_ZONES = (
    "CET|CST6CDT|Cuba|EET|EST|EST5EDT|Egypt|Eire|Factory|GB|GB-Eire|GMT|GMT[-+]0|GMT0|Greenwich"
    "|HST|Hongkong|Iceland|Iran|Israel|Jamaica|Japan|Kwajalein|Libya|MET|MST|MST7MDT|NZ|NZ-CHAT"
    "|Navajo|PRC|PST8PDT|Poland|Portugal|ROC|ROK|Singapore|Turkey|UCT|UTC|Universal|W-SU|WET|Zulu"
)


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
_EVERY = r"@(yearly|annually|monthly|weekly|daily|midnight|hourly|every ([1-9][0-9]*[hms])+)"
_AMOUNT = r"[0-9]+(\.[0-9]+)?(Mi|Gi|Ti)"
_SOME = {"not": {"type": "string", "pattern": r"^[0.]+[a-zA-Z]*$"}}
"""Of an amount: it is not nothing."""

_BY_SECRET = (
    *("database_url", "api_keys_file", "cursor_secret", "token_secret"),
    *("llm_api_key", "embedding_api_key"),
)
_BY_THE_CHART = (
    *("host", "port", "data_dir", "pool_size", "shutdown_timeout", "log_format", "preload_encoder"),
    *("pooler", "llm_provider", "llm_url", "llm_model"),
)
REFUSED_SETTINGS = _BY_SECRET + _BY_THE_CHART
"""Settings that api.config does not take: checks.yaml says where they are set instead."""
_SET_BY_THE_CHART = [
    *("PGUSER", "PGPASSWORD", "PGOPTIONS", "PGSSLMODE", "PGSSLROOTCERT", "HOME"),
    *("PALATE_DATABASE_URL", "PALATE_API_KEYS_FILE"),
    *(variable(name) for name in _BY_THE_CHART),
]
_VARIABLES = sorted({variable(name) for name in Settings.model_fields})
_DURATION = r"^([1-9][0-9]*(ms|s|m|h|d))+$"


def _setting(name: str, field: FieldInfo) -> Schema | bool:
    """What a setting may be: as itself or as the text that a variable holds."""
    return name in REFUSED_SETTINGS or _of_type(field.annotation, field) | {
        "description": field.description
    }


def _of_type(annotation: Any, field: FieldInfo | None = None) -> Schema:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _of_type(inner[0])
    if origin in (Union, UnionType):
        return _of_type(next(each for each in inner if each is not type(None)), field)
    if origin is Literal:
        return {"enum": list(inner)}
    if annotation is bool:
        return {"enum": [True, False, "true", "false"]}
    if annotation in (int, float):
        whole = annotation is int
        pattern = r"^[0-9]+$" if whole else r"^[0-9]+(\.[0-9]+)?$"
        return {"type": ["integer" if whole else "number", "string"], "pattern": pattern} | (
            _limits(field) if field else {}
        )
    if origin is tuple and inner[-1] is not Ellipsis:
        items, size = _of_type(inner[0]), len(inner)
        return {"type": "array", "items": items, "minItems": size, "maxItems": size}
    if origin is tuple:
        return {"type": ["array", "string"], "items": _of_type(inner[0]), "pattern": r"^\[.*\]$"}
    if origin is dict:
        values = _of_type(inner[1])
        return {
            "type": ["object", "string"],
            "additionalProperties": values,
            "pattern": r"^\{.*\}$",
        }
    patterns = (
        [each.pattern for each in field.metadata if hasattr(each, "pattern")] if field else []
    )
    return {"type": "string", "minLength": 1} | ({"pattern": patterns[0]} if patterns else {})


def _limits(field: FieldInfo) -> Schema:
    words = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
    return {
        said: getattr(each, word)
        for each in field.metadata
        for word, said in words.items()
        if getattr(each, word, None) is not None
    }


def _rules() -> Schema:
    """Rules as BusinessRules reads them, in one piece."""
    schema = BusinessRules.model_json_schema(ref_template="#/$defs/{model}")
    parts = schema.pop("$defs")

    def whole(part: Any) -> Any:
        if isinstance(part, list):
            return [whole(each) for each in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            return whole(parts[part["$ref"].rpartition("/")[2]])
        return {key: whole(each) for key, each in part.items() if key not in ("title", "default")}

    made: Schema = whole(schema)
    return made | {"type": "object"}


def _one_of_type(name: str, *, required: list[str], not_named: list[str]) -> Schema:
    """A definition of Kubernetes with a name that is not taken."""
    return {
        "allOf": [{"$ref": f"#/$defs/io.k8s.api.core.v1.{name}"}],
        "required": required,
        "properties": {
            "name": {
                "type": "string",
                "pattern": f"^{_SHORT}$",
                "not": {"enum": not_named},
            }
        },
    }


DEFINITIONS: Schema = {
    "name": {"type": "string", "maxLength": 253, "pattern": f"^{_NAME}$"},
    "optionalName": {"type": "string", "maxLength": 253, "pattern": f"^({_NAME})?$"},
    "namespace": {"type": "string", "pattern": f"^{_SHORT}$"},
    "host": {
        "type": "string",
        "maxLength": 253,
        "pattern": rf"^(\*\.)?{_HOST}$",
        "not": {"pattern": rf"^{_IPV4}$"},
    },
    "cidr": {"type": "string", "pattern": _CIDR},
    "ip": {"type": "string", "pattern": f"^({_IPV4}|{_IPV6})$"},
    "url": {"type": "string", "pattern": rf"^(https?://{_AUTHORITY}{_PATH})?$"},
    "timeZone": {
        "type": "string",
        "pattern": rf"^(|({_AREAS})(/[A-Za-z0-9_+-]+){{1,2}}|{_ZONES})$",
    },
    "duration": {"type": "string", "pattern": _DURATION},
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
    "settings": {
        "type": "object",
        "properties": {
            variable(name).removeprefix("PALATE_").lower(): _setting(name, field)
            for name, field in Settings.model_fields.items()
        },
        "additionalProperties": False,
    },
    "rules": _rules(),
    "ownVariable": {
        "allOf": [{"$ref": "#/$defs/io.k8s.api.core.v1.EnvVar"}],
        "properties": {
            "name": {
                "pattern": "^[-._a-zA-Z][-._a-zA-Z0-9]*$",
                "not": {"enum": _SET_BY_THE_CHART},
                "anyOf": [{"not": {"pattern": "(?i)^palate_"}}, {"enum": _VARIABLES}],
            }
        },
    },
    "ownVolume": _one_of_type(
        "Volume",
        required=["name"],
        not_named=["tmp", "keys", "operator-rules", "data", "database-ca"],
    ),
    "sidecar": _one_of_type("Container", required=["name", "image"], not_named=["api", "migrate"]),
    "ownMount": {
        "allOf": [{"$ref": "#/$defs/io.k8s.api.core.v1.VolumeMount"}],
        "properties": {
            "mountPath": {
                "pattern": "^/[^:]+$",
                "not": {"pattern": "^/(tmp|etc/palate(/(keys|database))?|data)/*$"},
            }
        },
    },
    "relabeling": {
        "type": "object",
        "properties": {
            "action": {
                "enum": [
                    *("replace", "Replace", "keep", "Keep", "drop", "Drop", "hashmod", "HashMod"),
                    *("labelmap", "LabelMap", "labeldrop", "LabelDrop", "labelkeep", "LabelKeep"),
                    *("lowercase", "Lowercase", "uppercase", "Uppercase"),
                    *("keepequal", "KeepEqual", "dropequal", "DropEqual"),
                ]
            },
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
    # What the operator sets itself is refused by it, or would be ignored.
    "parameters": {
        "type": "object",
        "propertyNames": {
            "pattern": r"^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$",
            "not": {
                "pattern": "^(allow_alter_system|allow_system_table_mods|archive_(mode|command"
                "|cleanup_command)|bonjour(_name)?|cluster_name|config_file|data_directory"
                "|data_sync_retry|event_source|external_pid_file|full_page_writes|(hba|ident)_file"
                "|hot_standby|jit_provider|listen_addresses|log_(destination|directory|file_mode"
                "|filename|rotation_age|rotation_size|truncate_on_rotation)|logging_collector|port"
                "|primary_(conninfo|slot_name)|promote_trigger_file|recovery_.+|restart_after_crash"
                "|restore_command|shared_preload_libraries|ssl(_.+)?|stats_temp_directory"
                "|synchronous_standby_names|syslog_.+|unix_socket_.+)$"
            },
        },
        "additionalProperties": {"type": "string"},
    },
    "quantity": {"type": "string", "pattern": rf"^{_AMOUNT}$"} | _SOME,
    "optionalQuantity": {"type": "string", "pattern": rf"^({_AMOUNT})?$"} | _SOME,
    "schedule": {"type": "string", "pattern": rf"^(|{_cron(*_FIVE)}|{_EVERY})$"},
    "schedule6": {"type": "string", "pattern": rf"^({_cron(_MINUTE, *_FIVE)}|{_EVERY})$"},
    "amounts": {
        "type": "object",
        "properties": {
            "cpu": {
                "type": ["string", "number"],
                "pattern": r"^[0-9]+(\.[0-9]+)?m?$",
                "exclusiveMinimum": 0,
            }
            | _SOME,
            "memory": {"$ref": "#/$defs/quantity"},
            "ephemeral-storage": {"$ref": "#/$defs/quantity"},
        },
        # Huge pages, and devices such as nvidia.com/gpu.
        "patternProperties": {
            "^hugepages-[0-9]+(Mi|Gi)$": {"$ref": "#/$defs/quantity"},
            rf"^{_NAME}/[A-Za-z0-9._-]+$": {
                "type": ["string", "integer"],
                "pattern": "^[0-9]+$",
                "minimum": 0,
            },
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
_OPERATORS = ["In", "NotIn", "Exists", "DoesNotExist"]
_PEERS = {"not": {"required": ["ipBlock"], "minProperties": 2}, "minProperties": 1}
OF_KUBERNETES: dict[str, Schema] = {
    "core.v1.Toleration": {
        "properties": {
            "effect": {"enum": ["", "NoSchedule", "PreferNoSchedule", "NoExecute"]},
            "operator": {"enum": ["", "Exists", "Equal"]},
        },
        "allOf": [
            {
                "if": {"properties": {"operator": {"const": "Exists"}}, "required": ["operator"]},
                "then": {"properties": {"value": {"const": ""}}},
                "else": {"required": ["key"]},
            },
            {
                "if": {"required": ["tolerationSeconds"]},
                "then": {"required": ["effect"], "properties": {"effect": {"const": "NoExecute"}}},
            },
        ],
    },
    "core.v1.NodeSelectorRequirement": {
        "properties": {"operator": {"enum": [*_OPERATORS, "Gt", "Lt"]}}
    },
    "apimachinery.pkg.apis.meta.v1.LabelSelectorRequirement": {
        "properties": {"operator": {"enum": _OPERATORS}}
    },
    "core.v1.PreferredSchedulingTerm": {
        "properties": {"weight": {"type": "integer", "minimum": 1, "maximum": 100}}
    },
    "core.v1.WeightedPodAffinityTerm": {
        "properties": {"weight": {"type": "integer", "minimum": 1, "maximum": 100}}
    },
    "core.v1.SeccompProfile": {
        "properties": {"type": {"enum": ["RuntimeDefault", "Localhost", "Unconfined"]}}
    },
    "core.v1.AppArmorProfile": {
        "properties": {"type": {"enum": ["RuntimeDefault", "Localhost", "Unconfined"]}}
    },
    "core.v1.PodSecurityContext": {
        "properties": {"fsGroupChangePolicy": {"enum": ["OnRootMismatch", "Always"]}}
    },
    "core.v1.HostAlias": {"properties": {"ip": {"$ref": "#/$defs/ip"}}, "required": ["ip"]},
    "core.v1.PodDNSConfig": {
        "properties": {
            "nameservers": {"type": "array", "items": {"$ref": "#/$defs/ip"}, "maxItems": 3}
        }
    },
    "core.v1.EmptyDirVolumeSource": {"properties": {"sizeLimit": {"$ref": "#/$defs/quantity"}}},
    "networking.v1.IPBlock": {
        "properties": {
            "cidr": {"$ref": "#/$defs/cidr"},
            "except": {"type": "array", "items": {"$ref": "#/$defs/cidr"}},
        }
    },
    "networking.v1.NetworkPolicyPeer": _PEERS,
    "networking.v1.NetworkPolicyPort": {
        "properties": {
            "port": {
                "type": ["integer", "string"],
                "minimum": 1,
                "maximum": 65535,
                "pattern": "^[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?$",
            },
            "endPort": {"type": "integer", "minimum": 1, "maximum": 65535},
            "protocol": {"enum": ["TCP", "UDP", "SCTP"]},
        }
    },
    "autoscaling.v2.HPAScalingRules": {
        "properties": {
            "selectPolicy": {"enum": ["Max", "Min", "Disabled"]},
            "stabilizationWindowSeconds": {"type": "integer", "minimum": 0, "maximum": 3600},
        }
    },
    "autoscaling.v2.HPAScalingPolicy": {
        "properties": {
            "type": {"enum": ["Pods", "Percent"]},
            "value": {"type": "integer", "minimum": 1},
            "periodSeconds": {"type": "integer", "minimum": 1, "maximum": 1800},
        }
    },
}
"""What API servers refuse, and Kubernetes' schemas do not say."""


def stricter(name: str, definition: Schema) -> Schema:
    """A definition of Kubernetes with what its API servers refuse, too."""
    more = OF_KUBERNETES.get(name.removeprefix("io.k8s.").removeprefix("api."), {})
    properties = definition.get("properties", {}) | more.get("properties", {})
    return json.loads(json.dumps(definition | more | {"properties": properties}))  # type: ignore[no-any-return]
