"""The images: what their recipe says, and its steps really run; compose.yaml."""

import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from importlib import metadata
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.kubernetes.accepted import SCHEMAS
from tests.kubernetes.charts import manifests, of_kind
from tests.kubernetes.generate import ROOT
from tests.ports import reserved_port

BIN = Path(sys.executable).parent
ROOMS = (
    "palate", "llm", "sql", "ingest", "search", "rerank", "learn", "evaluate", "ask", "serve",
    "test_users", "samples", "bench",
)  # fmt: skip


def stages() -> dict[str, list[tuple[str, str]]]:
    """The Dockerfile: the instructions of each stage by its name."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    found: dict[str, list[tuple[str, str]]] = {}
    name = ""
    for line in filter(None, map(str.strip, text.splitlines())):
        instruction, _, rest = line.partition(" ")
        if instruction == "FROM":
            name = rest.rpartition(" AS ")[2]
            found[name] = []
        elif name:
            found[name].append((instruction, rest.strip()))
    return found


def test_the_dockerfile_passes_hadolint() -> None:
    hadolint = BIN / "hadolint"
    if not hadolint.exists():
        pytest.skip("needs hadolint, which the extra dev has")
    checked = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


def test_the_targets_and_what_is_made_without_one() -> None:
    assert {"api", "jobs", "dev"} <= set(stages())
    assert list(stages())[-1] == "api"


def test_images_run_as_nobody_in_particular_without_tests_or_compiler() -> None:
    for name in ("runtime", "jobs"):
        users = [rest for instruction, rest in stages()[name] if instruction == "USER"]
        assert users[-1] == "10001:10001"
    final = [rest for name in ("runtime", "jobs", "api") for _, rest in stages()[name]]
    assert not [each for each in final if re.search(r"\b(gcc|g\+\+|build-essential|tests)\b", each)]
    assert any(instruction == "HEALTHCHECK" for instruction, _ in stages()["runtime"])
    labels = " ".join(rest for instruction, rest in stages()["runtime"] if instruction == "LABEL")
    assert labels.count("org.opencontainers.image.") == 6


def test_the_uid_is_the_one_that_the_chart_runs() -> None:
    (deployment,) = of_kind(manifests(), "Deployment")
    security = deployment["spec"]["template"]["spec"]["securityContext"]
    assert f"{security['runAsUser']}:{security['runAsGroup']}" == "10001:10001"


def test_every_package_is_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    there = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for room in ROOMS
        for path in (ROOT / room).rglob("__init__.py")
    }
    assert there == set(project["tool"]["setuptools"]["packages"])


REGISTRY_LOST = re.compile(
    r"Timeout|timed out|Connection|ProtocolError|IncompleteRead|Temporary failure|HTTP error 5\d\d"
)
"""What pip says when the network, not the image, is at fault."""


def registry_answers(folder: Path) -> bool:
    """Whether pip gets packages here: one small one of those that are needed."""
    pinned = next(
        line
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if line.startswith("annotated-types==")
    )
    tried = subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--retries", "0",
         "--timeout", "20", "--dest", folder, pinned],
        capture_output=True,
    )  # fmt: skip
    return tried.returncode == 0


def needed(*extras: str) -> set[str]:
    """The packages that Palate needs with these extras, and those that they need."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"]]
    asked += [each for extra in extras for each in project["optional-dependencies"][extra]]
    found: set[str] = set()
    left = [(each, "") for each in asked if "pgserver" not in each]
    while left:
        text, extra = left.pop()
        requirement = Requirement(text)
        name = canonicalize_name(requirement.name)
        wanted = requirement.marker is None or requirement.marker.evaluate({"extra": extra})
        if wanted and (name not in found or requirement.extras):
            found.add(name)
            more = metadata.requires(name) or []
            left += [(each, of) for each in more for of in ("", *requirement.extras)]
    return found


def reuse(site: Path, names: set[str]) -> None:
    """Link this environment's packages into another, where they are of the pinned version.

    pip finds them there, and would get from the registry whatever it misses.
    """
    pinned = dict(
        line.split("==")
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if "==" in line
    )
    pinned = {canonicalize_name(name): version for name, version in pinned.items()}
    site.mkdir(parents=True)
    for name in names:
        package = metadata.distribution(name)
        assert package.version == pinned[canonicalize_name(name)], name
        for top in {file.parts[0] for file in package.files or []} - {"..", "__pycache__"}:
            if not (site / top).exists():
                (site / top).symlink_to(Path(str(package.locate_file(top))).resolve())


