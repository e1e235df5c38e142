"""Upgrades, rollbacks, restores and removal, played through on a server with immutable fields."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helm_python import Chart, HelmError

from tests.kubernetes.apply import Helm, RefusedError, Server, at, hooks_of, key_of, objects
from tests.kubernetes.charts import NAMESPACE, VALUE_SETS, Manifest, Values, manifests, of_kind
from tests.kubernetes.values import CHART

BACKUPS: Values = {
    "enabled": True,
    "destinationPath": "s3://backups/palate",
    "credentialsSecret": "objects",
}
WITH_BACKUPS: Values = {"database": {"cnpg": {"backup": BACKUPS}}}
RESTORE: Values = {
    "database": {
        "cluster": "paradedb-2",
        "cnpg": {"backup": BACKUPS, "recovery": {"enabled": True, "serverName": "paradedb"}},
    }
}
LOAD = ("Job", "palate-load")


def installed(values: Values | None = None) -> Helm:
    """A release on a server of its own."""
    helm = Helm(Server())
    helm.install(manifests(values))
    return helm


def is_as_rendered(server: Server, rendered: list[Manifest]) -> bool:
    """Whether every object lives as it was rendered; the server may have added fields."""

    def has(living: Any, wanted: Any) -> bool:
        if isinstance(wanted, dict):
            return isinstance(living, dict) and all(
                has(living.get(name), each) for name, each in wanted.items()
            )
        return bool(living == wanted)

    return all(has(server.objects.get(key_of(each)), each) for each in objects(rendered))


@pytest.mark.parametrize("before", VALUE_SETS)
def test_any_values_become_any_others_and_go_back(before: str) -> None:
    """What the database's operator refuses aside; after that, too, the way back is open."""
    for after in VALUE_SETS:
        helm = installed(VALUE_SETS[before])
        refused = said_by(helm.upgrade, manifests(VALUE_SETS[after]))
        assert refused.startswith("Cluster") or not refused, f"{before} to {after}: {refused}"
        refused = said_by(helm.rollback, 1)
        if refused:  # a volume that grew, as the page says
            assert "can't shrink" in refused or "same time" in refused, f"{before}, {after}"
        else:
            assert is_as_rendered(helm.server, manifests(VALUE_SETS[before])), f"{before}, {after}"


def said_by(change: Callable[[Any], None], given: Any) -> str:
    """What the server says against a change; empty where nothing."""
    try:
        change(given)
    except RefusedError as error:
        return str(error)
    return ""


def test_the_model_refuses_what_an_api_server_refused() -> None:
    """A Job among the release's objects: what earlier charts had."""
    old = [each | {"metadata": {"name": "palate-load-1", "labels": {}}} for each in job_of({})]
    new = [
        each | {"metadata": {"name": "palate-load-2", "labels": {}}}
        for each in job_of({"image": {"tag": "0.2.0"}})
    ]
    refused = of_kind(manifests(VALUE_SETS["production"]), "Ingress")
    helm = Helm(Server(refuses=lambda each: each["kind"] == "Ingress"))
    helm.install(old)
    with pytest.raises(RefusedError, match=r"palate-load-1: spec\.template: field is immutable"):
        helm.upgrade(new + refused, atomic=True)


def job_of(values: Values) -> list[Manifest]:
    return of_kind(manifests(values), "Job", "load")


@pytest.mark.parametrize("revision", [1, 2])
def test_an_upgrade_that_fails_halfway_goes_back(revision: int) -> None:
    helm = installed()
    if revision == 2:
        helm.upgrade(manifests({"api": {"replicas": 3}}))
    before = manifests({"api": {"replicas": 3}} if revision == 2 else {})
    helm.server.refuses = lambda each: each["kind"] == "Ingress"
    broken = {
        "image": {"tag": "0.2.0"},
        "ingress": {"enabled": True, "hosts": ["a.example.com"]},
        "jobs": {"train": {"enabled": True, "schedule": "0 3 * * *"}},
    }
    with pytest.raises(RefusedError, match="Ingress palate: refused"):
        helm.upgrade(manifests(broken), atomic=True)
    assert is_as_rendered(helm.server, before)
    assert ("CronJob", "palate-train") not in helm.server.objects
    helm.upgrade(manifests({"image": {"tag": "0.2.1"}}))


