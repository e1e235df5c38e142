"""What the chart makes: accepted by API servers, safe, the same every time."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.kubernetes.charts import (
    EVERYTHING,
    VALUE_SETS,
    Manifest,
    Values,
    containers,
    manifests,
    of_kind,
    only_adds,
    pod_specs,
    render,
    rendered,
    validate,
    validate_everywhere,
)
from tests.kubernetes.values import CHART

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
        validate_everywhere(manifest)


def test_a_version_that_takes_less_is_looked_at_itself() -> None:
    """Pods lost a field in 1.31; autoscalers gained some."""
    assert not only_adds("Deployment", "apps/v1", "1.30", "1.31")
    assert only_adds("HorizontalPodAutoscaler", "autoscaling/v2", "1.30", "1.33")
    assert not only_adds("HorizontalPodAutoscaler", "autoscaling/v2", "1.33", "1.30")


def test_the_schemas_refuse_what_is_wrong() -> None:
    for kind, path in [("Cluster", "spec"), ("Deployment", "spec"), ("HTTPRoute", "spec")]:
        broken: Manifest = json.loads(json.dumps(of_kind(manifests(EVERYTHING), kind)[0]))
        broken[path]["instanses"] = 1
        with pytest.raises(Exception, match="instanses"):
            validate(broken, "1.34")


@every_set
def test_rendering_twice_gives_the_same(values: Values) -> None:
    assert render(values) == rendered(values)


@every_set
def test_an_upgrade_renders_what_an_install_does(values: Values) -> None:
    assert render(values, is_upgrade=True) == rendered(values)


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
        assert security.get("runAsUser", 1) > 0, title  # OpenShift chooses one
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
        if not policy["metadata"]["name"].endswith("-database"):
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
        ({"url": "http://[fd00::7]/v1"}, 80),
        ({"url": "http://[fd00::7]:8000/v1"}, 8000),
        ({"provider": "openai", "existingSecret": "llm"}, 443),
    ],
    ids=["port", "https", "http", "IPv6", "IPv6 and port", "provider"],
)
def test_pods_may_reach_the_language_model(values: Values, port: int) -> None:
    assert port in _ports({"llm": {"enabled": True, "model": "m"} | values})
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
    api, *_ = spec["containers"]
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
    api, *_ = deployment["spec"]["template"]["spec"]["containers"]
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


def test_the_official_chart_is_told_to_make_the_same_database() -> None:
    told = yaml.safe_load((CHART.parent / "paradedb-values.yaml").read_text(encoding="utf-8"))
    cluster = told["cluster"]
    (own,) = of_kind(manifests(), "Cluster")
    spec = own["spec"]
    assert cluster["annotations"] == own["metadata"]["annotations"]
    assert cluster["initdb"] == spec["bootstrap"]["initdb"]
    assert cluster["roles"] == spec["managed"]["roles"]
    assert cluster["postgresql"]["parameters"] == spec["postgresql"]["parameters"]
    for name in ("instances", "enablePDB", "enableSuperuserAccess", "storage", "resources"):
        assert cluster[name] == spec[name], name
    version = told["version"]
    assert spec["imageName"].endswith(f":{version['postgresql']}-v{version['paradedb']}")
    (deployment,) = of_kind(manifests({"database": {"mode": "paradedb"}}), "Deployment")
    assert f"postgresql://{told['fullnameOverride']}-rw:5432/palate" in str(deployment)


STORES: dict[str, tuple[Values, Values]] = {
    "S3 with keys": (
        {"destinationPath": "s3://b/p", "credentialsSecret": "s", "s3": {"regionSecret": "r"}},
        {
            "s3Credentials": {
                "accessKeyId": {"name": "s", "key": "ACCESS_KEY_ID"},
                "secretAccessKey": {"name": "s", "key": "ACCESS_SECRET_KEY"},
                "region": {"name": "r", "key": "AWS_REGION"},
            }
        },
    ),
    "S3 with an identity": (
        {"destinationPath": "s3://b/p"},
        {"s3Credentials": {"inheritFromIAMRole": True}},
    ),
    "S3-compatible": (
        {
            "destinationPath": "s3://b/p",
            "endpointURL": "https://minio:9000",
            "endpointCASecret": "ca",
            "credentialsSecret": "s",
        },
        {
            "endpointURL": "https://minio:9000",
            "endpointCA": {"name": "ca", "key": "ca.crt"},
            "s3Credentials": {
                "accessKeyId": {"name": "s", "key": "ACCESS_KEY_ID"},
                "secretAccessKey": {"name": "s", "key": "ACCESS_SECRET_KEY"},
            },
        },
    ),
    "Google Cloud with a key": (
        {"destinationPath": "gs://b/p", "credentialsSecret": "s"},
        {
            "googleCredentials": {
                "applicationCredentials": {"name": "s", "key": "gcsCredentials"},
            }
        },
    ),
    "Google Cloud with an identity": (
        {"destinationPath": "gs://b/p"},
        {"googleCredentials": {"gkeEnvironment": True}},
    ),
    "Azure with a key": (
        {"destinationPath": "https://a.blob.core.windows.net/c", "credentialsSecret": "s"},
        {
            "azureCredentials": {
                "storageAccount": {"name": "s", "key": "AZURE_STORAGE_ACCOUNT"},
                "storageKey": {"name": "s", "key": "AZURE_STORAGE_KEY"},
            }
        },
    ),
    "Azure with a connection string": (
        {
            "destinationPath": "https://a.blob.core.windows.net/c",
            "credentialsSecret": "s",
            "azure": {"secretHolds": "connectionString"},
        },
        {"azureCredentials": {"connectionString": {"name": "s", "key": "AZURE_CONNECTION_STRING"}}},
    ),
    "Azure with an identity": (
        {"destinationPath": "https://a.blob.core.windows.net/c"},
        {"azureCredentials": {"inheritFromAzureAD": True}},
    ),
}


@pytest.mark.parametrize(("told", "expected"), STORES.values(), ids=STORES)
def test_backups_reach_their_store(told: Values, expected: Values) -> None:
    values = {"database": {"cnpg": {"backup": {"enabled": True} | told}}}
    (store,) = of_kind(manifests(values), "ObjectStore")
    compressed = {"wal": {"compression": "gzip"}, "data": {"compression": "gzip"}}
    path = {"destinationPath": told["destinationPath"]}
    assert store["spec"]["configuration"] == path | compressed | expected


def test_snapshots_are_made_beside_base_backups() -> None:
    made = of_kind(manifests(EVERYTHING), "ScheduledBackup")
    assert {each["spec"]["method"] for each in made} == {"plugin", "volumeSnapshot"}
    (cluster,) = of_kind(manifests(EVERYTHING), "Cluster")
    assert cluster["spec"]["backup"]["volumeSnapshot"] == {
        "className": "fast",
        "walClassName": "fast",
    }


def test_the_api_asks_the_pooler_and_everything_else_the_server() -> None:
    found = manifests(EVERYTHING)
    address = "postgresql://paradedb-{}:5432/palate"
    for title, template in pod_specs(found):
        for each in containers(template):
            variables = {every["name"]: every.get("value") for every in each.get("env", [])}
            if "PALATE_DATABASE_URL" in variables:
                pooled = each["name"] == "api"
                wanted = address.format("pooler" if pooled else "rw")
                assert variables["PALATE_DATABASE_URL"] == wanted, title
                assert variables.get("PALATE_POOLER") == ("transaction" if pooled else None), title
    (cluster,) = of_kind(found, "Cluster")
    assert cluster["spec"]["certificates"]["serverAltDNSNames"][0] == "paradedb-pooler"


def test_images_come_from_the_registry_of_all_charts() -> None:
    registry = {"global": {"imageRegistry": "registry.internal:5000"}}
    (cluster,) = of_kind(manifests(registry), "Cluster")
    images = {
        each["image"] for _, pod in pod_specs(manifests(registry)) for each in containers(pod)
    }
    images.add(cluster["spec"]["imageName"])
    assert images == {
        "registry.internal:5000/palate:0.1.0",
        "registry.internal:5000/paradedb/paradedb:18-v0.24.3",
    }
    own = registry | {"image": {"repository": "ghcr.io/ours/palate"}}
    (deployment,) = of_kind(manifests(own), "Deployment")
    assert "'ghcr.io/ours/palate:0.1.0'" in str(deployment)


def test_a_drained_node_and_an_older_pod_do_not_count_in_the_spread() -> None:
    (deployment,) = of_kind(manifests(VALUE_SETS["production"]), "Deployment")
    spread = deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]
    assert {each["topologyKey"].rpartition("/")[2] for each in spread} == {"zone", "hostname"}
    for each in spread:
        assert each["nodeTaintsPolicy"] == "Honor"
        assert each["matchLabelKeys"] == ["pod-template-hash"]


def test_openshift_chooses_users_itself() -> None:
    for title, template in pod_specs(manifests(VALUE_SETS["OpenShift"])):
        assert not {"runAsUser", "runAsGroup", "fsGroup"} & set(
            template["spec"]["securityContext"]
        ), title


def test_fields_that_the_operator_fills_in_are_written_out() -> None:
    """Else it owns them, and a server-side apply of the same manifest conflicts."""
    (cluster,) = of_kind(manifests(), "Cluster")
    for role in cluster["spec"]["managed"]["roles"]:
        assert {"ensure", "login", "connectionLimit", "inherit"} <= set(role)


def test_people_get_a_role_that_names_their_secrets_and_starts_jobs_where_told() -> None:
    ann = {"subjects": [{"kind": "User", "name": "ann"}]}

    def rules(values: Values) -> dict[str, Any]:
        (role,) = of_kind(manifests(values), "Role")
        return {rule["resources"][0]: rule for rule in role["rules"]}

    assert of_kind(manifests(), "Role") == []
    found = rules({"people": ann, "database": {"readSecret": "palate-read"}})
    assert found["secrets"]["resourceNames"] == ["palate-api-keys", "palate-read"]
    assert "create" in found["jobs"]["verbs"]
    found = rules(
        {
            "people": ann | {"load": False},
            "database": {"mode": "external", "external": {"existingSecret": "a"}},
        }
    )
    assert found["secrets"]["resourceNames"] == ["palate-api-keys"]
    assert "create" not in found["jobs"]["verbs"]
    assert "clusters" not in found
