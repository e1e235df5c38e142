"""docs/kubernetes.md: what it tells people to type is well-formed and does what it says."""

import os
import re
import shlex
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import helm_python
import pytest
import yaml
from helm_python import Chart

from tests.commands import whole_command
from tests.kubernetes.charts import (
    EVERYTHING,
    VALUE_SETS,
    Values,
    chart,
    manifests,
    merged,
    of_kind,
    render,
)
from tests.kubernetes.cluster import BIN
from tests.kubernetes.definitions import DEFINITIONS
from tests.kubernetes.generate import ROOT
from tests.kubernetes.values import CHART

PAGE = (ROOT / "docs" / "kubernetes.md").read_text(encoding="utf-8")


def blocks() -> list[str]:
    """The page's shell blocks."""
    return re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def typed(program: str) -> list[list[str]]:
    """The words of every line that begins with a program."""
    lines = [line for block in blocks() for line in block.replace("\\\n", " ").splitlines()]
    return [shlex.split(line, comments=True) for line in lines if line.startswith(f"{program} ")]


@pytest.mark.parametrize("block", blocks(), ids=range(len(blocks())))
def test_the_shell_understands_a_block(block: str) -> None:
    checked = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


def test_the_chart_takes_the_values_that_are_typed() -> None:
    with_values = [
        words
        for words in typed("helm")
        if {"--set", "--values"} & set(words) and "./helm/palate" in words
    ]
    assert len(with_values) >= 5
    reused: Values = {}
    for words in with_values:
        values = reused if "--reset-then-reuse-values" in words else {}
        for option, value in pairwise(words):
            if option == "--values" and value != "before.yaml":  # made by the line before it
                read = yaml.safe_load((ROOT / value).read_text(encoding="utf-8"))
                values = merged(values, read)
            if option == "--set":
                values = merged(values, helm_python.parse_set_string(value))
        assert render(values), words
        if "--reset-then-reuse-values" in words:
            reused = values


def test_every_value_that_the_page_names_exists() -> None:
    known = merged(chart().values, {"api": {"config": DEFINITIONS["settings"]["properties"]}})
    for path in re.findall(r"`((?:\w+\.)+\w+)(?:=[^`]*)?`", PAGE):
        value: Any = known
        names = path.split(".")
        if names[0] not in known or names[-1] in ("txt", "md", "yaml"):
            continue
        for name in names:
            assert name in value, path
            value = value[name]


def test_every_command_of_palate_exists() -> None:
    for words in typed("palate"):
        command = whole_command()
        for word in words[1:]:
            if word not in getattr(command, "commands", {}):
                break
            command = command.commands[word]
        assert not hasattr(command, "commands"), words


def test_the_first_command_makes_the_secret_that_the_chart_reads(tmp_path: Path) -> None:
    """Run as typed, with a kubectl that only writes down what it is told."""
    (tmp_path / "bin").mkdir()
    kubectl = tmp_path / "bin" / "kubectl"
    kubectl.write_text('#!/bin/sh\nprintf "%s\\n" "$@" > told.txt\n')
    kubectl.chmod(0o755)
    command = next(block for block in blocks() if "create secret generic palate-api-keys" in block)
    command = command[: command.index("helm install")]
    path = os.pathsep.join([str(tmp_path / "bin"), str(BIN), os.environ["PATH"]])
    variables = os.environ | {"PATH": path}
    subprocess.run(["bash", "-euc", command], cwd=tmp_path, env=variables, check=True)
    told = (tmp_path / "told.txt").read_text().splitlines()
    given = {word.split("=")[1] for word in told if word.startswith("--from-literal=")}
    given |= {word.split("=")[1] for word in told if word.startswith("--from-file=")}
    (deployment,) = of_kind(manifests(), "Deployment")
    (api,) = deployment["spec"]["template"]["spec"]["containers"]
    volumes = deployment["spec"]["template"]["spec"]["volumes"]
    read = {each["key"] for volume in volumes for each in volume.get("secret", {}).get("items", [])}
    read |= {
        each["valueFrom"]["secretKeyRef"]["key"]
        for each in api["env"]
        if each.get("valueFrom", {}).get("secretKeyRef", {}).get("name") == "palate-api-keys"
    }
    assert told[3] == "palate-api-keys"
    assert given >= (read | {"read-key"}) - {"ca.crt"}
    assert any(word.startswith("--from-literal=read-key=palate_") for word in told)
    line = (tmp_path / "keys.txt").read_text()
    assert re.fullmatch(r"monitor:read:[0-9a-f]{64}\n", line)


def test_every_alert_links_to_its_part() -> None:
    anchors = {title.strip().lower() for title in re.findall(r"^#+ (.*)$", PAGE, re.MULTILINE)}
    (rule,) = of_kind(manifests(EVERYTHING), "PrometheusRule")
    for each in rule["spec"]["groups"][0]["rules"]:
        address, _, anchor = each["annotations"]["runbook_url"].partition("#")
        assert ROOT / address == ROOT / "docs" / "kubernetes.md"
        assert anchor == each["alert"].lower()
        assert anchor in anchors


def test_the_page_counts_the_sets_of_values_right() -> None:
    assert f"for {len(VALUE_SETS)} sets of values" in PAGE


def test_files_that_the_page_names_are_there() -> None:
    for name in re.findall(r"\b(?:helm|docker|sql|tests)/[\w./-]+\b", PAGE):
        assert (ROOT / name.rstrip("/")).exists(), name
    assert (CHART / "values-kind.yaml").exists()


E2E = (ROOT / "tests" / "kubernetes" / "e2e.sh").read_text(encoding="utf-8")


def test_what_a_cluster_is_tried_with_is_well_formed() -> None:
    """`make k8s-e2e` itself needs a cluster; here its commands and values are known."""
    checked = subprocess.run(["bash", "-n"], input=E2E, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    k8s = whole_command().commands["k8s"]
    used = set(re.findall(r"palate k8s ([a-z-]+)", E2E))
    assert {"status", "psql", "search", "load"} <= used <= set(k8s.commands)
    for path in re.findall(r"--set ([$\w.]+)=", E2E.replace("$backup", "database.cnpg.backup")):
        value: Any = chart().values
        for name in path.split("."):
            assert name in value, path
            value = value[name]
    list(yaml.safe_load_all((ROOT / "tests/kubernetes/e2e-store.yaml").read_text("utf-8")))


def test_the_packaged_chart_is_the_chart(tmp_path: Path) -> None:
    file = Path(helm_python.package(CHART, destination=tmp_path))
    with Chart.load_archive(file.read_bytes()) as packaged:
        assert packaged.render({}, name="palate") == chart().render({}, name="palate")
