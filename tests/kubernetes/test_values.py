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
            assert schema["additionalProperties"] is False, where
            assert set(schema["properties"]) == set(default), where
            for name, each in schema["properties"].items():
                check(each, default[name], f"{where}.{name}")

    schema = chart().schema
    assert schema is not None
    assert schema["additionalProperties"] is False
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    assert (
        set(schema["properties"]) - {"global"} == set(values) == {v.path[0] for v in read_values()}
    )
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
