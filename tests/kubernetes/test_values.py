"""The chart's values: described, checked, and refused with what to do."""

from pathlib import Path
from typing import Any

import helm_python
import pytest
import yaml
from helm_python import HelmError

from palate.settings import Settings
from tests.kubernetes.charts import VALUE_SETS, Values, chart, manifests, of_kind, render
from tests.kubernetes.generate import ROOT, make_files
from tests.kubernetes.values import CHART, read_values


@pytest.mark.parametrize(
    ("path", "text"),
    [
        pytest.param(path, text, id=str(path.relative_to(ROOT)))
        for path, text in make_files().items()
    ],
)
def test_what_is_made_from_the_chart_is_up_to_date(path: Path, text: str) -> None:
    assert path.read_text(encoding="utf-8") == text, "run `make manifests`"


def test_there_are_no_plain_manifests_that_the_chart_does_not_make() -> None:
    made = {path for path in make_files() if path.parent.name == "k8s"}
    assert set((ROOT / "k8s").iterdir()) == made


def test_the_schema_describes_every_value_and_refuses_others() -> None:
    def check(schema: dict[str, Any], default: Any, where: str) -> None:
        assert schema["description"], where
        if "properties" in schema:
            assert schema["additionalProperties"] is (where == "global"), where
            assert set(schema["properties"]) == set(default), where
            for name, each in schema["properties"].items():
                check(each, default[name], f"{where}.{name}")

    schema = chart().schema
    assert schema is not None
    assert schema["additionalProperties"] is False
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    assert set(schema["properties"]) == set(values) == {v.path[0] for v in read_values()}
    for name, default in values.items():
        check(schema["properties"][name], default, name)


@pytest.mark.parametrize("values", VALUE_SETS.values(), ids=VALUE_SETS)
def test_the_chart_lints_strictly(values: Values) -> None:
    report = helm_python.lint(CHART, values, strict=True, kube_version="v1.34.0")
    assert report["errors"] == []
    assert [each for each in report["messages"] if each["severity"] > 1] == []


REFUSED: dict[str, tuple[Values, str]] = {
    "an unknown value": ({"replicas": 3}, "additional properties 'replicas' not allowed"),
    "an unknown value within": ({"api": {"replica": 3}}, "'replica' not allowed"),
    "a name that no Service may have": ({"fullnameOverride": "Palate.1"}, "/fullnameOverride"),
    "a label that the chart sets": (
        {"commonLabels": {"app.kubernetes.io/name": "a"}},
        "invalid propertyName 'app.kubernetes.io/name'",
    ),
    "a variable that the chart sets": (
        {"api": {"extraEnv": [{"name": "PGUSER", "value": "me"}]}},
        "/api/extraEnv/0/name",
    ),
    "no replicas": ({"api": {"replicas": 0}}, "/api/replicas"),
    "words for a number": ({"service": {"port": "http"}}, "/service/port"),
    "the tag latest": ({"image": {"tag": "latest"}}, "/image/tag"),
    "a digest that is none": ({"image": {"digest": "sha256:1"}}, "/image/digest"),
    "no limits": ({"api": {"resources": {"limits": None}}}, "/api/resources"),
    "a size without unit": ({"database": {"cnpg": {"storage": {"size": "10"}}}}, "storage/size"),
    "an image without PostgreSQL's version": (
        {"database": {"cnpg": {"image": "paradedb/paradedb:latest"}}},
        "/database/cnpg/image",
    ),
    "no pg_search": (
        {"database": {"cnpg": {"sharedPreloadLibraries": ["pg_cron"]}}},
        "sharedPreloadLibraries",
    ),
    "a schedule that is none": ({"jobs": {"refresh": {"schedule": "hourly"}}}, "schedule"),
    "an unknown mode": ({"database": {"mode": "mysql"}}, "/database/mode"),
    "keys without a Secret": ({"auth": {"existingSecret": ""}}, "write auth.mode=none"),
    "standbys on the community image": (
        {"database": {"cnpg": {"instances": 2}}},
        "database.cnpg.allowReplicas=true",
    ),
    "an external database without a Secret": (
        {"database": {"mode": "external"}},
        "database.external.existingSecret",
    ),
    "backups to nowhere": (
        {"database": {"cnpg": {"backup": {"enabled": True}}}},
        "say where backups go",
    ),
    "a restore over the backups it reads": (
        {
            "database": {
                "cnpg": {
                    "backup": {"enabled": True, "objectStore": "ours"},
                    "recovery": {"enabled": True, "serverName": "paradedb"},
                }
            }
        },
        "must not write over them",
    ),
    "a restore of nothing": (
        {"database": {"cnpg": {"recovery": {"enabled": True}}}},
        "say whose backups to read",
    ),
    "an Ingress without hosts": ({"ingress": {"enabled": True}}, "ingress.hosts"),
    "a route without gateway": ({"httpRoute": {"enabled": True}}, "httpRoute.parentRefs"),
    "fewest pods above most": (
        {"autoscaling": {"enabled": True, "minReplicas": 5, "maxReplicas": 4}},
        "minReplicas is more than maxReplicas",
    ),
    "a model nowhere": ({"llm": {"enabled": True}}, "say where the language model is"),
    "MovieLens from nowhere": ({"jobs": {"load": {"source": "movielens"}}}, "say which MovieLens"),
    "a path without volume": (
        {"jobs": {"load": {"source": "movielens", "location": "/data/ml"}}},
        "needs the PersistentVolumeClaim",
    ),
    "a secret among the settings": (
        {"api": {"config": {"llm_api_key": "k"}}},
        "this belongs in a Secret",
    ),
    "a setting of the chart's own": (
        {"api": {"config": {"port": 1}}},
        "the chart sets this itself",
    ),
    "the text encoder in too little memory": (
        {"api": {"semantic": True}},
        "with api.semantic a pod holds the text encoder and needs 1Gi",
    ),
    "memory of an unknown unit": (
        {"database": {"cnpg": {"resources": {"limits": {"memory": "1G"}}}}},
        "does not match pattern",
    ),
}


