"""What the chart makes: accepted by API servers, safe, the same every time."""

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from helm_python import Chart

from tests.kubernetes.charts import (
    EVERYTHING,
    VALUE_SETS,
    Manifest,
    Values,
    containers,
    manifests,
    of_kind,
    pod_specs,
    render,
    validate,
)
from tests.kubernetes.values import CHART

VERSIONS = ("1.30", "1.34")
RECOMMENDED = {
    "app.kubernetes.io/name",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/component",
    "app.kubernetes.io/part-of",
    "app.kubernetes.io/version",
    "app.kubernetes.io/managed-by",
    "helm.sh/chart",
}
every_set = pytest.mark.parametrize("values", VALUE_SETS.values(), ids=VALUE_SETS)


@every_set
def test_api_servers_accept_everything(values: Values) -> None:
    for manifest in manifests(values):
        for version in VERSIONS:
            validate(manifest, version)


def test_the_newest_api_server_accepts_everything() -> None:
    for manifest in manifests(EVERYTHING):
        validate(manifest, kubernetes_validate.latest_version())


def test_the_schemas_refuse_what_is_wrong() -> None:
    for kind, path in [("Cluster", "spec"), ("Deployment", "spec"), ("HTTPRoute", "spec")]:
        broken: Manifest = json.loads(json.dumps(of_kind(manifests(EVERYTHING), kind)[0]))
        broken[path]["instanses"] = 1
        with pytest.raises(Exception, match="instanses"):
            validate(broken, "1.34")


@every_set
def test_rendering_twice_gives_the_same(values: Values) -> None:
    assert render(values) == render(values)


@every_set
def test_an_upgrade_renders_what_an_install_does(values: Values) -> None:
    assert render(values, is_upgrade=True) == render(values)


def test_values_of_the_first_version_still_work() -> None:
    first: Values = json.loads((Path(__file__).parent / "values-0.1.0.json").read_text())
    before = {
        (each["kind"], each["metadata"]["name"]) for each in manifests() if each["kind"] != "Job"
    }
    after = {(each["kind"], each["metadata"]["name"]) for each in manifests(first)}
    assert before <= after


@every_set
def test_names_are_unique_and_short_and_labels_are_the_recommended_ones(values: Values) -> None:
    found = manifests(values, name="a-release-with-quite-a-long-name-to-it")
    names = Counter((each["apiVersion"], each["kind"], each["metadata"]["name"]) for each in found)
    assert names.most_common(1)[0][1] == 1
    for each in found:
        limit = 52 if each["kind"] == "CronJob" else 63
        assert len(each["metadata"]["name"]) <= limit
        assert set(each["metadata"]["labels"]) >= RECOMMENDED
        assert all(len(str(label)) <= 63 for label in each["metadata"]["labels"].values())