def test_nothing_that_is_part_of_a_release_is_a_job() -> None:
    for values in VALUE_SETS.values():
        for each in of_kind(manifests(values), "Job"):
            assert hooks_of(each) == ["post-install", "post-upgrade"]
            assert each["metadata"]["annotations"]["helm.sh/hook-delete-policy"] == (
                "before-hook-creation"
            )


def test_the_load_runs_at_installs_and_upgrades_and_not_at_rollbacks() -> None:
    helm = installed()
    assert helm.server.made.count(LOAD) == 1
    helm.upgrade(manifests({"image": {"tag": "0.2.0"}}))
    assert helm.server.made.count(LOAD) == 2
    helm.rollback(1)
    assert helm.server.made.count(LOAD) == 2


@pytest.mark.parametrize(
    "values",
    [
        RESTORE,
        {"jobs": {"load": {"replace": True}}},
        {"jobs": {"load": {"automatic": False}}},
        {"jobs": {"load": {"enabled": False}}},
    ],
    ids=["restoring", "replacing", "told so", "off"],
)
def test_a_load_that_nobody_asked_for_does_not_run(values: Values) -> None:
    restored_over_replace = values | {"jobs": values.get("jobs", {"load": {"replace": True}})}
    for each in (values, restored_over_replace):
        helm = installed(each)
        helm.upgrade(manifests(each | {"image": {"tag": "0.2.0"}}))
        assert LOAD not in helm.server.made


def test_what_waits_to_be_started_is_suspended_and_has_the_chart_s_pod() -> None:
    values = {"jobs": {"load": {"replace": True}, "train": {"enabled": True}}}
    for name in ("load", "train"):
        (work,) = of_kind(manifests(values), "CronJob", name)
        assert work["spec"]["suspend"] is True
    (refresh,) = of_kind(manifests(values), "CronJob", "refresh")
    assert refresh["spec"]["suspend"] is False
    (automatic,) = of_kind(manifests(), "Job", "load")
    (by_hand,) = of_kind(manifests(), "CronJob", "load")
    assert automatic["spec"] == by_hand["spec"]["jobTemplate"]["spec"]


KEPT = {
    ("Cluster", "paradedb"),
    ("ObjectStore", "paradedb-backup"),
    ("ScheduledBackup", "paradedb"),
}


def test_uninstalling_leaves_the_data_and_their_backups() -> None:
    helm = installed(WITH_BACKUPS)
    helm.uninstall()
    assert set(helm.server.objects) - {LOAD} == KEPT
    again = Helm(helm.server)
    again.install(manifests(WITH_BACKUPS))
    assert is_as_rendered(again.server, manifests(WITH_BACKUPS))


def test_a_restore_leaves_the_old_cluster_archiving() -> None:
    helm = installed(WITH_BACKUPS)
    helm.upgrade(manifests(RESTORE))
    assert set(helm.server.objects) >= KEPT
    new = helm.server.objects["Cluster", "paradedb-2"]
    assert at(new, "spec.externalClusters")[0]["plugin"]["parameters"] == {
        "barmanObjectName": "paradedb-2-backup",
        "serverName": "paradedb",
    }
    (deployment,) = of_kind(manifests(RESTORE), "Deployment")
    assert "paradedb-2-rw" in str(deployment)


def test_a_restored_cluster_is_made_like_the_one_it_comes_from() -> None:
    """Replaying ParadeDB's log takes pg_search, so it is preloaded while restoring, too."""
    (origin,) = of_kind(manifests(WITH_BACKUPS), "Cluster")
    (restored,) = of_kind(manifests(RESTORE), "Cluster")
    for part in ("postgresql", "imageName", "postgresUID", "managed", "storage", "resources"):
        assert restored["spec"][part] == origin["spec"][part], part
    assert at(restored, "spec.postgresql.shared_preload_libraries") == ["pg_search"]