REFUSED |= {
    "a request above its limit": (
        {"api": {"resources": {"requests": {"cpu": 3}}}},
        "api.resources: the request of cpu, 3, is above its limit, 2",
    ),
    "a request of memory above its limit": (
        {"jobs": {"heavyResources": {"requests": {"memory": "0.01Ti"}}}},
        "jobs.heavyResources: the request of memory, 0.01Ti, is above its limit, 8Gi",
    ),
    "a local model without its address": (
        {"llm": {"enabled": True, "provider": "vllm", "model": "m"}},
        "vllm has no address of its own in a cluster",
    ),
    "a pooler without a login of the API's own": (
        {"database": {"cnpg": {"pooler": {"enabled": True}}}},
        "name it in database.appSecret",
    ),
    "an address of S3 for another store": (
        {
            "database": {
                "cnpg": {
                    "backup": {
                        "enabled": True,
                        "destinationPath": "gs://b/p",
                        "endpointURL": "https://objects.example.com",
                    }
                }
            }
        },
        "endpointURL and s3 are for addresses that begin with s3://",
    ),
    "a moment in a snapshot": (
        {
            "database": {
                "cnpg": {
                    "recovery": {
                        "enabled": True,
                        "volumeSnapshot": "a",
                        "targetTime": "2026-11-21T10:00:00Z",
                    }
                }
            }
        },
        "a snapshot alone has no log",
    ),
    "a node port of a ClusterIP": ({"service": {"nodePort": 30080}}, "of type ClusterIP"),
    "a load balancer's class without one": (
        {"service": {"loadBalancerClass": "a"}},
        "only a Service of type LoadBalancer",
    ),
    "scaling by a CPU that nobody asked for": (
        {"autoscaling": {"enabled": True}, "api": {"resources": {"requests": {"cpu": None}}}},
        "api.resources.requests.cpu",
    ),
}


@pytest.mark.parametrize(("values", "said"), REFUSED.values(), ids=REFUSED)
def test_values_that_cannot_work_are_refused(values: Values, said: str) -> None:
    with pytest.raises(HelmError) as refused:
        render(values)
    assert said in str(refused.value)


@pytest.mark.parametrize("values", VALUE_SETS.values(), ids=VALUE_SETS)
def test_every_setting_in_the_environment_is_one_of_palate(values: Values) -> None:
    for config in of_kind(manifests(values), "ConfigMap", "api"):
        given = {
            name.removeprefix("PALATE_").lower(): value
            for name, value in config["data"].items()
            if name.startswith("PALATE_")
        }
        assert set(given) <= set(Settings.model_fields)
        Settings(**given, _env_file=None)


