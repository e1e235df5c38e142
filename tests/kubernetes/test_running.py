"""The chart's containers really run: migration, load, API, probes, search, test, stop."""

import http.client
import json
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import psycopg
import pytest
from promql_parser import parse

from serve.api.keys import create_key
from sql.embedded import EmbeddedServer
from tests.commands import whole_command
from tests.kubernetes.charts import EVERYTHING, Manifest, Values, chart, manifests, of_kind
from tests.kubernetes.cluster import Node, job
from tests.kubernetes.values import CHART
from tests.ports import reserved_port


def listening() -> str:
    """IPv6, which takes IPv4 along, where this machine has it."""
    with suppress(OSError), socket.socket(socket.AF_INET6) as tried:
        tried.bind(("::1", 0))
        return "::"
    return "0.0.0.0"


STRICT: Values = {
    "api": {
        "host": listening(),
        "rules": {
            "rules": [{"name": "no fantasy", "films": {"genres": ["Fantasy"]}, "remove": True}]
        },
    },
    "ingress": {"enabled": True, "hosts": ["palate.example.com"]},
    "database": {"appSecret": "palate-app", "readSecret": "palate-read"},
    "monitoring": EVERYTHING["monitoring"],
}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node with a database as the chart's Cluster says, and the one Secret that people make."""
    folder = tmp_path_factory.mktemp("node")
    data = tmp_path_factory.mktemp("data")
    for name in ("tmp", "etc/palate/keys", "scripts"):
        (folder / name).mkdir(parents=True)
    read_key, read = create_key("monitor", "read")
    write_key, write = create_key("web", "write")
    (folder / "etc/palate/keys/keys.txt").write_text(f"{read.line}\n{write.line}\n")
    (folder / "scripts/compare.py").write_text((CHART / "files/compare.py").read_text())
    secrets = {
        "palate-api-keys": {"read-key": read_key, "write-key": write_key, "cursor-secret": "c"},
        "paradedb-app": {"username": "palate_owner", "password": "anything"},
        "palate-app": {"username": "palate_app", "password": "p@ss/w:rd?"},
    }
    found = manifests({"monitoring": EVERYTHING["monitoring"]})
    server = EmbeddedServer.start(data, durable=False)
    with reserved_port() as port:
        node = Node(server, folder, secrets, port, found)
        node.boot_database()
        yield node
    server.leave()
    EmbeddedServer.destroy(data)


@pytest.fixture(scope="module")
def migrated(node: Node) -> list[str]:
    """What the migrations of two replicas that start at once print."""
    (migrate,) = the_deployment(node.found)["initContainers"]
    return node.run(migrate, migrate)


@pytest.fixture(scope="module")
def loaded(node: Node, migrated: list[str]) -> list[str]:
    """What the containers of the load job print, one after another."""
    pod = job(node.found, "load")
    return [node.run(each)[0] for each in [*pod["initContainers"], *pod["containers"]]]


class Api:
    """The API's container, as the kubelet sees it."""

    def __init__(self, node: Node, container: Manifest) -> None:
        self.url = f"http://127.0.0.1:{node.port}"
        self._node = node
        self._container = container
        self.process = node.start(container)

    def probe(self, name: str) -> bool:
        """Whether the probe passes now."""
        path = self._container[f"{name}Probe"]["httpGet"]["path"]
        try:
            with urllib.request.urlopen(self.url + path, timeout=30) as answer:
                return bool(answer.status == http.client.OK)
        except OSError:
            return False

    def wait_until_ready(self) -> None:
        """As the kubelet: the startup probe until it passes, then readiness."""
        for name in ("startup", "readiness"):
            while not self.probe(name):  # or until pytest's own time is up
                assert self.process.poll() is None, self.process.communicate()[0]
                time.sleep(0.05)

    def get(self, path: str, key: str = "read-key") -> str:
        """An answer to the holder of a key."""
        request = urllib.request.Request(self.url + path, headers=self.keyed(key))
        with urllib.request.urlopen(request, timeout=120) as answer:
            return str(answer.read().decode())

    def keyed(self, key: str = "read-key") -> dict[str, str]:
        """The header that shows a key of the Secret."""
        return {"Authorization": f"Bearer {self._node.secrets['palate-api-keys'][key]}"}

    def by_the_ingress(
        self, method: str, path: str, body: str = "", headers: dict[str, str] | None = None
    ) -> tuple[int, str, str]:
        """Status, cookie and text of what comes back through an Ingress that ends TLS."""
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=120)
        of_ingress = {
            "Host": "palate.example.com",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-For": "203.0.113.7",
        }
        connection.request(method, path, body, of_ingress | (headers or {}))
        with connection.getresponse() as answer:
            text = answer.read().decode()
        connection.close()
        return answer.status, answer.headers.get("Set-Cookie", ""), text

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=120)
        return self.process.returncode


