"""Values that cannot work are refused by name before anything is made; unusual ones are not."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import jsonschema
import pytest
import yaml
from helm_python import HelmError

from palate.settings import Settings, variable
from tests.kubernetes.charts import Values, chart, manifests, of_kind, render, validate
from tests.kubernetes.definitions import DEFINITIONS, REFUSED_SETTINGS
from tests.kubernetes.values import Value, read_values

Given = tuple[str, Any]
CASES = yaml.safe_load((Path(__file__).parent / "cases.yaml").read_text(encoding="utf-8"))
WRONG, TYPOS, RIGHT = (
    [given for each in CASES[name] for given in each.items()]
    for name in ("wrong", "typos", "right")
)


def named(given: list[Given]) -> list[str]:
    """What tests of these values are called."""
    return [f"{path}={value!r}"[:60] for path, value in given]


def put(values: Values, path: str, value: Any) -> bool:
    """Add a value; False where another is there, or above or below."""
    *above, last = path.split(".")
    for name in above:
        if not isinstance(values, dict):
            return False
        values = values.setdefault(name, {})
    if not isinstance(values, dict) or last in values:
        return False
    values[last] = value
    return True


def together(given: list[Given]) -> list[tuple[Values, list[int]]]:
    """As many values at once as there is room for, with their numbers."""
    made, left = [], list(range(len(given)))
    while left:
        values: Values = {}
        taken = [number for number in left if put(values, *given[number])]
        made.append((values, taken))
        left = [number for number in left if number not in taken]
    return made


def said_of(number: int) -> str:
    """What Helm says of a wrong value, beside others."""
    return next(said for numbers, said in refusals() if number in numbers)


@cache
def refusals() -> list[tuple[list[int], str]]:
    """What Helm says of all that is wrong."""
    made = []
    for values, numbers in together([*WRONG, *TYPOS]):
        with pytest.raises(HelmError) as refused:
            chart().render(values, name="palate")
        made.append((numbers, str(refused.value)))
    return made


@pytest.mark.parametrize("number", range(len(WRONG)), ids=named(WRONG))
def test_a_wrong_value_is_refused_by_its_name(number: int) -> None:
    path, value = WRONG[number]
    *above, last = path.split(".")
    missing = f"at '/{'/'.join(above)}': missing property '{last}'"
    assert (missing if value is None else f"'/{path.replace('.', '/')}") in said_of(number)


@pytest.mark.parametrize("number", range(len(TYPOS)), ids=named(TYPOS))
def test_a_typo_is_refused_by_its_name(number: int) -> None:
    path = TYPOS[number][0].rpartition(".")
    said = said_of(len(WRONG) + number)
    (line,) = (
        line
        for line in said.splitlines()
        if f"at '/{path[0].replace('.', '/')}'".replace("'/'", "''") in line
        and "not allowed" in line
    )
    assert f"'{path[2]}'" in line


@pytest.mark.parametrize("case", CASES["together"], ids=lambda case: case["what"])
def test_values_that_do_not_go_together_are_refused(case: Values) -> None:
    with pytest.raises(HelmError) as refused:
        render(case["values"])
    assert case["said"] in str(refused.value)


@pytest.mark.parametrize("values", [values for values, _ in together(RIGHT)])
def test_what_is_unusual_and_right_is_taken(values: Values) -> None:
    assert chart().render(values, name="palate")
    for manifest in manifests(values):
        validate(manifest, "1.34")


def empty(values: list[Value]) -> Iterator[tuple[tuple[str, ...], None]]:
    """Every value that may be left empty."""
    for each in values:
        if each.is_group:
            yield from empty(each.children)
        elif not each.is_needed:
            yield each.path, None


def test_what_is_left_empty_is_as_if_left_out() -> None:
    """``api.podAnnotations:`` with nothing behind it is null, as people write it."""
    nothing: Values = {}
    for path, value in empty(read_values()):
        if path not in {("autoscaling", "behavior"), ("monitoring", "dashboard", "labels")}:
            assert put(nothing, ".".join(path), value)
    assert render(nothing) == render()


def test_every_zone_is_known_and_no_other() -> None:
    zone = jsonschema.Draft7Validator(DEFINITIONS["timeZone"])
    unknown = {name for name in available_timezones() if not zone.is_valid(name)}
    assert unknown <= {"localtime"}
    assert not zone.is_valid("Erope/Vienna")


def test_every_setting_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its default, or an example where it has none; what a pod reads is the same."""
    examples = {"str": "http://e/v1", "Path": "/r.json", "int": 5, "float": 0.5}
    defaults = Settings(_env_file=None).model_dump(mode="json")
    given = {
        name: next(each for word, each in examples.items() if word in str(field.annotation))
        if defaults[name] is None
        else defaults[name]
        for name, field in Settings.model_fields.items()
        if name not in REFUSED_SETTINGS
    }
    named = {name: variable(name).removeprefix("PALATE_").lower() for name in given}
    values = {"api": {"config": {named[name]: value for name, value in given.items()}}}
    (config,) = of_kind(manifests(values), "ConfigMap", "api")
    for name in given:
        monkeypatch.setenv(variable(name), config["data"][variable(name)])
    assert Settings(_env_file=None).model_dump(mode="json").items() >= given.items()


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
