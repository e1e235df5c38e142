"""The chart as Helm renders it, and the sets of values that the tests render."""

import json
import shutil
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jsonschema
import kubernetes_validate
import yaml
from helm_python import Chart
from referencing import Registry, Resource

from tests.kubernetes.values import CHART, KUBERNETES

Manifest = dict[str, Any]
Values = dict[str, Any]

NAMESPACE = "films"
SCHEMAS = Path(__file__).parent / "schemas"
NEWEST = int(kubernetes_validate.latest_version().split(".")[1])
VERSIONS = tuple(f"1.{minor}" for minor in range(30, NEWEST + 1))
"""Every Kubernetes that is supported and whose schemas are known."""

EVERYTHING: Values = {
    "commonLabels": {"team": "search"},
    "image": {
        "repository": "registry.example.com/palate",
        "digest": "sha256:" + "0123456789abcdef" * 4,
        "pullSecrets": ["registry"],
    },
    "dnsPolicy": "None",
    "dnsConfig": {"nameservers": ["10.0.0.10"], "options": [{"name": "ndots", "value": "2"}]},
    "hostAliases": [{"ip": "10.0.0.7", "hostnames": ["models.internal"]}],
    "api": {
        "semantic": True,
        "resources": {"limits": {"memory": "1.5Gi"}},
        "preStopSeconds": 7,
        "shutdownTimeout": 30,
        "config": {
            "max_k": 50,
            "log_level": "warning",
            "web": False,
            "watch_hosts": ["archive.org"],
            "embedding_url": "http://embedder:8081/v1",
        },
        "extraEnv": [{"name": "TZ", "value": "UTC"}],
        "spread": "DoNotSchedule",
        "priorityClassName": "high",
        "nodeSelector": {"pool": "search"},
        "tolerations": [{"key": "search", "operator": "Exists"}],
        "affinity": {
            "podAntiAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {
                        "weight": 1,
                        "podAffinityTerm": {
                            "topologyKey": "kubernetes.io/hostname",
                            "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "palate"}},
                        },
                    }
                ]
            }
        },
        "annotations": {"example.com/owner": "search"},
        "podAnnotations": {"example.com/seen": "yes"},
        "podLabels": {"mesh": "in"},
        "runtimeClassName": "gvisor",
        "rules": {"rules": [{"name": "no war", "films": {"genres": ["War"]}, "remove": True}]},
        "extraVolumes": [{"name": "rules", "configMap": {"name": "palate-dashboard"}}],
        "extraVolumeMounts": [{"name": "rules", "mountPath": "/rules", "readOnly": True}],
        "sidecars": [
            {
                "name": "proxy",
                "image": "registry.example.com/proxy:1",
                "resources": {
                    "requests": {"cpu": "10m", "memory": "16Mi"},
                    "limits": {"cpu": "100m", "memory": "64Mi"},
                },
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
            }
        ],
    },
    "service": {
        "type": "LoadBalancer",
        "port": 8080,
        "annotations": {"example.com/lb": "a"},
        "nodePort": 30080,
        "ipFamilyPolicy": "PreferDualStack",
        "ipFamilies": ["IPv6", "IPv4"],
        "loadBalancerClass": "example.com/internal",
        "loadBalancerSourceRanges": ["10.0.0.0/8", "fd00::/8"],
        "externalTrafficPolicy": "Local",
    },
    "ingress": {
        "enabled": True,
        "className": "nginx",
        "hosts": ["a.example.com", "*.b.example.com"],
        "tls": [
            {"secretName": "tls-a", "hosts": ["a.example.com"]},
            {"secretName": "tls-b", "hosts": ["*.b.example.com"]},
        ],
        "path": "/films",
        "pathType": "ImplementationSpecific",
        "annotations": {"example.com/ingress": "a"},
    },
    "httpRoute": {
        "enabled": True,
        "parentRefs": [{"name": "gateway", "namespace": "gateways"}],
        "hostnames": ["c.example.com"],
    },
    "autoscaling": {
        "enabled": True,
        "requestsPerSecond": 50,
        "behavior": {
            "scaleUp": {"policies": [{"type": "Pods", "value": 2, "periodSeconds": 60}]},
        },
    },
    "people": {"subjects": [{"kind": "Group", "name": "analysts"}]},
    "podDisruptionBudget": {"maxUnavailable": "25%"},
    "serviceAccount": {"name": "searcher", "annotations": {"example.com/identity": "a"}},
    "networkPolicy": {
        "ingressFrom": [{"namespaceSelector": {}}],
        "llmTo": [{"ipBlock": {"cidr": "10.1.0.0/16"}}],
        "extraEgress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}],
        "database": {
            "enabled": True,
            "from": [{"podSelector": {"matchLabels": {"app": "reports"}}}],
            "metricsFrom": [{"namespaceSelector": {}}],
        },
    },
    "database": {
        "appSecret": "palate-app",
        "readSecret": "palate-read",
        "ownerSecret": "palate-owner",
        "caSecret": "authority",
        "cnpg": {
            "instances": 3,
            "allowReplicas": True,
            "image": "registry.example.com/paradedb-enterprise:18-v0.21.16",
            "storage": {"size": "100Gi", "storageClass": "fast"},
            "walStorage": {"size": "10Gi", "storageClass": "fast"},
            "parameters": {"work_mem": "32MB"},
            "sharedPreloadLibraries": ["pg_search", "pg_stat_statements"],
            "affinity": {"topologyKey": "topology.kubernetes.io/zone"},
            "imagePullSecrets": ["enterprise"],
            "serviceAccountAnnotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/a"},
            "priorityClassName": "database",
            "pooler": {"enabled": True},
            "backup": {
                "enabled": True,
                "destinationPath": "s3://backups/palate",
                "endpointURL": "https://objects.example.com",
                "endpointCASecret": "objects-authority",
                "credentialsSecret": "objects",
                "s3": {"sessionToken": True, "regionSecret": "objects"},
                "sidecarEnv": [
                    {"name": "AWS_REQUEST_CHECKSUM_CALCULATION", "value": "when_required"}
                ],
                "volumeSnapshotClass": "fast",
            },
        },
    },
    "llm": {
        "enabled": True,
        "url": "http://ollama:11434/v1",
        "model": "small",
        "existingSecret": "llm",
    },
    "jobs": {
        "nodeSelector": {"pool": "work"},
        "tolerations": [{"key": "work", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "priorityClassName": "low",
        "runtimeClassName": "nvidia",
        "podAnnotations": {"example.com/kind": "work"},
        "podLabels": {"mesh": "out"},
        "extraEnv": [{"name": "TZ", "value": "UTC"}],
        "extraVolumes": [{"name": "models", "emptyDir": {}}],
        "extraVolumeMounts": [{"name": "models", "mountPath": "/models"}],
        "activeDeadlineSeconds": 86400,
        "timeZone": "Europe/Vienna",
        "heavyResources": {"limits": {"cpu": "4", "memory": "8Gi", "nvidia.com/gpu": 1}},
        "load": {
            "source": "movielens",
            "location": "/data/ml-32m.zip",
            "metadata": "/data/films.jsonl.gz",
            "existingClaim": "movielens",
            "replace": True,
        },
        "embed": {"enabled": True},
        "train": {"enabled": True, "schedule": "0 3 * * *", "args": ["svd", "--rank", "64"]},
        "evaluate": {"enabled": True},
        "enrich": {"enabled": True, "schedule": "@daily"},
    },
    "monitoring": {
        "serviceMonitor": {
            "enabled": True,
            "labels": {"release": "prometheus"},
            "relabelings": [{"sourceLabels": ["pod"], "targetLabel": "instance"}],
            "metricRelabelings": [{"action": "labeldrop", "regex": "route"}],
        },
        "podMonitor": {
            "enabled": True,
            "labels": {"release": "prometheus"},
            "relabelings": [{"action": "replace", "targetLabel": "team", "replacement": "search"}],
        },
        "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}},
        "dashboard": {"enabled": True},
    },
}


def example(name: str) -> Values:
    """The values of one of the chart's examples."""
    read: Values = yaml.safe_load((CHART / name).read_text(encoding="utf-8"))
    return read


VALUE_SETS: dict[str, Values] = {
    "defaults": {},
    "kind": example("values-kind.yaml"),
    "production": example("values-production.yaml"),
    "everything": EVERYTHING,
    "no keys": {"auth": {"mode": "none", "existingSecret": ""}},
    "external database": {
        "database": {"mode": "external", "external": {"existingSecret": "addresses"}},
        "networkPolicy": {"databaseTo": [{"ipBlock": {"cidr": "10.2.0.0/16"}}]},
    },
    "external database on another port": {
        "database": {"mode": "external", "external": {"existingSecret": "a", "port": 6432}}
    },
    "database of another chart": {"database": {"mode": "paradedb", "cluster": "films"}},
    "database without checked certificate": {"database": {"sslMode": "require"}},
    "backups with the node's identity": {
        "database": {
            "cnpg": {"backup": {"enabled": True, "destinationPath": "gs://backups/palate"}}
        }
    },
    "backups on Google Cloud with a key": {
        "database": {
            "cnpg": {
                "backup": {
                    "enabled": True,
                    "destinationPath": "gs://backups/palate",
                    "credentialsSecret": "gcs",
                }
            }
        }
    },
    "backups on Azure with a SAS token": {
        "database": {
            "cnpg": {
                "backup": {
                    "enabled": True,
                    "destinationPath": "https://account.blob.core.windows.net/backups",
                    "credentialsSecret": "azure",
                    "azure": {"secretHolds": "sasToken"},
                }
            }
        }
    },
    "backups on Azure": {
        "database": {
            "cnpg": {
                "backup": {
                    "enabled": True,
                    "destinationPath": "https://account.blob.core.windows.net/backups",
                }
            }
        }
    },
    "backups into a store that is there": {
        "database": {"cnpg": {"backup": {"enabled": True, "objectStore": "ours"}}}
    },
    "restore": {
        "database": {
            "cluster": "paradedb-2",
            "cnpg": {
                "backup": {"enabled": True, "objectStore": "ours"},
                "recovery": {
                    "enabled": True,
                    "serverName": "paradedb",
                    "targetTime": "2026-11-21T10:00:00Z",
                },
            },
        }
    },
    "restore from a snapshot": {
        "database": {
            "cluster": "paradedb-2",
            "cnpg": {"recovery": {"enabled": True, "volumeSnapshot": "paradedb-1"}},
        }
    },
    "an image catalog": {"database": {"cnpg": {"imageCatalog": {"name": "paradedb"}}}},
    "OpenShift": {
        "podSecurityContext": {"runAsUser": None, "runAsGroup": None, "fsGroup": None},
        "global": {"imageRegistry": "registry.internal:5000"},
    },
    "only IPv6": {"api": {"host": "::"}, "service": {"ipFamilies": ["IPv6"]}},
    "MovieLens by name": {"jobs": {"load": {"source": "movielens", "location": "ml-latest-small"}}},
    "MovieLens by address": {
        "jobs": {"load": {"source": "movielens", "location": "https://example.com/ml.zip"}}
    },
    "nothing but the API": {
        "jobs": {"load": {"enabled": False}, "refresh": {"enabled": False}},
        "networkPolicy": {"enabled": False},
        "podDisruptionBudget": {"enabled": False},
        "serviceAccount": {"create": False},
        "api": {"preStopSeconds": 0},
    },
    "a model by its provider": {
        "llm": {"enabled": True, "provider": "openai", "model": "m", "existingSecret": "llm"},
        "jobs": {"enrich": {"enabled": True}},
    },
    "jobs now and then": {
        "jobs": {
            name: {"enabled": True, "schedule": "0 4 * * 0"}
            for name in ("embed", "train", "evaluate", "enrich")
        }
    },
    "names that look like numbers": {
        "image": {"pullSecrets": ["1"]},
        "auth": {"existingSecret": "2"},
        "api": {"priorityClassName": "3"},
        "ingress": {
            "enabled": True,
            "hosts": ["a.example.com"],
            "className": "4",
            "tlsSecret": "5",
        },
        "serviceAccount": {"name": "6"},
        "database": {
            "caSecret": "7",
            "ownerSecret": "8",
            "appSecret": "9",
            "readSecret": "10",
            "cnpg": {
                "storage": {"storageClass": "11"},
                "backup": {
                    "enabled": True,
                    "destinationPath": "s3://backups/palate",
                    "credentialsSecret": "12",
                },
            },
        },
        "llm": {
            "enabled": True,
            "url": "http://ollama:11434/v1",
            "model": "15",
            "existingSecret": "13",
        },
        "jobs": {"load": {"existingClaim": "14"}},
        "monitoring": {"serviceMonitor": {"enabled": True}},
    },
    "other names": {"nameOverride": "films", "fullnameOverride": "film-search"},
    "names that YAML has another idea of": {
        "nameOverride": "null",
        "fullnameOverride": "true",
        "commonLabels": {"on": "123", "no": "false"},
        "database": {"cluster": "off", "name": "yes"},
        "autoscaling": {"enabled": True},
        "people": {"subjects": [{"kind": "User", "name": "1"}]},
        "networkPolicy": {"database": {"enabled": True}},
        "monitoring": {"podMonitor": {"enabled": True}, "serviceMonitor": {"enabled": True}},
    },
}


@cache
def chart() -> Chart:
    """The chart, read once."""
    return Chart.load(CHART)


@cache
def _templates() -> Chart:
    """The chart without its schema, which Helm would read anew at each rendering."""
    with TemporaryDirectory() as folder:
        copied = Path(folder) / "palate"
        shutil.copytree(CHART, copied, ignore=shutil.ignore_patterns("values.schema.json"))
        return Chart.load(copied)


@cache
def _schema() -> jsonschema.Draft7Validator:
    return jsonschema.Draft7Validator(_read(CHART / "values.schema.json"))


def merged(values: Values, more: Values) -> Values:
    """Values with others laid over them, as Helm does; null takes away."""
    over = {
        name: merged(values[name], each)
        if isinstance(each, dict) and isinstance(values.get(name), dict)
        else each
        for name, each in more.items()
    }
    return {name: each for name, each in (values | over).items() if each is not None}


def render(
    values: Values | None = None, name: str = "palate", *, is_upgrade: bool = False
) -> dict[str, str]:
    """Every template by its path, as Helm renders it for a release; the schema is checked here.

    Raises HelmError and jsonschema's ValidationError.
    """
    _schema().validate(merged(chart().values, values or {}))
    return _templates().render(
        values or {},
        name=name,
        namespace=NAMESPACE,
        is_install=not is_upgrade,
        is_upgrade=is_upgrade,
        revision=2 if is_upgrade else 1,
    )


def rendered(values: Values | None = None, name: str = "palate") -> dict[str, str]:
    """The same for an install, once for each values. Not to be changed: it is shared."""
    return _rendered(json.dumps(values or {}), name)


@cache
def _rendered(values: str, name: str) -> dict[str, str]:
    return render(json.loads(values), name)


def manifests(values: Values | None = None, name: str = "palate") -> list[Manifest]:
    """What would be sent to the API server, tests included. Not to be changed: it is shared."""
    return _manifests(json.dumps(values or {}), name)


@cache
def _manifests(values: str, name: str) -> list[Manifest]:
    return [
        manifest
        for path, text in sorted(_rendered(values, name).items())
        if path.endswith(".yaml")
        for manifest in yaml.load_all(text, Loader=yaml.CSafeLoader)
        if manifest
    ]


def of_kind(found: list[Manifest], kind: str, component: str | None = None) -> list[Manifest]:
    """Those of one kind, and of one component if given."""
    return [
        each
        for each in found
        if each["kind"] == kind
        and component in (None, each["metadata"]["labels"]["app.kubernetes.io/component"])
    ]


def pod_specs(found: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """(kind and name, template) of everything that makes pods; a pod is its own template."""
    for each in found:
        title = f"{each['kind']} {each['metadata']['name']}"
        match each["kind"]:
            case "Pod":
                yield title, each
            case "Deployment" | "Job":
                yield title, each["spec"]["template"]
            case "CronJob":
                yield title, each["spec"]["jobTemplate"]["spec"]["template"]


def containers(template: Manifest) -> list[Manifest]:
    """The containers of a pod, those that run before it included."""
    spec = template["spec"]
    return [*spec.get("initContainers", []), *spec["containers"]]


def validate(manifest: Manifest, version: str) -> None:
    """Check a manifest as strictly as the API server would. Raises ValidationError."""
    own = (SCHEMAS / f"{manifest['kind']}.json").exists()  # of an operator, whatever the version
    _validate(json.dumps(manifest), "" if own else version)


def validate_everywhere(manifest: Manifest) -> None:
    """The same for every version; one that only adds to what the one before takes is left out."""
    kind, api_version = manifest["kind"], manifest["apiVersion"]
    for before, version in pairwise(("", *VERSIONS)):
        if not before or not only_adds(kind, api_version, before, version):
            validate(manifest, version)


@cache
def only_adds(kind: str, api_version: str, before: str, after: str) -> bool:
    """Whether a version takes everything of a kind that another takes."""
    if (SCHEMAS / f"{kind}.json").exists():
        return True  # it is the same one
    known, others = _known(before), _known(after)
    seen: set[str] = set()

    def takes(old: Any, new: Any) -> bool:
        if isinstance(old, dict) and isinstance(new, dict):
            return all(_takes(word, old.get(word), new.get(word)) for word in {*old, *new})
        return bool(old == new)

    def _takes(word: str, old: Any, new: Any) -> bool:
        if word in ("description", "default", "format", "$schema", "$id") or word[:2] == "x-":
            return True
        if word == "properties":
            return all(name in new and takes(each, new[name]) for name, each in old.items())
        if word == "required":
            return set(new or ()) <= set(old or ())
        if word == "$ref" and old == new:
            name = old.rpartition("/")[2]
            if name in seen:
                return True
            seen.add(name)
            return takes(known[name], others.get(name))
        return takes(old, new)

    return takes(_schema_of(kind, api_version, before), _schema_of(kind, api_version, after))


@cache
def _known(version: str) -> dict[str, Any]:
    read = _read(KUBERNETES / f"v{version}.0-local-strict" / "_definitions.json")
    found: dict[str, Any] = read["$defs"]
    return found


@cache
def _validate(text: str, version: str) -> None:
    manifest: Manifest = json.loads(text)
    _validator(manifest["kind"], manifest["apiVersion"], version).validate(manifest)


@cache
def _validator(kind: str, api_version: str, version: str) -> jsonschema.Draft202012Validator:
    """Checks a kind, and refuses fields that it does not have."""
    if not version:
        return jsonschema.Draft202012Validator(_read(SCHEMAS / f"{kind}.json"))
    schema = _schema_of(kind, api_version, version)
    return jsonschema.Draft202012Validator(schema, registry=_definitions(version))


def _schema_of(kind: str, api_version: str, version: str) -> Any:
    group, _, number = api_version.rpartition("/")
    names = (kind.lower(), group.partition(".")[0], number)
    file = "-".join(filter(None, names)) + ".json"
    return _read(KUBERNETES / f"v{version}.0-local-strict" / file)


@cache
def _definitions(version: str) -> "Registry[Any]":
    definitions = _read(KUBERNETES / f"v{version}.0-local-strict" / "_definitions.json")
    return Resource.from_contents(definitions) @ Registry()


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
