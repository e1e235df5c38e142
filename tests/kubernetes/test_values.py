"""The chart's values: described, checked, and refused with what to do."""

from pathlib import Path
from typing import Any

import helm_python
import pytest
import yaml

from palate.settings import Settings, variable
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


@pytest.mark.parametrize("values", VALUE_SETS.values(), ids=VALUE_SETS)
def test_every_setting_in_the_environment_is_one_of_palate(
    values: Values, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {variable(name) for name in Settings.model_fields}
    for config in of_kind(manifests(values), "ConfigMap", "api"):
        given = {name for name in config["data"] if name.startswith("PALATE_")}
        assert given <= known
        for name in given:
            monkeypatch.setenv(name, config["data"][name])
        Settings(_env_file=None)


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