def test_large_numbers_stay_whole() -> None:
    """A values file's 2592000 reaches templates as a float, which prints as 2.592e+06."""
    found = manifests(
        {
            "jobs": {"ttlSecondsAfterFinished": 2592000},
            "api": {"config": {"max_body_bytes": 4000000, "statement_timeout": 2.5}},
            "autoscaling": {"enabled": True, "requestsPerSecond": 1000000},
        }
    )
    assert {each["spec"]["ttlSecondsAfterFinished"] for each in of_kind(found, "Job")} == {2592000}
    (config,) = of_kind(found, "ConfigMap", "api")
    assert config["data"]["PALATE_MAX_BODY_BYTES"] == "4000000"
    assert config["data"]["PALATE_STATEMENT_TIMEOUT"] == "2.5"
    (scaler,) = of_kind(found, "HorizontalPodAutoscaler")
    assert scaler["spec"]["metrics"][1]["pods"]["target"]["averageValue"] == "1000000"


def test_the_notes_say_what_to_type_next() -> None:
    notes = render()["palate/templates/NOTES.txt"]
    assert "kubectl -n films port-forward svc/paradedb-rw 5433:5432" in notes
    assert "palate k8s psql" in notes
    assert "helm -n films test palate" in notes
    assert "WARNING" not in notes
    open_to_all = render(VALUE_SETS["no keys"])["palate/templates/NOTES.txt"]
    assert "WARNING: auth.mode is none" in open_to_all
    outside = render(VALUE_SETS["external database"])["palate/templates/NOTES.txt"]
    assert "5433" not in outside


WRONG: list[tuple[str, Any]] = [
    ("global.imageRegistry", "https://registry.example.com"),
    ("nameOverride", 123),
    ("fullnameOverride", "1palate"),
    ("fullnameOverride", "my.palate"),
    ("commonLabels", {"a b": "c"}),
    ("commonLabels", {"team": "a b"}),
    ("commonLabels", {"team": "a" * 64}),
    ("commonLabels", {"team": True}),
    ("podSecurityContext", {"runAsUsr": 1}),
    ("containerSecurityContext", {"privilegd": False}),
    ("dnsPolicy", "none"),
    ("dnsConfig", {"nameserver": ["10.0.0.10"]}),
    ("image.repository", "palate:0.1.0"),
    ("image.repository", "Palate"),
    ("image.tag", "0.1 0"),
    ("image.tag", 0.1),
    ("image.pullSecrets", ["My Secret"]),
    ("image.pullPolicy", "Sometimes"),
    ("auth.existingSecret", "Keys"),
    ("auth.existingSecret", 1),
    ("api.host", "localhost"),
    ("api.resources.limits.cpu", "two"),
    ("api.resources.limits.memory", "1g"),
    ("api.resources.limits.memory", "-1Gi"),
    ("api.resources.limits", {"nvidia.com/gpu": "half", "memory": "1Gi"}),
    ("api.priorityClassName", "High"),
    ("api.runtimeClassName", "g visor"),
    ("api.nodeSelector", {"pool": 1}),
    ("api.tolerations", [{"key": "a", "efect": "NoSchedule"}]),
    ("api.tolerations", [{"key": "a", "effect": "NoSchedul"}]),
    ("api.affinity", {"podAntiAfinity": {}}),
    ("api.affinity", {"nodeAffinity": {"requiredDuringScheduling": {}}}),
    ("api.podAnnotations", {"a b": "c"}),
    ("api.extraEnv", [{"nme": "A", "value": "b"}]),
    ("api.extraVolumes", [{"name": "a", "emptydir": {}}]),
    ("api.extraVolumeMounts", [{"name": "a", "path": "/a"}]),
    ("api.sidecars", [{"image": "a:1"}]),
    ("api.config", {"max_k": {"a": 1}}),
    ("service.port", 0),
    ("service.port", 65536),
    ("service.ipFamilies", ["IPv5"]),
    ("service.loadBalancerSourceRanges", ["10.0.0.0/33"]),
    ("service.loadBalancerSourceRanges", ["10.0.0.1"]),
    ("ingress.hosts", ["https://a.example.com"]),
    ("ingress.hosts", ["a_b.example.com"]),
    ("ingress.hosts", ["A.example.com"]),
    ("ingress.hosts", ["a.*.example.com"]),
    ("ingress.className", "nginx public"),
    ("ingress.path", "films"),
    ("ingress.tls", [{"secret": "a", "hosts": ["a.example.com"]}]),
    ("httpRoute.parentRefs", [{"nam": "gateway"}]),
    ("httpRoute.hostnames", ["a b"]),
    ("autoscaling.minReplicas", 0),
    ("autoscaling.behavior", {"scaledown": {}}),
    ("podDisruptionBudget.maxUnavailable", "half"),
    ("serviceAccount.name", "The Account"),
    ("people.subjects", [{"kind": "Person", "name": "ann"}]),
    ("networkPolicy.ingressFrom", [{"namespaceSelecter": {}}]),
    ("networkPolicy.ingressFrom", [{"ipBlock": {"cidr": "10.0.0.256/8"}}]),
    ("networkPolicy.extraEgress", [{"port": [{"port": 443}]}]),
    ("networkPolicy.database.operatorNamespace", "CNPG"),
    ("database.cluster", "1films"),
    ("database.cluster", "my.films"),
    ("database.name", "my-films"),
    ("database.name", "pg_films"),
    ("database.sslMode", "on"),
    ("database.appSecret", "Palate App"),
    ("database.cnpg.image", "paradedb/paradedb:v0.24.3"),
    ("database.cnpg.imageCatalog.kind", "Catalog"),
    ("database.cnpg.storage.size", "10GB"),
    ("database.cnpg.storage.storageClass", "Fast"),
    ("database.cnpg.walStorage.size", "many"),
    ("database.cnpg.parameters", {"work_mem": 4}),
    ("database.cnpg.affinity", {"topologykey": "a"}),
    ("database.cnpg.pooler.mode", "statement"),
    ("database.cnpg.backup.destinationPath", "backups/palate"),
    ("database.cnpg.backup.endpointURL", "minio:9000"),
    ("database.cnpg.backup.retention", "30"),
    ("database.cnpg.backup.schedule", "30 2 * * *"),
    ("database.cnpg.backup.schedule", "0 61 2 * * *"),
    ("database.cnpg.backup.azure.secretHolds", "password"),
    ("database.cnpg.recovery.targetTime", "yesterday"),
    ("llm.url", "ollama:11434/v1"),
    ("llm.provider", "openAI"),
    ("jobs.backoffLimit", -1),
    ("jobs.timeZone", "Vienna time"),
    ("jobs.workSize", "4"),
    ("jobs.load.location", "/tmp/ml"),
    ("jobs.load.location", "http://example.com/ml.zip"),
    ("jobs.load.metadata", "films.jsonl.gz"),
    ("jobs.load.existingClaim", "My Claim"),
    ("jobs.train.schedule", "0 3 * *"),
    ("jobs.train.schedule", "0 25 * * *"),
    ("jobs.train.schedule", "61 * * * *"),
    ("jobs.train.schedule", "0 0 32 * *"),
    ("jobs.train.schedule", "0 0 * 13 *"),
    ("jobs.train.schedule", "0 0 * * 8"),
    ("jobs.train.schedule", "@hour"),
    ("jobs.evaluate.args", []),
    ("jobs.refresh.schedule", ""),
    ("monitoring.serviceMonitor.interval", "30"),
    ("monitoring.serviceMonitor.relabelings", [{"sourceLabel": ["pod"]}]),
    ("monitoring.prometheusRule.errorRatio", 2),
]