def the_deployment(found: list[Manifest]) -> Manifest:
    """The pod of the API."""
    (deployment,) = of_kind(found, "Deployment")
    pod: Manifest = deployment["spec"]["template"]["spec"]
    return pod


def the_api(found: list[Manifest]) -> Manifest:
    """The container of the API."""
    (container,) = the_deployment(found)["containers"]
    assert isinstance(container, dict)
    return container


@pytest.fixture(scope="module")
def api(node: Node, loaded: list[str]) -> Iterator[Api]:
    running = Api(node, the_api(node.found))
    try:
        running.wait_until_ready()
        yield running
    finally:
        assert running.stop() == 0


def connect(node: Node, container: Manifest) -> "psycopg.Connection[Any]":
    """A connection with a container's variables, as libpq reads them."""
    given = node.environment(container)
    return psycopg.connect(
        given["PALATE_DATABASE_URL"],
        user=given["PGUSER"],
        password=given["PGPASSWORD"],
        options=given.get("PGOPTIONS", ""),
        autocommit=True,
    )


def test_of_two_replicas_one_migrates(migrated: list[str]) -> None:
    assert sorted(re.sub(r"Applied: .*", "Applied", each).strip() for each in migrated) == [
        "Applied",
        "The schema is up to date.",
    ]


def test_after_a_rollback_the_newer_schema_stays(node: Node, migrated: list[str]) -> None:
    (migrate,) = the_deployment(node.found)["initContainers"]
    with psycopg.connect(node.server.url_for("palate"), autocommit=True) as superuser:
        before = superuser.execute("SELECT * FROM palate.schema_version").fetchone()
        assert before is not None
        superuser.execute("UPDATE palate.schema_version SET version_num = '9999'")
        try:
            assert "migrated by a newer one" in node.run(migrate)[0]
        finally:
            superuser.execute("UPDATE palate.schema_version SET version_num = %s", [before[0]])


def test_the_load_job_loads_and_may_run_again(node: Node, loaded: list[str]) -> None:
    assert "The schema is up to date." in loaded[0]
    assert "Loaded sample: 3,198 films" in loaded[1]
    assert "20001" in loaded[2]
    pod = job(node.found, "load")
    # As the hook of the next upgrade: it finds everything loaded, by what it holds.
    again = [node.run(each)[0] for each in (*pod["initContainers"], *pod["containers"])]
    assert "is loaded already, to the byte: nothing was done" in again[1]
    with connect(node, pod["initContainers"][0]) as owner:
        counted = owner.execute("SELECT count(*) FROM movies").fetchone()
    assert counted == (3198,)


def test_the_refresh_job_counts(node: Node, loaded: list[str]) -> None:
    (refresh,) = job(node.found, "refresh")["containers"]
    assert "films changed" in node.run(refresh)[0]


def test_the_embed_job_is_content_when_every_film_has_a_vector(
    node: Node, loaded: list[str]
) -> None:
    pod = job(manifests({"jobs": {"embed": {"enabled": True}}}), "embed")
    (generate,) = pod["initContainers"][1:]
    (load,) = pod["containers"]
    assert "Every film has a vector already" in node.run(generate)[0]
    assert "nothing was loaded" in node.run(load)[0]


def test_everything_belongs_to_the_owner(node: Node, loaded: list[str]) -> None:
    migrate = job(node.found, "load")["initContainers"][0]
    with connect(node, migrate) as owner:
        owners = owner.execute(
            "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'palate'"
        ).fetchall()
    assert owners == [("palate_owner",)]


