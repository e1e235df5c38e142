"""The way into a release on Kubernetes: psql over a port-forward that finds its pod again."""

import base64
import io
import json
import os
import pty
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest
import yaml
from psycopg import sql as psql

from palate.errors import ClusterError, ListenError
from palate.settings import Settings
from serve.api.keys import create_key
from serve.cli import sql_prompt as prompt_module
from serve.cli.main import main
from serve.k8s.cluster import Cluster
from serve.k8s.forward import Target, forward
from serve.k8s.release import Login
from sql.database import Database
from sql.embedded import EmbeddedServer
from sql.home import socket_dir
from tests.conftest import name_of
from tests.integration.serve.apis import running
from tests.integration.serve.kube_api import KubeApi, KubeServer, Object
from tests.kubernetes.charts import manifests as rendered
from tests.kubernetes.charts import of_kind

ROOT = Path(__file__).parents[3]
PASSWORD = "a password of the Secret"
SEARCH = "SELECT * FROM search('lord', for_user => 10001)"
OURS = {"app.kubernetes.io/part-of": "palate", "app.kubernetes.io/instance": "palate"}
PRIMARY = {"cnpg.io/cluster": "paradedb", "cnpg.io/instanceRole": "primary"}
HEALTHY = {
    "phase": "Cluster in healthy state",
    "conditions": [{"type": "Ready", "status": "True"}],
    "readyInstances": 1,
    "currentPrimary": "paradedb-1",
}

Palate = Callable[..., int]


def component(name: str) -> dict[str, str]:
    name_label = {"app.kubernetes.io/name": "palate"}
    return OURS | name_label | {"app.kubernetes.io/component": name}


def secret(name: str, **values: str) -> Object:
    data = {
        key.replace("_", "-"): base64.b64encode(value.encode()).decode()
        for key, value in values.items()
    }
    return {"metadata": {"name": name}, "data": data}


def pod(name: str, labels: dict[str, str], port: int = 5432, *, ready: bool = True) -> Object:
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "containers": [
                {
                    "name": "main",
                    "image": "palate:0.1.0",
                    "ports": [{"name": "http", "containerPort": port}],
                }
            ]
        },
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "containerStatuses": [{"name": "main", "restartCount": 1, "state": {"running": {}}}],
        },
    }


def manifests() -> dict[str, list[Object]]:
    """What k8s/ asks for, by kind, as the cluster would hold it."""
    found: dict[str, list[Object]] = {}
    for file in sorted((ROOT / "k8s").glob("*.yaml")):
        for each in yaml.safe_load_all(file.read_text(encoding="utf-8")):
            found.setdefault(f"{each['kind'].lower()}s", []).append(each)
    return found


def declared(clusters: list[Object], role: str) -> Object:
    """A role that the database cluster declares."""
    roles = clusters[0]["spec"]["managed"]["roles"]
    return next(each for each in roles if each["name"] == role)


@pytest.fixture
def logins(server: EmbeddedServer, sample_database: Database) -> Iterator[None]:
    """palate_read and palate_owner log in with a password, as the operator makes them."""
    with psycopg.connect(server.url_for("postgres"), autocommit=True) as admin:
        found = admin.execute("SHOW hba_file").fetchone()
        assert found is not None
        file = Path(found[0])
        before = file.read_bytes()
        file.write_bytes(b"local all palate_read,palate_owner scram-sha-256\n" + before)
        admin.execute("SELECT pg_reload_conf()")
        admin.execute("GRANT palate_read TO palate_owner")
        alter = psql.SQL("ALTER ROLE {} WITH {} PASSWORD {}")
        for role in ("palate_read", "palate_owner"):
            admin.execute(
                alter.format(psql.Identifier(role), psql.SQL("LOGIN"), psql.Literal(PASSWORD))
            )
        yield
        file.write_bytes(before)
        admin.execute("SELECT pg_reload_conf()")
        admin.execute("REVOKE palate_read FROM palate_owner")
        for role in ("palate_read", "palate_owner"):
            admin.execute(
                alter.format(psql.Identifier(role), psql.SQL("NOLOGIN"), psql.SQL("NULL"))
            )


