"""What API servers refuse, and Kubernetes' own schemas do not say."""

import json

from tests.kubernetes.definitions import QUALIFIED, Schema

_OPERATORS = ["In", "NotIn", "Exists", "DoesNotExist"]
_REQUIREMENT: list[Schema] = [
    {
        "if": {"properties": {"operator": {"enum": ["In", "NotIn"]}}},
        "then": {"required": ["values"], "properties": {"values": {"minItems": 1}}},
    },
    {
        "if": {"properties": {"operator": {"enum": ["Exists", "DoesNotExist"]}}},
        "then": {"properties": {"values": {"maxItems": 0}}},
    },
]
_KEY: Schema = {"type": "string", "pattern": QUALIFIED}
_NAMED: Schema = {"name": {"$ref": "#/$defs/name"}}
_IN_FILE: Schema = {"key": {"type": "string", "pattern": "^[-._a-zA-Z0-9]+$"}}
_NOT_ROOT: Schema = {
    "if": {"properties": {"runAsNonRoot": {"const": True}}, "required": ["runAsNonRoot"]},
    "then": {"properties": {"runAsUser": {"minimum": 1}}},
}
_USERS: Schema = {
    name: {"type": ["integer", "null"], "minimum": 0}
    for name in ("runAsUser", "runAsGroup", "fsGroup")
}
_PORT_NUMBER: Schema = {"type": "integer", "minimum": 1, "maximum": 65535}
_AT_LEAST_ONE_TERM: Schema = {
    "type": "array",
    "minItems": 1,
    "items": {"$ref": "#/$defs/io.k8s.api.core.v1.NodeSelectorTerm"},
}
_PEERS = {"not": {"required": ["ipBlock"], "minProperties": 2}, "minProperties": 1}
_MORE: dict[str, Schema] = {
    "core.v1.Toleration": {
        "properties": {
            "key": {"type": "string", "pattern": rf"^$|{QUALIFIED}"},
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
        "properties": {"key": _KEY, "operator": {"enum": [*_OPERATORS, "Gt", "Lt"]}},
        "allOf": _REQUIREMENT,
    },
    "core.v1.NodeSelector": {"properties": {"nodeSelectorTerms": _AT_LEAST_ONE_TERM}},
    "core.v1.PodAffinityTerm": {"properties": {"topologyKey": _KEY}},
    "apimachinery.pkg.apis.meta.v1.LabelSelector": {
        "properties": {"matchLabels": {"$ref": "#/$defs/labels"}}
    },
    "apimachinery.pkg.api.resource.Quantity": {
        "pattern": r"^[0-9]+(\.[0-9]+)?([numkMGTPE]|[KMGTPE]i|[eE][0-9]+)?$"
    },
    "core.v1.EnvVar": {"not": {"required": ["value", "valueFrom"]}},
    "core.v1.EnvVarSource": {"minProperties": 1, "maxProperties": 1},
    "core.v1.Volume": {"maxProperties": 2},
    "core.v1.SecretKeySelector": {"properties": _NAMED | _IN_FILE},
    "core.v1.ConfigMapKeySelector": {"properties": _NAMED | _IN_FILE},
    "core.v1.ConfigMapVolumeSource": {"properties": _NAMED},
    "core.v1.SecretVolumeSource": {"properties": {"secretName": {"$ref": "#/$defs/name"}}},
    "core.v1.PersistentVolumeClaimVolumeSource": {
        "properties": {"claimName": {"$ref": "#/$defs/name"}}
    },
    "core.v1.ContainerPort": {
        "properties": {"containerPort": _PORT_NUMBER, "protocol": {"enum": ["TCP", "UDP", "SCTP"]}}
    },
    "core.v1.Container": {
        "properties": {"imagePullPolicy": {"enum": ["Always", "IfNotPresent", "Never"]}}
    },
    "core.v1.SecurityContext": {
        "properties": _USERS,
        "not": {
            "properties": {
                "privileged": {"const": True},
                "allowPrivilegeEscalation": {"const": False},
            },
            "required": ["privileged", "allowPrivilegeEscalation"],
        },
        "allOf": [_NOT_ROOT],
    },
    "apimachinery.pkg.apis.meta.v1.LabelSelectorRequirement": {
        "properties": {"key": _KEY, "operator": {"enum": _OPERATORS}},
        "allOf": _REQUIREMENT,
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
        "properties": _USERS | {"fsGroupChangePolicy": {"enum": ["OnRootMismatch", "Always"]}},
        "allOf": [_NOT_ROOT],
    },
    "core.v1.HostAlias": {
        "properties": {
            "ip": {"$ref": "#/$defs/ip"},
            "hostnames": {"type": "array", "items": {"$ref": "#/$defs/host"}},
        },
        "required": ["ip"],
    },
    "core.v1.PodDNSConfig": {
        "properties": {
            "nameservers": {"type": "array", "items": {"$ref": "#/$defs/ip"}, "maxItems": 3},
            "searches": {
                "type": "array",
                "items": {"pattern": r"^(\.|[A-Za-z0-9_]([-A-Za-z0-9_.]*[A-Za-z0-9_])?\.?)$"},
            },
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
        },
        "if": {"required": ["endPort"]},
        "then": {"required": ["port"], "properties": {"port": {"type": "integer"}}},
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


def stricter(name: str, definition: Schema) -> Schema:
    """A definition of Kubernetes with what its API servers refuse, too."""
    more = _MORE.get(name.removeprefix("io.k8s.").removeprefix("api."), {})
    properties = definition.get("properties", {}) | more.get("properties", {})
    made = definition | more | ({"properties": properties} if properties else {})
    copied: Schema = json.loads(json.dumps(made))
    return copied