def test_the_api_may_no_more_than_palate_app(node: Node, loaded: list[str]) -> None:
    with connect(node, the_api(node.found)) as app:
        assert app.execute("SELECT current_user").fetchone() == ("palate_app",)
        assert app.execute("SELECT count(*) FROM search('lord')").fetchone() == (10,)
        for forbidden in ("CREATE TABLE mine ()", "DELETE FROM movies", "TRUNCATE ratings"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute(forbidden.encode())


def test_people_at_psql_may_read(node: Node, loaded: list[str]) -> None:
    owner = job(node.found, "load")["initContainers"][0]
    owner = owner | {"env": [*owner["env"], {"name": "PGOPTIONS", "value": "-c role=palate_read"}]}
    with connect(node, owner) as reader:
        found = reader.execute("SELECT title FROM search('lord', for_user => 10001)").fetchall()
        assert len(found) == 10
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("DELETE FROM ratings")


def test_the_api_passes_its_probes_and_answers(api: Api) -> None:
    assert api.probe("startup")
    assert api.probe("readiness")
    assert api.probe("liveness")
    answer = json.loads(api.get("/v1/search?q=lord&user_id=20001"))
    assert answer["personalized"] is True
    assert len(answer["hits"]) == 10


def test_without_a_key_nobody_is_let_in(api: Api) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{api.url}/v1/search?q=lord", timeout=120)
    with refused.value as answer:
        assert answer.code == http.client.UNAUTHORIZED


def test_helm_test_sees_that_taste_works(node: Node, api: Api) -> None:
    (pod,) = of_kind(node.found, "Pod", "test")
    (container,) = pod["spec"]["containers"]
    assert container["args"][1] == "http://palate:80"
    container = container | {"args": [container["args"][0], api.url, *container["args"][2:]]}
    (printed,) = node.run(container)
    assert "lover" in printed
    (printed,) = node.run(container | {"args": [*container["args"], "--no-tasters"]})
    assert "10 films" in printed
    with_no_key = container | {"env": []}
    ended = node.start(with_no_key)
    assert "Put a read key into the Secret" in ended.communicate(timeout=120)[0]
    assert ended.returncode == 1


def test_alerts_and_dashboard_ask_for_metrics_that_exist(node: Node, api: Api) -> None:
    shown = set(re.findall(r"^(\w+)(?:\{| )", api.get("/metrics"), re.MULTILINE))
    shown |= set(re.findall(r"^# TYPE (\w+)", api.get("/metrics"), re.MULTILINE))
    others = ("up", "cnpg_", "kubelet_", "barman_cloud_")
    (rule,) = of_kind(manifests(EVERYTHING), "PrometheusRule")
    expressions = [each["expr"] for group in rule["spec"]["groups"] for each in group["rules"]]
    (board,) = (
        each
        for each in of_kind(manifests(EVERYTHING), "ConfigMap")
        if each["metadata"]["name"].endswith("-dashboard")
    )
    panels = json.loads(board["data"]["palate.json"])["panels"]
    expressions += [
        target["expr"].replace("$__rate_interval", "5m")
        for panel in panels
        for target in panel["targets"]
    ]
    assert len(expressions) >= 20
    for expression in expressions:
        parse(expression)
        asked = set(re.findall(r"\b([a-z_]+)\{", expression))
        assert asked, expression
        assert {name for name in asked if not name.startswith(others)} <= shown, expression


@pytest.fixture(scope="module")
def strict(node: Node, api: Api) -> Iterator[tuple[Node, Api]]:
    """The same with palate_app as a login, behind an Ingress, and with rules."""
    found = manifests(STRICT)
    with psycopg.connect(node.server.url_for("postgres"), autocommit=True) as superuser:
        superuser.execute("ALTER ROLE palate_app LOGIN PASSWORD 'p@ss/w:rd?'")
    (rules,) = of_kind(found, "ConfigMap", "rules")
    mount(node.folder / "etc/palate/rules", rules["data"])
    with reserved_port() as port:
        other = Node(node.server, node.folder, node.secrets, port, found)
        running = Api(other, the_api(found))
        try:
            running.wait_until_ready()
            yield other, running
        finally:
            assert running.stop() == 0


def mount(folder: Path, data: dict[str, str]) -> None:
    """A ConfigMap's files as the kubelet mounts them, and changes them: by another link."""
    folder.mkdir(exist_ok=True)
    version = folder / f"..{time.monotonic_ns()}"
    version.mkdir()
    for name, text in data.items():
        (version / name).write_text(text)
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")
    (folder / "..new").symlink_to(version.name)
    (folder / "..new").replace(folder / "..data")


def test_a_login_of_its_own_with_any_password(strict: tuple[Node, Api]) -> None:
    """What values-production.yaml says."""
    node, api = strict
    assert json.loads(api.get("/v1/search?q=king"))["hits"]
    if listening() == "::":
        api.url = f"http://[::1]:{node.port}"
        assert api.probe("liveness")
    with connect(node, the_api(node.found)) as app:
        assert app.execute("SELECT session_user").fetchone() == ("palate_app",)


def test_people_sign_in_behind_the_ingress(strict: tuple[Node, Api]) -> None:
    _, api = strict
    assert api.by_the_ingress("GET", "/")[0] == http.client.UNAUTHORIZED
    key = api.keyed()["Authorization"].removeprefix("Bearer ")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    ours = {"Origin": "https://palate.example.com", "Sec-Fetch-Site": "same-origin"}
    sent = urlencode({"key": key})
    status, cookie, _ = api.by_the_ingress("POST", "/sign-in", sent, form | ours)
    assert status == http.client.SEE_OTHER
    assert "Secure" in cookie
    kept = {"Cookie": cookie.partition(";")[0]}
    status, _, page = api.by_the_ingress("GET", "/?q=lord", headers=kept)
    assert status == http.client.OK
    assert "Lord of the Rings" in page


def test_assistants_call_tools_behind_the_ingress(strict: tuple[Node, Api]) -> None:
    _, api = strict
    call = {"name": "search_movies", "arguments": {"query": "lord", "k": 3}}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
    }
    status, *_ = api.by_the_ingress("POST", "/mcp", json.dumps(message), headers)
    assert status == http.client.UNAUTHORIZED
    *_, found = api.by_the_ingress("POST", "/mcp", json.dumps(message), headers | api.keyed())
    assert "Lord of the Rings" in found