@pytest.fixture
def kube(server: EmbeddedServer, sample_database: Database) -> KubeApi:
    """A release as k8s/ describes it, its database the embedded server."""
    api = KubeApi()
    made = manifests()
    for kind in ("services", "deployments", "clusters", "cronjobs"):
        api.add(kind, *made[kind])
    wired = made["deployments"][0]["spec"]["template"]["spec"]["initContainers"][0]["env"]
    wired[0]["value"] = f"postgresql://paradedb-rw:5432/{name_of(sample_database)}"
    made["clusters"][0]["status"] = HEALTHY
    # What the operator makes of the cluster.
    port = {"port": 5432, "targetPort": 5432}
    rw = {"metadata": {"name": "paradedb-rw"}, "spec": {"selector": PRIMARY, "ports": [port]}}
    api.add("services", rw)
    api.add("secrets", secret("paradedb-app", username="palate_owner", password=PASSWORD))
    api.add("pods", pod("paradedb-1", PRIMARY), pod("palate-7c9", component("api"), 8080))
    socket_file = str(socket_dir(server.home) / ".s.PGSQL.5432")
    api.listening = {("paradedb-1", 5432): socket_file, ("paradedb-2", 5432): socket_file}
    return api


@pytest.fixture
def people(kube: KubeApi) -> None:
    """palate_read has a login of its own, as with the value database.readSecret."""
    declared(kube.objects["clusters"], "palate_read").update(
        login=True, passwordSecret={"name": "people"}
    )
    kube.add("secrets", secret("people", username="palate_read", password=PASSWORD))


@pytest.fixture
def kube_server(kube: KubeApi) -> Iterator[KubeServer]:
    with KubeServer(kube) as running_server:
        yield running_server