@pytest.mark.parametrize("atomic", [False, True], ids=["plain", "atomic"])
def test_a_first_install_that_fails_leaves_the_cluster_to_be_adopted(atomic: bool) -> None:
    helm = Helm(Server(refuses=lambda each: each["kind"] == "ServiceMonitor"))
    values = WITH_BACKUPS | {"monitoring": {"serviceMonitor": {"enabled": True}}}
    with pytest.raises(RefusedError):
        helm.install(manifests(values), atomic=atomic)
    left = set(helm.server.objects)
    assert left >= {("Cluster", "paradedb")}
    if atomic:
        assert left <= KEPT
    again = Helm(Server(helm.server.objects))
    again.install(manifests(WITH_BACKUPS))
    assert is_as_rendered(again.server, manifests(WITH_BACKUPS))


def test_a_drill_leaves_nothing() -> None:
    drill = {"database": RESTORE["database"] | {"cluster": "drill"}}
    drill["database"]["cnpg"] = drill["database"]["cnpg"] | {"keep": False}
    helm = installed(drill)
    helm.uninstall()
    assert helm.server.objects == {}


def test_autoscaling_on_or_off_does_not_start_the_server_again() -> None:
    def parameters(values: Values) -> Any:
        return at(of_kind(manifests(values), "Cluster")[0], "spec.postgresql.parameters")

    assert parameters({}) == parameters({"autoscaling": {"enabled": True}})
    assert parameters({}) == parameters({"api": {"replicas": 7}})


LIVING: Values = {
    "spec": {
        "storage": {"size": "10Gi"},
        "walStorage": {"size": "5Gi", "storageClass": "fast"},
        "postgresUID": 999,
        "postgresGID": 999,
        "bootstrap": {"initdb": {"database": "palate"}},
    }
}
WAL: Values = {"walStorage": {"size": "5Gi", "storageClass": "fast"}}


@pytest.fixture(scope="module")
def chart_of_a_living_cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chart, with what `lookup` would find on a server."""
    folder = tmp_path_factory.mktemp("chart") / "palate"
    shutil.copytree(CHART, folder)
    told = f'{{{{- define "palate.living" -}}}}\n{json.dumps(LIVING)}\n{{{{- end -}}}}\n'
    file = folder / "templates" / "_cluster.tpl"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('"palate.living"', '"palate.asked"', 1) + told, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("database", "said"),
    [
        ({"cnpg": WAL}, ""),
        ({"cnpg": WAL | {"storage": {"size": "20Gi"}}}, ""),
        ({"cnpg": WAL, "name": "films"}, "database.name: palate, which was made with it, cannot"),
        ({"cnpg": WAL | {"storage": {"size": "5Gi"}}}, "has 10Gi already and never shrinks"),
        ({"cnpg": WAL | {"storage": {"storageClass": "fast"}}}, 'storage.storageClass: "" cannot'),
        ({"cnpg": {}}, 'walStorage.storageClass: "fast" cannot change'),
        ({"cnpg": WAL | {"postgresUID": 26}}, "postgresUID: 999 cannot change"),
    ],
    ids=["same", "grown", "name", "shrunk", "class", "no log volume", "uid"],
)
def test_what_a_living_cluster_cannot_become_is_refused(
    chart_of_a_living_cluster: Path, database: Values, said: str
) -> None:
    with Chart.load(chart_of_a_living_cluster) as chart:
        if not said:
            assert chart.render({"database": database}, name="palate", namespace=NAMESPACE)
            return
        with pytest.raises(HelmError) as refused:
            chart.render({"database": database}, name="palate", namespace=NAMESPACE)
    assert said in str(refused.value)
