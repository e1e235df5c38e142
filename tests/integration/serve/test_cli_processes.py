"""The command as a process of its own: signals, pipes, and the embedded server from nothing."""

import http.client
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from sql.embedded import EmbeddedServer
from tests.ports import reserved_port

PALATE = [sys.executable, "-m", "serve.cli"]
ROOT = Path(__file__).parents[3]

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Nothing of ours set, and a data directory that does not exist yet."""
    data_dir = tmp_path_factory.mktemp("cli") / "data"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PALATE_")}
    yield kept | {
        "PALATE_DATA_DIR": str(data_dir),
        "PALATE_CURSOR_SECRET": "for tests",
        "PYTHONPATH": str(ROOT),
        "COLUMNS": "110",
    }
    EmbeddedServer.destroy(data_dir)


@pytest.fixture(scope="module")
def run(environment: dict[str, str]) -> Run:
    """Runs a command to its end."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*PALATE, *arguments], env=environment, capture_output=True, text=True, check=False
        )

    return run


@pytest.fixture(scope="module")
def demo(run: Run) -> str:
    """What the demo prints on a machine that never saw Palate."""
    ended = run("demo")
    assert ended.returncode == 0, ended.stderr
    assert "3,198 films" in ended.stderr
    return ended.stdout


def test_the_demo_shows_three_orders_of_two_words(demo: str) -> None:
    lord, king = demo.split("\nking\n")
    for shown in (lord, king):
        assert "unpersonalised" in shown
        assert "20001, the fantasy lover" in shown
        assert "20002, the fantasy hater" in shown
        assert shown.count(" = .") == 30
        assert "score = text + taste + peers + popularity" in shown
    assert "Why is " in demo
    assert "because you gave 5.0 to" in demo
    assert "What next?" in king


def test_the_demo_fits_110_columns(demo: str) -> None:
    typed = demo.partition("What next?")[0]
    assert max(map(len, typed.splitlines())) <= 110


def test_a_terminal_gets_colour_within_its_width(demo: str, environment: dict[str, str]) -> None:
    for columns in (100, 106, 120):
        shown = on_a_terminal(environment, columns, "search", "king", "-u", "20001", "-u", "20002")
        assert "\x1b[32m▲" in shown
        plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
        assert max(map(len, plain.splitlines())) <= columns
        assert plain.count("─") >= 90


def on_a_terminal(environment: dict[str, str], columns: int, *arguments: str) -> str:
    """What a command shows on a terminal that is so wide."""
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as screen:
        terminal = environment | {"COLUMNS": str(columns), "TERM": "xterm", "NO_COLOR": ""}
        process = subprocess.Popen([*PALATE, *arguments], env=terminal, stdout=theirs)
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # how a terminal says that nobody writes to it any more
            while block := screen.read(4096):
                shown += block
        assert process.wait(120) == 0
    return shown.decode()


def test_the_demo_again_keeps_what_is_there_and_accounts_for_every_score(
    demo: str, run: Run
) -> None:
    again = run("demo", "--json")
    assert "already loaded" in again.stderr
    found = json.loads(again.stdout)
    assert list(found) == ["lord", "king"]
    for answers in found.values():
        assert [answer["user_id"] for answer in answers] == [None, 20001, 20002]
        for answer in answers:
            for hit in answer["hits"]:
                assert sum(hit["contributions"].values()) == pytest.approx(hit["score"], abs=1e-6)


def test_the_server_stops_with_the_last_command_unless_kept(demo: str, run: Run) -> None:
    assert json.loads(run("db", "status", "--json").stdout)["running"] is False
    assert run("db", "start").returncode == 0
    assert run("db", "status").returncode == 0
    assert run("db", "stop").returncode == 0
    assert run("db", "status").returncode == 1


def test_psql_gets_what_follows(demo: str, run: Run) -> None:
    select = "SELECT title FROM search('lord', k => 1)"
    ended = run("db", "psql", "--", "-A", "-t", "-c", select)
    assert (ended.returncode, ended.stdout) == (0, "Lord of War\n")
    assert run("db", "psql", "--", "-c", "SELECT nonsense").returncode == 1
    alone = run("db", "psql", select)
    assert "Lord of War" in alone.stdout


def test_serving_until_it_is_stopped(demo: str, environment: dict[str, str]) -> None:
    with reserved_port() as port:
        server = subprocess.Popen(
            [*PALATE, "serve", "--port", str(port)], env=environment, stderr=subprocess.DEVNULL
        )
        try:
            answer = get(server, port, "/v1/search?q=lord&user_id=20001")
            assert answer["personalized"] is True
        finally:
            server.send_signal(signal.SIGINT)
            assert server.wait(120) == 0


def get(server: "subprocess.Popen[bytes]", port: int, path: str) -> dict[str, object]:
    """The answer of a server that may still be starting."""
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        try:
            connection.request("GET", path)
            answer: dict[str, object] = json.load(connection.getresponse())
            return answer
        except ConnectionRefusedError:
            assert server.poll() is None
            time.sleep(0.1)
        finally:
            connection.close()


def test_serving_strangers_without_keys_is_refused(run: Run) -> None:
    ended = run("serve", "--host", "0.0.0.0")
    assert ended.returncode == 2
    assert "--insecure" in ended.stderr


@pytest.mark.parametrize(
    "command", [["--version"], ["random", "5"], ["random", "5", "--json"], ["search", "king"]]
)
def test_a_reader_that_went_away_is_no_error(
    demo: str, environment: dict[str, str], command: list[str]
) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    ended = subprocess.run(
        [*PALATE, *command], env=environment, stdout=theirs, stderr=subprocess.PIPE, check=False
    )
    os.close(theirs)
    assert (ended.returncode, ended.stderr) == (141, b"")


def test_ctrl_c_ends_quietly(demo: str, environment: dict[str, str]) -> None:
    process = subprocess.Popen(
        [*PALATE, "bench", "search", "--over", "SQL"],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert "SQL, 1 client:" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    assert process.wait(120) == 130
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()


def test_help_imports_no_command_and_nothing_heavy() -> None:
    heavy = ("sqlalchemy", "fastapi", "numpy", "polars", "alembic", "uvicorn", "pydantic")
    ours = ("serve.cli.search", "serve.cli.session")
    check = (
        "import sys, serve.cli.main as palate\n"
        "palate.main(['--help'])\n"
        f"sys.exit(', '.join(name for name in {heavy + ours!r} if name in sys.modules) or 0)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_shells_complete_commands(environment: dict[str, str]) -> None:
    asked = environment | {
        "_PALATE_COMPLETE": "complete_bash",
        "COMP_WORDS": "palate db st",
        "COMP_CWORD": "2",
    }
    command = [sys.executable, "-c", "from serve.cli.main import run; run()"]
    ended = subprocess.run(command, env=asked, capture_output=True, text=True, check=False)
    assert ended.stdout.split() == ["start", "stop", "status"]