def test_rules_hold_and_change_without_a_restart(strict: tuple[Node, Api]) -> None:
    node, api = strict

    def genres() -> set[str]:
        movies = json.loads(api.get("/v1/recommend?user_id=20001"))["movies"]
        return {genre for movie in movies for genre in movie["genres"]}

    assert "Fantasy" not in genres()
    mount(node.folder / "etc/palate/rules", {"rules.json": '{"rules": []}'})
    assert "Fantasy" in genres()


def test_every_command_of_the_jobs_is_one_of_palate(tmp_path: Path) -> None:
    commands = whole_command()
    for title, pod in (
        (name, job(manifests(EVERYTHING), name))
        for name in ("load", "embed", "train", "evaluate", "enrich", "refresh")
    ):
        for container in [*pod["initContainers"], *pod["containers"]]:
            command, arguments = commands, list(container["args"])
            while arguments and arguments[0] in getattr(command, "commands", {}):
                command = command.commands[arguments.pop(0)]
            assert command is not commands, f"{title}: {container['args']}"
            known = {option for each in command.params for option in each.opts}
            for argument in arguments:
                assert not argument.startswith("--") or argument in known, f"{title}: {argument}"


def test_the_version_of_the_chart_is_that_of_palate() -> None:
    import palate

    assert chart().metadata["appVersion"] == palate.__version__


def test_a_download_becomes_a_file_or_nothing(node: Node) -> None:
    values = {"jobs": {"load": {"source": "movielens", "location": "https://example.com/ml.zip"}}}
    fetch = job(manifests(values), "load")["initContainers"][1]
    source = node.folder / "tmp" / "source.zip"
    source.write_bytes(b"PK")
    code = fetch["args"][1].replace("/tmp", str(node.folder / "tmp"))
    subprocess.run(["python3", "-c", code, source.as_uri()], check=True)
    assert (node.folder / "tmp" / "movielens.zip").read_bytes() == b"PK"