@pytest.fixture
def palate(
    kube_server: KubeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quiet: None
) -> Palate:
    """Runs ``palate k8s ...`` with a kubeconfig for the server."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KUBECONFIG", kube_server.kubeconfig(tmp_path))
    monkeypatch.setenv("COLUMNS", "150")
    return lambda *arguments: main(["k8s", *map(str, arguments)])


@pytest.fixture
def quiet() -> Iterator[None]:
    """Commands send logs to the standard error of their test; later tests have another."""
    import logging

    yield
    logging.getLogger().handlers.clear()


@pytest.fixture
def cluster(kube_server: KubeServer, tmp_path: Path) -> Cluster:
    return Cluster.connect(kube_server.kubeconfig(tmp_path))


def lines_of(database: Database, statement: str) -> list[str]:
    """What psql -At prints for the statement."""
    with psycopg.connect(database.psql_url) as connection:
        rows = connection.execute(statement.encode()).fetchall()
    return ["|".join("" if value is None else str(value) for value in row) for row in rows]


def test_psql_searches_as_the_role_for_people(
    palate: Palate,
    logins: None,
    people: None,
    sample_database: Database,
    capfd: pytest.CaptureFixture[str],
) -> None:
    titles = SEARCH.replace("*", "movie_id, title")
    assert palate("psql", "--", "-At", "-c", titles) == 0
    shown = capfd.readouterr()
    assert shown.err == ""
    assert shown.out.splitlines() == lines_of(sample_database, titles)
    assert palate("psql", f"SELECT current_user; {SEARCH}") == 0
    shown = capfd.readouterr()
    assert "palate_read" in shown.out
    assert "(10 rows)" in shown.out


def test_a_role_without_a_login_of_its_own_is_taken_by_the_owner(
    palate: Palate, logins: None, capfd: pytest.CaptureFixture[str]
) -> None:
    who = "SELECT session_user, current_user"
    assert palate("psql", "--", "-At", "-c", who) == 0
    assert capfd.readouterr().out == "palate_owner|palate_read\n"
    assert palate("psql", "--role", "owner", "--", "-At", "-c", who) == 0
    assert capfd.readouterr().out == "palate_owner|palate_owner\n"


def test_the_persons_own_settings_of_psql_lead_nowhere_else(
    palate: Palate,
    logins: None,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    for name in ("PGHOSTADDR", "PGSERVICE", "PGPASSFILE", "PGSSLMODE", "PGUSER"):
        monkeypatch.setenv(name, "verify-full")
    assert palate("psql", "--", "-At", "-c", "SELECT current_user") == 0
    assert capfd.readouterr().out == "palate_read\n"


def test_a_wrong_password_is_the_databases_word(
    palate: Palate, logins: None, kube: KubeApi, capfd: pytest.CaptureFixture[str]
) -> None:
    kube.objects["secrets"] = []
    kube.add("secrets", secret("paradedb-app", username="palate_owner", password="another"))
    assert palate("psql", "SELECT 1") == 2
    assert "password authentication failed" in capfd.readouterr().err


def test_the_password_is_in_no_processs_arguments(
    kube_server: KubeServer, logins: None, tmp_path: Path
) -> None:
    with typed(kube_server, tmp_path, "psql", "--", "-At", "-P", "pager=off") as session:
        session.type("SELECT 'ready ' || pid FROM pg_stat_activity WHERE pid = pg_backend_pid();")
        session.wait_for(r"ready \d+")
        palate_process = psutil.Process(session.pid)
        processes = [palate_process, *palate_process.children(recursive=True)]
        psql_process = processes[-1]
        assert psql_process.name() == "psql"
        assert psql_process.environ()["PGPASSWORD"] == PASSWORD
        for process in processes:
            assert PASSWORD not in " ".join(process.cmdline())
        session.type("\\q")
        assert session.end() == 0


def test_a_session_goes_on_when_the_pod_moves(
    kube_server: KubeServer, kube: KubeApi, logins: None, tmp_path: Path
) -> None:
    with typed(kube_server, tmp_path, "psql", "--", "-At", "-P", "pager=off") as session:
        session.type("SELECT 'before ' || count(*) FROM search('lord', for_user => 10001);")
        session.wait_for(r"before 10")
        kube.kill("paradedb-1")
        late = threading.Timer(0.5, kube.add, ["pods", pod("paradedb-2", PRIMARY)])
        late.start()
        session.type("SELECT 'lost ' || 1;")
        session.wait_for("Attempting reset: Succeeded")
        session.type("SELECT 'after ' || count(*) FROM search('lord', for_user => 10001);")
        session.wait_for(r"after 10")
        session.type("\\q")
        assert session.end() == 0
        late.join()


class Typed:
    """A command on a terminal, and what it has shown."""

    def __init__(self, process: subprocess.Popen[bytes], terminal: int) -> None:
        self._process = process
        self._terminal = terminal
        self._shown = ""

    @property
    def pid(self) -> int:
        return self._process.pid

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode() + b"\n")

    def wait_for(self, pattern: str) -> None:
        """Read until the pattern has appeared; what came before it is forgotten."""
        while True:
            found = re.search(pattern, self._shown)
            if found:
                self._shown = self._shown[found.end() :]
                return
            try:
                self._shown += os.read(self._terminal, 4096).decode()
            except OSError:
                raise AssertionError(f"{pattern} did not appear in {self._shown}") from None

    def end(self) -> int:
        with suppress(OSError):
            while os.read(self._terminal, 4096):
                pass
        return self._process.wait(30)


@contextmanager
def typed(server: KubeServer, folder: Path, *arguments: str) -> Iterator[Typed]:
    """``palate k8s ...`` on a terminal."""
    ours, theirs = pty.openpty()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PALATE_")}
    environment = kept | {
        "KUBECONFIG": server.kubeconfig(folder),
        "PYTHONPATH": str(ROOT),
        "PSQL_HISTORY": os.devnull,
        "TERM": "dumb",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "serve.cli", "k8s", *arguments],
        env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    try:
        yield Typed(process, ours)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(ours)


@contextmanager
def connected(port: int, database: Database) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(
        host="127.0.0.1", port=port, user="postgres", dbname=name_of(database), autocommit=True
    ) as connection:
        yield connection


def nothing_reported(message: str) -> None:
    raise AssertionError(message)


def test_two_sessions_at_once(cluster: Cluster, kube: KubeApi, sample_database: Database) -> None:
    target = Target("paradedb-rw")
    with (
        forward(cluster, target, report=nothing_reported) as port,
        connected(port, sample_database) as one,
        connected(port, sample_database) as other,
    ):
        one.execute("SET search_path = palate, public")
        waiting = threading.Thread(target=one.execute, args=[b"SELECT pg_sleep(0.2)"])
        waiting.start()
        films = other.execute(SEARCH.encode()).fetchall()
        waiting.join()
        assert films == one.execute(SEARCH.encode()).fetchall()
    assert kube.forwarded == 3  # the first only made sure that there is a way


def test_much_goes_both_ways(cluster: Cluster, sample_database: Database) -> None:
    with (
        forward(cluster, Target("paradedb-rw"), report=nothing_reported) as port,
        connected(port, sample_database) as connection,
    ):
        text = "lord " * 300_000
        row = connection.execute("SELECT %s, md5(%s)", (text, text)).fetchone()
        assert row is not None
        assert row[0] == text


def test_a_slow_reader_does_not_fill_the_memory(cluster: Cluster, kube: KubeApi) -> None:
    """Of what a pod sends without end, only a little is taken while nobody reads it."""
    with socket.create_server(("127.0.0.1", 0)) as endless:
        endless.settimeout(20)
        kube.listening["paradedb-1", 5432] = endless.getsockname()
        with (
            forward(cluster, Target("paradedb-rw"), report=nothing_reported) as port,
            socket.create_connection(("127.0.0.1", port)),
        ):
            sent = sent_without_a_reader(endless)
    assert 0 < sent < 50_000_000


def sent_without_a_reader(endless: socket.socket) -> int:
    """Bytes that a connection takes before it takes no more for half a second."""
    sent = 0
    while True:
        source, _ = endless.accept()
        with source, suppress(ConnectionError):  # the connection that only looked for a way
            source.settimeout(0.5)
            try:
                while sent < 200_000_000:
                    sent += source.send(b"x" * 100_000)
            except TimeoutError:
                pass
            return sent


def test_a_connection_waits_for_a_pod_that_is_not_listening_yet(
    cluster: Cluster, kube: KubeApi, sample_database: Database
) -> None:
    with forward(cluster, Target("paradedb-rw"), report=nothing_reported) as port:
        place = kube.listening.pop(("paradedb-1", 5432))
        late = threading.Timer(0.6, kube.listening.__setitem__, [("paradedb-1", 5432), place])
        late.start()
        with connected(port, sample_database) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        late.join()
    assert kube.forwarded > 2


def test_a_pod_that_never_listens_is_reported(cluster: Cluster, kube: KubeApi) -> None:
    del kube.listening["paradedb-1", 5432]
    reported: list[str] = []
    with (
        forward(cluster, Target("paradedb-rw"), report=reported.append, patience=0) as port,
        socket.create_connection(("127.0.0.1", port)) as line,
    ):
        line.sendall(b"hello")
        with suppress(ConnectionResetError):
            assert line.recv(10) == b""
    assert reported
    assert "error forwarding port 5432 to pod paradedb-1" in reported[0]


def test_a_port_that_is_taken_is_refused(cluster: Cluster) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ListenError, match=f"Port {port} of this machine"):
            forward(cluster, Target("paradedb-rw"), port, report=print).__enter__()


def test_the_port_is_open_on_loopback_only(cluster: Cluster) -> None:
    with forward(cluster, Target("paradedb-rw"), report=print) as port:
        ours = [
            connection.laddr.ip
            for connection in psutil.Process().net_connections("tcp")
            if connection.status == "LISTEN" and connection.laddr.port == port
        ]
    assert ours == ["127.0.0.1"]


def test_over_tls(
    kube: KubeApi, sample_database: Database, tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with KubeServer(kube, context) as server:
        trusting = Cluster.connect(server.kubeconfig(tmp_path, authority=certificate[0]))
        with (
            forward(trusting, Target("paradedb-rw"), report=nothing_reported) as port,
            connected(port, sample_database) as connection,
        ):
            row = connection.execute("SELECT repeat('lord', 100000)").fetchone()
            assert row == ("lord" * 100_000,)
            assert connection.execute(SEARCH.encode()).rowcount == 10
        strict = Cluster.connect(server.kubeconfig(tmp_path))
        with pytest.raises(ClusterError, match="certificate verify failed"):
            strict.find("pods")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    import shutil

    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs openssl to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    made = (folder / "certificate.pem", folder / "key.pem")
    names = ("-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1")
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names,
         "-out", made[0], "-keyout", made[1]],
        check=True, capture_output=True,
    )  # fmt: skip
    return made


def test_the_command_port_forward_runs_until_it_is_stopped(
    kube_server: KubeServer, logins: None, tmp_path: Path
) -> None:
    environment = os.environ | {
        "KUBECONFIG": kube_server.kubeconfig(tmp_path),
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "serve.cli", "k8s", "port-forward", "--json"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        shown = ""
        while not shown.endswith("}\n"):
            read = process.stdout.readline()
            assert read, "the command ended"
            shown += read
        said = json.loads(shown)
        assert (said["service"], said["secret"]) == ("paradedb-rw", "paradedb-app")
        assert said["role"] == "palate_read"
        with psycopg.connect(said["url"], password=PASSWORD) as connection:
            assert connection.execute(SEARCH.encode()).rowcount == 10
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


# The prompt that takes psql's place


@pytest.fixture
def without_psql(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("serve.cli.k8s.find_psql", lambda: None)
    monkeypatch.setattr(prompt_module, "HISTORY", tmp_path / "state" / "history")


def test_without_psql_a_statement_is_answered(
    palate: Palate, logins: None, without_psql: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert palate("psql", "SELECT rank, title FROM search('lord', k => 2)") == 0
    shown = capsys.readouterr().out
    assert "Lord of War" in shown
    assert "(2 rows)" in shown
    assert palate("psql", "SELECT nonsense FROM") == 1
    assert "ERROR: syntax error" in capsys.readouterr().err
    assert palate("psql", "--", "-f", "statements.sql") == 2
    assert "takes only -c STATEMENT" in capsys.readouterr().err


def test_without_psql_a_script_is_read_from_a_pipe(
    palate: Palate,
    logins: None,
    without_psql: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("SELECT 1 AS one; SELECT 2 AS two;"))
    assert palate("psql") == 0
    shown = capsys.readouterr().out
    assert "one" in shown
    assert "two" in shown


def test_the_prompt_reads_statements_over_several_lines(
    server: EmbeddedServer,
    cluster: Cluster,
    kube: KubeApi,
    sample_database: Database,
    without_psql: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = iter(["", "SELECT title", "FROM nonsense;", "SELECT current_user", "  AS who;", "\\q"])
    monkeypatch.setattr("builtins.input", lambda _: next(lines))
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    login = Login(
        Target("paradedb-rw"), "postgres", name_of(sample_database), "palate_read", "", ""
    )
    with forward(cluster, login.target, report=nothing_reported) as port:
        prompt = prompt_module.Prompt(login, port)
        assert prompt.run() == 0
        prompt.close()
    shown = capsys.readouterr()
    assert 'relation "nonsense" does not exist' in shown.err
    assert "palate_read" in shown.out
    assert prompt_module.HISTORY.stat().st_mode & 0o777 == 0o600


def test_the_prompt_connects_again_when_the_pod_moved(
    cluster: Cluster, kube: KubeApi, sample_database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    login = Login(Target("paradedb-rw"), "postgres", name_of(sample_database), None, "", "")
    with forward(cluster, login.target, report=nothing_reported) as port:
        prompt = prompt_module.Prompt(login, port)
        assert prompt.execute("SELECT 1")
        kube.kill("paradedb-1")
        kube.add("pods", pod("paradedb-2", PRIMARY))
        assert not prompt.execute("SELECT 2")
        assert prompt.execute("SELECT 'three'")
        prompt.close()
    assert "three" in capsys.readouterr().out


# Status, jobs, logs, searches


def test_status_shows_pods_jobs_and_the_database(
    palate: Palate, kube: KubeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    kube.add(
        "jobs",
        job("palate-load-1", "load", [{"type": "Complete", "status": "True"}]),
        job("palate-train-1", "train", []),
    )
    assert palate("status") == 0
    shown = capsys.readouterr().out
    for words in ("palate in films", "Cluster in healthy state; 1 of 1 ready", "paradedb/paradedb"):
        assert words in shown
    assert re.search(r"paradedb-1 +database +Running +1", shown)
    assert re.search(r"palate-load-1 +load +complete", shown)
    assert re.search(r"palate-train-1 +train +running", shown)
    assert palate("status", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in found["pods"]] == ["palate-7c9", "paradedb-1"]
    assert found["database"]["primary"] == "paradedb-1"


def test_status_fails_when_searches_are_not_answered(
    palate: Palate, kube: KubeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    kube.kill("palate-7c9")
    waiting = pod("palate-8d1", component("api"), ready=False)
    waiting["status"] |= {
        "phase": "Pending",
        "containerStatuses": [
            {"restartCount": 0, "state": {"waiting": {"reason": "ImagePullBackOff"}}}
        ],
    }
    kube.add("pods", waiting)
    assert palate("status") == 1
    assert "ImagePullBackOff" in capsys.readouterr().out


def job(name: str, part: str, conditions: list[Object]) -> Object:
    labels = component(part)
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": part}]}}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {"backoffLimit": 6, "template": template},
        "status": {"conditions": conditions},
    }


def test_load_makes_the_charts_job_as_often_as_asked(
    palate: Palate, kube: KubeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    (asked,) = (
        each for each in manifests()["cronjobs"] if each["metadata"]["name"].endswith("load")
    )
    names = set()
    for _ in range(2):
        assert palate("load", "--json") == 0
        names.add(json.loads(capsys.readouterr().out)["job"])
        made = kube.objects["jobs"][-1]
        assert made["metadata"]["name"] in names
        assert made["metadata"]["labels"] == asked["spec"]["jobTemplate"]["metadata"]["labels"]
        assert made["spec"] == asked["spec"]["jobTemplate"]["spec"]
    assert len(names) == 2
    assert all(re.fullmatch(r"palate-load-[0-9a-f]{6}", name) for name in names)


def test_a_job_is_made_from_a_cronjob(
    palate: Palate, kube: KubeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    assert palate("load", "refresh") == 0
    assert "Started palate-refresh-" in capsys.readouterr().err
    (refresh,) = kube.find("cronjobs", None, "app.kubernetes.io/component=refresh")
    template = refresh["spec"]["jobTemplate"]
    made = kube.objects["jobs"][-1]
    assert made["spec"] == template["spec"]
    assert made["metadata"]["labels"] == template["metadata"]["labels"]


def test_load_says_what_to_type_when_there_is_no_job(
    palate: Palate, capsys: pytest.CaptureFixture[str]
) -> None:
    assert palate("load", "train") == 1
    assert "--set jobs.train.enabled=true" in capsys.readouterr().err


ENDED = {"state": {"terminated": {"exitCode": 0}}}
AGAIN = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {}}}
LATER = {"state": {"waiting": {"reason": "PodInitializing"}}}


@pytest.mark.parametrize(
    ("condition", "load", "tasters", "code", "shown"),
    [
        ("Complete", ENDED, ENDED, 0, "up to date\n3,198 films\n4 users\n"),
        ("Failed", AGAIN, LATER, 1, "up to date\n3,198 films\n"),
    ],
    ids=["complete", "failed"],
)
def test_a_followed_load_shows_every_step_and_ends_as_it_ends(
    palate: Palate,
    kube: KubeApi,
    condition: str,
    load: Object,
    tasters: Object,
    code: int,
    shown: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    kube.add("jobs", job("palate-load-1", "load", []))
    steps = [{"name": "migrate"} | ENDED, {"name": "load", "restartCount": 6} | load]

    def work() -> None:
        while len(kube.objects["jobs"]) < 2:
            time.sleep(0.01)
        name = kube.objects["jobs"][-1]["metadata"]["name"]
        kube.logs["loader/migrate"] = ["up to date"]
        kube.logs["loader/load"] = ["3,198 films"]
        kube.logs["loader/tasters"] = ["4 users"]
        loader = pod("loader", component("load") | {"batch.kubernetes.io/job-name": name})
        loader["spec"]["containers"] = [{"name": "tasters", "image": "palate:0.1.0"}]
        loader["status"] = {
            "phase": "Pending",
            "initContainerStatuses": steps,
            "containerStatuses": [{"name": "tasters"} | tasters],
        }
        kube.add("pods", loader)
        kube.objects["jobs"][-1]["status"] = {"conditions": [{"type": condition, "status": "True"}]}

    cluster_at_work = threading.Thread(target=work)
    cluster_at_work.start()
    assert palate("load", "--follow") == code
    cluster_at_work.join()
    assert capsys.readouterr().out == shown
    assert palate("logs", "load") == 0
    assert capsys.readouterr().out == shown


def test_logs_of_one_pod_of_several_and_of_a_job(
    palate: Palate, kube: KubeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    kube.logs = {"palate-7c9": ["one", "two"], "palate-8d1": ["\x1b[31mthree"]}
    assert palate("logs", "--tail", 1) == 0
    assert capsys.readouterr().out == "two\n"
    kube.add("pods", pod("palate-8d1", component("api")))
    for follow in ([], ["--follow"]):
        assert palate("logs", "api", *follow) == 0
        shown = sorted(capsys.readouterr().out.splitlines())
        assert shown == ["palate-7c9: one", "palate-7c9: two", "palate-8d1: \ufffd[31mthree"]
    kube.logs["palate-9e2/migrate"] = ["waits for the database"]
    starting = pod("palate-9e2", component("api"))
    starting["status"] = {
        "phase": "Pending",
        "initContainerStatuses": [{"name": "migrate", "state": {"running": {}}}],
        "containerStatuses": [{"name": "main"} | LATER],
    }
    kube.add("pods", starting)
    assert palate("logs", "palate-9e2") == 0
    assert capsys.readouterr().out == "waits for the database\n"
    assert palate("logs", "palate-8d1") == 0
    assert palate("logs", "database") == 0
    assert palate("logs", "nobody") == 1
    assert "no pod, job or part called 'nobody'" in capsys.readouterr().err


def test_a_search_through_the_api_with_the_releases_key(
    palate: Palate,
    kube: KubeApi,
    sample_database: Database,
    settings: Settings,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plain, key = create_key("tests", "read")
    file = tmp_path / "keys.txt"
    file.write_text(key.line + "\n")
    kube.add("secrets", secret("palate-api-keys", **{"keys.txt": key.line, "read_key": plain}))
    with running(sample_database, settings.model_copy(update={"api_keys_file": file})) as url:
        address = urlsplit(url)
        kube.listening["palate-7c9", 8080] = (str(address.hostname), int(address.port or 0))
        assert palate("search", "lord", "--user", 10001, "--json") == 0
        found = json.loads(capsys.readouterr().out)
        with psycopg.connect(sample_database.psql_url) as connection:
            best = connection.execute(SEARCH.encode()).fetchall()
        assert found["personalized"] is True
        assert len(found["hits"]) == len(best)
        assert palate("search", "lord", "of", "the", "rings", "--explain") == 0
        shown = capsys.readouterr().out
        assert "Lord of" in shown
        assert "No film matches" not in shown
        assert palate("search", "zzyzx") == 0
        assert "No film matches 'zzyzx'." in capsys.readouterr().out
        narrowed = ["--genre", "Drama", "--genre", "War", "--year-to", 1990, "--weights", "bm25:1"]
        assert palate("search", "king", "--user", 10001, *narrowed, "--facets", "--json") == 0
        found = json.loads(capsys.readouterr().out)
        assert found["weights"]["bm25"] == 1
        assert found["facets"]["genres"]
        assert all({"Drama", "War"} & set(hit["genres"]) for hit in found["hits"])
        assert palate("search", "lord", "--weights", "taste:1") == 2
        assert "is no component" in capsys.readouterr().err
        assert palate("search", "lord", "--key", "wrong") == 1
        assert "refuses the key" in capsys.readouterr().err
        assert palate("search", "lord", "-k", 5000) == 2
    kube.objects["secrets"][-1]["data"].pop("read-key")
    assert palate("search", "lord") == 1
    assert "has no read-key" in capsys.readouterr().err


# What goes wrong


@pytest.mark.parametrize(
    ("verb", "kind", "command"),
    [
        ("list", "services", "status"),
        ("list", "pods", "psql"),
        ("get", "secrets", "psql"),
        ("get", "clusters", "psql"),
        ("list", "deployments", "psql"),
        ("get", "pods/portforward", "psql"),
        ("create", "jobs", "load"),
        ("get", "pods/log", "logs"),
    ],
)
def test_what_is_forbidden_names_the_verb_to_ask_for(
    palate: Palate,
    kube: KubeApi,
    verb: str,
    kind: str,
    command: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    kube.add("jobs", job("palate-load-1", "load", []))
    kube.forbidden.add((verb, kind))
    assert palate(command) == 1
    said = capsys.readouterr().err
    verb = "get and create" if kind == "pods/portforward" else verb
    kind = kind.replace("clusters", "clusters.postgresql.cnpg.io")
    assert f"a role with the verb {verb} on {kind} in namespace films" in said
    assert "Traceback" not in said


def test_the_role_for_people_is_enough_and_no_more(
    palate: Palate, kube: KubeApi, logins: None, capfd: pytest.CaptureFixture[str]
) -> None:
    kube.add("jobs", job("palate-load-1", "load", [{"type": "Complete", "status": "True"}]))
    kube.add("secrets", secret("palate-api-keys", read_key="a key"))
    # A port that somebody answers, if not the API: the command is not made to wait.
    kube.listening["palate-7c9", 8080] = kube.listening["paradedb-1", 5432]
    done = threading.Event()
    jobs_at_work = threading.Thread(target=finish_jobs, args=(kube, done))
    jobs_at_work.start()
    for command in ("psql -- -l", "status", "load --follow", "logs", "search lord"):
        palate(*command.split())
    done.set()
    jobs_at_work.join()
    (role,) = of_kind(rendered({"people": {"subjects": [{"kind": "User", "name": "ann"}]}}), "Role")
    allowed = {
        (verb, resource)
        for rule in role["rules"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    # A WebSocket is asked for with GET; newer clusters want the verb create of it as well.
    assert allowed - {("create", "pods/portforward")} == kube.asked


def finish_jobs(kube: KubeApi, done: threading.Event) -> None:
    """Every job that is made is complete a moment later."""
    while not done.wait(0.05):
        for each in kube.objects["jobs"]:
            each["status"] = {"conditions": [{"type": "Complete", "status": "True"}]}


def test_errors_say_what_to_do(
    palate: Palate,
    kube: KubeApi,
    kube_server: KubeServer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def said(code: int, *arguments: str) -> str:
        assert palate(*arguments) == code
        return capsys.readouterr().err

    assert "--kubeconfig or KUBECONFIG" in said(2, "psql", "--kubeconfig", "missing")
    assert "It has: elsewhere, test" in said(2, "psql", "--context", "nowhere")
    assert "There is one in: films" in said(1, "psql", "--context", "elsewhere")
    assert "no release 'other'" in said(1, "status", "--release", "other")
    assert "no clusters.postgresql.cnpg.io mine" in said(1, "psql", "--cluster", "mine")
    other = OURS | {"app.kubernetes.io/instance": "more"}
    kube.add("services", {"metadata": {"name": "more", "labels": other}})
    assert "There are 2 releases" in said(2, "status")
    kube.objects["services"].pop()
    kube.objects["pods"][0]["status"]["conditions"][0]["status"] = "False"
    assert "paradedb-1: Running, not ready" in said(1, "psql")
    wired = kube.objects["deployments"][0]["spec"]["template"]["spec"]["initContainers"][0]["env"]
    wired[:] = [{"name": "PALATE_DATABASE_URL", "valueFrom": {"secretKeyRef": {"name": "ours"}}}]
    assert "`palate --database-url URL db psql`" in said(1, "psql")
    kube_server.kubeconfig(tmp_path, token="an old one")
    assert "does not accept the credentials" in said(1, "status")


def test_a_status_that_may_not_look_does_not_say_that_all_is_well(
    palate: Palate, kube: KubeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    kube.forbidden.add(("get", "clusters"))
    assert palate("status") == 1
    shown = " ".join(capsys.readouterr().out.split())
    assert "a role with the verb get on clusters.postgresql.cnpg.io" in shown
    assert "palate-7c9" in shown
    assert "Nothing was done" not in shown


@pytest.mark.parametrize("verb", ["list", "get"])
def test_a_job_that_goes_on_is_not_said_to_be_nothing(
    palate: Palate, kube: KubeApi, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    kube.forbidden.add((verb, "pods") if verb == "list" else (verb, "jobs"))
    assert palate("load", "--follow") == 1
    said = capsys.readouterr().err
    assert "Started palate-load-" in said
    assert "goes on, but cannot be followed: The cluster forbids it" in said
    assert "Nothing was done" not in said


LOGIN = "#!/bin/sh\necho 'The token expired. Run: provider login' >&2\nexit 1\n"


@pytest.mark.parametrize("plugin", [LOGIN, None], ids=["expired", "missing"])
def test_a_login_plugin_that_fails_is_said_in_its_own_words(
    palate: Palate, tmp_path: Path, plugin: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "provider-auth-plugin"
    if plugin:
        program.write_text(plugin)
        program.chmod(0o755)
    file = tmp_path / "kubeconfig"
    config = yaml.safe_load(file.read_text(encoding="utf-8"))
    execution = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(program)}
    config["users"][0]["user"] = {"exec": execution}
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    assert palate("status") == 1
    said = capsys.readouterr().err
    assert ("Run: provider login" if plugin else "No such file or directory") in said
    assert ("Log in again" if plugin else "Install what it names, or log in again") in said
    assert "as your provider says" in said
    assert "anonymous" not in said
    assert len(said.splitlines()) == 1


def test_somebody_whom_the_cluster_does_not_know_is_told_to_log_in() -> None:
    from kubernetes import client

    found = Cluster(client.Configuration(host="http://127.0.0.1:1"), "films")
    reason = 'services is forbidden: User "system:anonymous" cannot list resource "services"'
    said = str(found.refused(403, reason, "list", "services", ""))
    assert "Log in again" in said
    assert "Ask for a role" not in said


def test_a_certificate_that_is_not_checked_is_said_once(
    kube: KubeApi,
    tmp_path: Path,
    certificate: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    quiet: None,
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with KubeServer(kube, context) as encrypted:
        file = Path(encrypted.kubeconfig(tmp_path))
        config = yaml.safe_load(file.read_text(encoding="utf-8"))
        config["clusters"][0]["cluster"]["insecure-skip-tls-verify"] = True
        file.write_text(yaml.safe_dump(config), encoding="utf-8")
        assert main(["k8s", "status", "--kubeconfig", str(file)]) == 0
    said = capfd.readouterr().err
    assert said.count("insecure-skip-tls-verify") == 1
    assert "Warning" not in said


def test_a_cluster_that_is_down(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], quiet: None
) -> None:
    server = KubeServer(KubeApi())
    with server:
        kubeconfig = server.kubeconfig(tmp_path)
    assert main(["k8s", "status", "--kubeconfig", kubeconfig]) == 1
    said = capsys.readouterr().err
    assert f"The cluster at {server.url} does not answer" in said
    assert "Connection refused" in said
    assert len(said.splitlines()) == 1


def test_without_the_kubernetes_client(
    palate: Palate, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "kubernetes", None)
    assert palate("psql") == 1
    assert "pip install" in capsys.readouterr().err