def build(stage: str, folder: Path) -> Path:
    """Do what a stage does, in a clean folder; returns what it makes in place of /opt/palate.

    Packages that this environment has, too, are linked, so that pip need not get them again.
    """
    source, made = folder / "src", folder / "opt" / "palate"
    source.mkdir()
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    reuse(made / "lib" / version / "site-packages", needed("llm", "mcp"))
    for instruction, rest in stages()[stage]:
        if instruction == "COPY":
            *origins, target = rest.split()
            for origin in origins:
                copy(ROOT / origin, source / target)
        elif instruction == "RUN":
            command = shlex.split(rest.replace("/opt/palate", str(made)))
            variables = os.environ | {"PYTHON": sys.executable}
            done = subprocess.run(
                command, cwd=source, env=variables, capture_output=True, text=True
            )
            if done.returncode != 0 and REGISTRY_LOST.search(done.stderr):
                pytest.skip(f"the package registry stopped answering: {done.stderr[-300:]}")
            assert done.returncode == 0, f"{rest}\n{done.stderr}"
    return made


def copy(origin: Path, target: Path) -> None:
    """COPY: a folder's content into a folder, a file into a folder."""
    if origin.is_dir():
        skipped = shutil.ignore_patterns("__pycache__", "results")
        shutil.copytree(origin, target, dirs_exist_ok=True, ignore=skipped)
    else:
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy2(origin, target)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_steps_of_the_api_s_image_give_a_server_that_starts(tmp_path: Path) -> None:
    if importlib.util.find_spec("pip") is None or not registry_answers(tmp_path):
        pytest.skip("needs pip and a package registry, which does not answer here")
    made = build("build-api", tmp_path)
    packages = next((made / "lib").glob("python3.*/site-packages"))
    assert not [
        each for each in ("tests", "pip", "setuptools", "pgserver") if (packages / each).exists()
    ]
    assert list((packages / "serve" / "api" / "__pycache__").iterdir())
    sizes = subprocess.run(
        [ROOT / "docker" / "install.sh", "sizes", made], capture_output=True, text=True, check=True
    )
    assert int(sizes.stdout.split()[0]) > 10  # Palate and its sample; what is linked has no size
    assert not (packages / "torch").exists()
    assert (packages / "polars").is_symlink()
    with reserved_port() as port:
        start_without_a_database(made / "bin" / "palate", tmp_path, port)


def start_without_a_database(palate: Path, folder: Path, port: int) -> None:
    """The server lives while its database is away, and says that it is not ready."""
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PALATE_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/palate",
        "PALATE_PORT": str(port),
    }
    server = subprocess.Popen(
        [palate, "serve"], cwd=folder, env=variables, stderr=subprocess.PIPE, text=True
    )
    try:
        health = wait_for(server, f"http://127.0.0.1:{port}/healthz")
        assert health["status"] == "ok"
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=120)
        with refused.value as answer:
            assert answer.code == 503
    finally:
        server.terminate()
        server.communicate(timeout=120)
    assert server.returncode == 0


def wait_for(server: "subprocess.Popen[str]", url: str) -> dict[str, Any]:
    """What the server answers once it does."""
    while True:
        try:
            with urllib.request.urlopen(url, timeout=120) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except OSError:
            assert server.poll() is None, server.communicate()[1]
            time.sleep(0.1)


def compose() -> dict[str, Any]:
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    read: dict[str, Any] = yaml.safe_load(text)
    return read


def test_compose_is_as_its_specification_says() -> None:
    schema = json.loads((SCHEMAS / "compose-spec.json").read_text(encoding="utf-8"))
    jsonschema.Draft201909Validator(schema).validate(compose())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft201909Validator(schema).validate(compose() | {"service": {}})


def test_compose_opens_ports_on_this_machine_only() -> None:
    ports = [port for each in compose()["services"].values() for port in each.get("ports", [])]
    assert ports
    assert not [port for port in ports if not port.startswith("127.0.0.1:")]


def test_compose_has_the_parts_and_the_files_it_mounts() -> None:
    services = compose()["services"]
    profiles = {name: set(each.get("profiles", [])) for name, each in services.items()}
    assert {name for name, each in profiles.items() if not each} == {"database", "migrate", "api"}
    assert set().union(*profiles.values()) == {"jobs", "llm", "observability"}
    for each in services.values():
        assert not each["image"].endswith(":latest")
        for volume in each.get("volumes", []):
            if volume.startswith("./"):
                assert (ROOT / volume.split(":")[0]).exists()


def test_compose_and_the_chart_run_the_same_database() -> None:
    (cluster,) = of_kind(manifests(), "Cluster")
    assert cluster["spec"]["imageName"] in compose()["services"]["database"]["image"]