@every_set
def test_pods_are_restricted(values: Values) -> None:
    """Pod Security's level `restricted`, and more: nothing is written outside volumes."""
    for title, template in pod_specs(manifests(values)):
        spec = template["spec"]
        security = spec["securityContext"]
        assert security["runAsNonRoot"] is True, title
        assert security["runAsUser"] > 0, title
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, title
        assert spec["automountServiceAccountToken"] is False, title
        assert not set(spec) & {"hostNetwork", "hostPID", "hostIPC"}, title
        kinds = {key for volume in spec["volumes"] for key in volume if key != "name"}
        assert kinds <= {"emptyDir", "secret", "configMap", "persistentVolumeClaim"}, title
        for each in containers(template):
            assert each["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, title


@every_set
def test_containers_have_limits_and_images_with_a_version(values: Values) -> None:
    for title, template in pod_specs(manifests(values)):
        for each in containers(template):
            assert set(each["resources"]) == {"requests", "limits"}, title
            assert set(each["resources"]["limits"]) >= {"cpu", "memory"}, title
            for part, key in (("env", "name"), ("ports", "name"), ("volumeMounts", "mountPath")):
                given = [entry[key] for entry in each.get(part, [])]
                assert len(given) == len(set(given)), f"{title}: {part}"
            name, _, version = each["image"].rpartition("@" if "@" in each["image"] else ":")
            assert name, title
            assert version not in ("", "latest"), title


@every_set
def test_secrets_are_referred_to_and_never_written(values: Values) -> None:
    words = ("PASSWORD", "SECRET", "KEY", "TOKEN")
    found = manifests(values)
    assert of_kind(found, "Secret") == []
    for title, template in pod_specs(found):
        for each in containers(template):
            for variable in each.get("env", []):
                secret = any(word in variable["name"] for word in words)
                if secret and not variable["name"].endswith("_FILE"):
                    assert "secretKeyRef" in variable["valueFrom"], f"{title}: {variable['name']}"
    for config in of_kind(found, "ConfigMap", "api"):
        assert not [name for name in config["data"] if any(word in name for word in words)]


@every_set
def test_pods_find_what_they_mount_and_read(values: Values) -> None:
    found = manifests(values)
    configs = {each["metadata"]["name"] for each in of_kind(found, "ConfigMap")}
    for title, template in pod_specs(found):
        volumes = {volume["name"]: volume for volume in template["spec"]["volumes"]}
        for each in containers(template):
            assert {mount["name"] for mount in each["volumeMounts"]} <= set(volumes), title
            for source in each.get("envFrom", []):
                assert source["configMapRef"]["name"] in configs, title
        for volume in volumes.values():
            assert volume.get("configMap", {}).get("name") in {None, *configs}, title


@every_set
def test_selectors_find_the_api_and_nothing_else(values: Values) -> None:
    found = manifests(values)
    templates = dict(pod_specs(found))
    selectors = [each["spec"]["selector"] for each in of_kind(found, "Service")]
    selectors += [
        each["spec"]["selector"]["matchLabels"]
        for kind in ("Deployment", "PodDisruptionBudget")
        for each in of_kind(found, kind)
    ]
    for selector in selectors:
        chosen = [
            title
            for title, template in templates.items()
            if selector.items() <= template["metadata"]["labels"].items()
        ]
        assert [title.split()[0] for title in chosen] == ["Deployment"]


@every_set
def test_network_policies_are_about_palate_s_own_pods(values: Values) -> None:
    found = manifests(values)
    policies = of_kind(found, "NetworkPolicy")
    templates = dict(pod_specs(found))
    for policy in policies:
        labels = policy["spec"]["podSelector"]["matchLabels"]
        assert labels["app.kubernetes.io/instance"] == "palate"
    if policies:
        base = next(each for each in policies if "matchExpressions" in each["spec"]["podSelector"])
        (chosen,) = base["spec"]["podSelector"]["matchExpressions"]
        parts = {
            template["metadata"]["labels"]["app.kubernetes.io/component"]
            for template in templates.values()
        }
        assert parts <= set(chosen["values"])


@pytest.mark.parametrize(
    ("values", "port"),
    [
        ({"url": "http://ollama:11434/v1"}, 11434),
        ({"url": "https://models.example.com/v1"}, 443),
        ({"url": "http://models.example.com/v1"}, 80),
        ({"provider": "openai"}, 443),
    ],
    ids=["port", "https", "http", "provider"],
)
def test_pods_may_reach_the_language_model(values: Values, port: int) -> None:
    assert port in _ports({"llm": {"enabled": True} | values})
    assert port not in _ports({})


def _ports(values: Values) -> set[Any]:
    return {
        port["port"]
        for policy in of_kind(manifests(values), "NetworkPolicy")
        for rule in policy["spec"].get("egress", [])
        for port in rule["ports"]
    }


@every_set
def test_the_api_has_probes_and_time_to_stop(values: Values) -> None:
    (deployment,) = of_kind(manifests(values), "Deployment")
    spec = deployment["spec"]["template"]["spec"]
    (api,) = spec["containers"]
    paths = {
        name: api[f"{name}Probe"]["httpGet"]["path"]
        for name in ("startup", "readiness", "liveness")
    }
    assert paths == {"startup": "/healthz", "readiness": "/readyz", "liveness": "/healthz"}
    pause = api.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    (config,) = of_kind(manifests(values), "ConfigMap", "api")
    stopping = int(config["data"]["PALATE_SHUTDOWN_TIMEOUT"])
    assert spec["terminationGracePeriodSeconds"] > pause + stopping
    assert deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_changed_settings_start_pods_anew() -> None:
    def checksum(values: Values) -> str:
        (deployment,) = of_kind(manifests(values), "Deployment")
        annotations = deployment["spec"]["template"]["metadata"]["annotations"]
        return str(annotations["checksum/config"])

    assert checksum({}) != checksum({"api": {"config": {"max_k": 7}}})


def test_a_job_that_would_do_something_else_has_another_name() -> None:
    def name(values: Values) -> str:
        return str(of_kind(manifests(values), "Job", "load")[0]["metadata"]["name"])

    assert name({}) == name({"api": {"replicas": 5}})
    assert name({}) != name({"jobs": {"load": {"replace": True}}})
    assert name({}) != name({"image": {"tag": "0.2.0"}})


@every_set
def test_every_pod_waits_for_its_schema(values: Values) -> None:
    for title, template in pod_specs(manifests(values)):
        if not title.startswith("Pod "):
            first = template["spec"]["initContainers"][0]
            assert [*first["command"], *first["args"]][:3] == ["palate", "db", "migrate"]
            assert {"--wait", "--allow-newer"} <= set(first["args"])


def test_the_cluster_is_the_one_that_people_know() -> None:
    (cluster,) = of_kind(manifests(), "Cluster")
    spec = cluster["spec"]
    assert cluster["metadata"]["name"] == "paradedb"
    assert (spec["instances"], spec["postgresUID"], spec["postgresGID"]) == (1, 999, 999)
    assert spec["postgresql"]["shared_preload_libraries"] == ["pg_search"]
    assert [role["name"] for role in spec["managed"]["roles"]] == [
        "palate_app",
        "palate_read",
        "palate_owner",
    ]
    assert not [role for role in spec["managed"]["roles"] if role.get("superuser")]


@pytest.mark.parametrize(
    ("memory", "expected"),
    [
        ("512Mi", {"shared_buffers": "128MB", "effective_cache_size": "358MB", "work_mem": "4MB"}),
        ("2Gi", {"shared_buffers": "512MB", "effective_cache_size": "1433MB", "work_mem": "8MB"}),
        ("1.5Gi", {"shared_buffers": "384MB", "effective_cache_size": "1075MB", "work_mem": "6MB"}),
        ("64Gi", {"shared_buffers": "16384MB", "maintenance_work_mem": "1024MB"}),
        ("1Ti", {"shared_buffers": "262144MB"}),
    ],
)
def test_postgresql_s_memory_is_in_proportion(memory: str, expected: dict[str, str]) -> None:
    resources = {"requests": {"memory": memory}, "limits": {"memory": memory}}
    (cluster,) = of_kind(manifests({"database": {"cnpg": {"resources": resources}}}), "Cluster")
    assert cluster["spec"]["postgresql"]["parameters"].items() >= expected.items()


def test_shared_buffers_fit_the_request() -> None:
    """The operator's webhook refuses a cluster that asks for less memory than its buffers."""
    resources = {"requests": {"memory": "512Mi"}, "limits": {"memory": "4Gi"}}
    (cluster,) = of_kind(manifests({"database": {"cnpg": {"resources": resources}}}), "Cluster")
    assert cluster["spec"]["postgresql"]["parameters"]["shared_buffers"] == "512MB"


def test_there_are_connections_for_every_pod() -> None:
    values = {"autoscaling": {"enabled": True, "maxReplicas": 20}, "api": {"poolSize": 10}}
    (cluster,) = of_kind(manifests(values), "Cluster")
    assert int(cluster["spec"]["postgresql"]["parameters"]["max_connections"]) == 21 * 10 + 40


def test_logins_of_their_own_need_no_change_of_role() -> None:
    (deployment,) = of_kind(manifests(EVERYTHING), "Deployment")
    (api,) = deployment["spec"]["template"]["spec"]["containers"]
    variables = {each["name"]: each for each in api["env"]}
    assert variables["PGUSER"]["valueFrom"]["secretKeyRef"]["name"] == "palate-app"
    assert "PGOPTIONS" not in variables
    (cluster,) = of_kind(manifests(EVERYTHING), "Cluster")
    app = cluster["spec"]["managed"]["roles"][0]
    assert (app["login"], app["passwordSecret"]) == (True, {"name": "palate-app"})


def test_data_outlive_the_release_unless_told_otherwise() -> None:
    (cluster,) = of_kind(manifests(), "Cluster")
    assert cluster["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    (cluster,) = of_kind(manifests({"database": {"cnpg": {"keep": False}}}), "Cluster")
    assert "annotations" not in cluster["metadata"]


def test_the_official_chart_is_told_to_make_the_same_database(tmp_path: Path) -> None:
    both = CHART.parent / "palate-with-paradedb"
    told = yaml.safe_load((both / "values.yaml").read_text(encoding="utf-8"))["paradedb"]["cluster"]
    (cluster,) = of_kind(manifests(), "Cluster")
    assert told["initdb"] == cluster["spec"]["bootstrap"]["initdb"]
    assert told["roles"] == cluster["spec"]["managed"]["roles"]

    shutil.copytree(both, tmp_path / "both")
    shutil.copytree(CHART, tmp_path / "both" / "charts" / "palate")
    with Chart.load(tmp_path / "both") as chart:
        rendered = chart.render({}, name="palate", namespace="films")
    assert not rendered["palate-with-paradedb/charts/palate/templates/cluster.yaml"].strip()
    deployment = rendered["palate-with-paradedb/charts/palate/templates/deployment.yaml"]
    assert "postgresql://paradedb-rw:5432/palate" in deployment