@pytest.mark.parametrize(
    ("path", "value"), WRONG, ids=[f"{path}={value!r}"[:60] for path, value in WRONG]
)
def test_a_wrong_value_is_refused_by_its_name(path: str, value: Any) -> None:
    wrong: Any = value
    for name in reversed(path.split(".")):
        wrong = {name: wrong}
    with pytest.raises(HelmError) as refused:
        render(wrong)
    assert path.replace(".", "/") in str(refused.value) or path in str(refused.value)


@pytest.mark.parametrize(
    "schedule",
    ["*/5 * * * *", "0 3 * * MON-FRI", "0,30 8-18/2 1 jan,jul *", "@daily", "0 0 ? * 0"],
)
def test_schedules_that_cron_knows_are_taken(schedule: str) -> None:
    assert render({"jobs": {"train": {"enabled": True, "schedule": schedule}}})
    if not schedule.startswith("@"):
        assert render({"database": {"cnpg": {"backup": {"schedule": f"0 {schedule}"}}}})


@pytest.mark.parametrize("name", ["123", "1palate", "my.palate"])
def test_a_release_s_name_that_no_service_may_have_is_refused(name: str) -> None:
    with pytest.raises(HelmError) as refused:
        render(name=name)
    assert "set fullnameOverride" in str(refused.value)
    assert render({"fullnameOverride": "palate"}, name=name)


@pytest.mark.parametrize("name", ["true", "null", "off", "palate"])
def test_a_release_s_name_is_text(name: str) -> None:
    for each in manifests(name=name):
        labels = each["metadata"]["labels"]
        assert labels["app.kubernetes.io/instance"] == name
        assert all(isinstance(label, str) for label in labels.values())
        assert isinstance(each["metadata"]["name"], str)
