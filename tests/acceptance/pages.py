"""Runs the commands of a documentation page as they are typed, in order."""

import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sql.embedded import EmbeddedServer
from sql.home import make_home
from sql.programs import find_account
from tests.ports import reserved_port

ROOT = Path(__file__).parents[2]
BIN = Path(sys.prefix) / "bin"

_BLOCK = re.compile(r"^```(console|sql)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Command:
    """One command of a page: a shell line, or a block of SQL."""

    kind: str
    text: str


def commands(page: Path) -> list[Command]:
    """The ``$`` lines of a page's console blocks and its SQL blocks, in order.

    Blocks of SQL that follow each other are one session at psql.
    """
    found: list[Command] = []
    for kind, body in _BLOCK.findall(page.read_text(encoding="utf-8")):
        if kind == "sql":
            before = found.pop().text if found and found[-1].kind == "sql" else ""
            found.append(Command("sql", before + body))
            continue
        joined = body.replace("\\\n", " ")
        found += [Command("console", line[2:]) for line in joined.splitlines() if line[:2] == "$ "]
    return found


class Shell:
    """A person's shell: keeps exported variables, and runs servers in the background.

    They listen on ``port`` instead of 8080, which something else may have.
    ``programs`` stands before the environment's own in PATH.
    """

    def __init__(
        self,
        folder: Path,
        data_dir: Path,
        port: int,
        replacements: dict[str, str],
        programs: Path,
    ) -> None:
        self._folder = folder
        self._replacements = replacements | {"127.0.0.1:8080": f"127.0.0.1:{port}"}
        self._ready = f"http://127.0.0.1:{port}/readyz"
        self._server: subprocess.Popen[bytes] | None = None
        self._environment = {
            name: value for name, value in os.environ.items() if not name.startswith("PALATE_")
        } | {
            "PALATE_DATA_DIR": str(data_dir),
            "PALATE_PORT": str(port),
            "PATH": os.pathsep.join((str(programs), str(BIN), os.environ["PATH"])),
            "COLUMNS": "120",
        }  # fmt: skip

    def run(self, command: Command) -> str:
        """Run one command; fails the test with its output when it does not succeed."""
        text = command.text
        for typed, meant in self._replacements.items():
            text = text.replace(typed, meant)
        if command.kind == "sql":
            script = self._folder / "block.sql"
            script.write_text(text, encoding="utf-8")
            text = f"palate db psql -- -X -v ON_ERROR_STOP=1 -f {script}"
        exported = re.match(r"export (\w+)=(\S+)$", text)
        if exported:
            self._environment[exported[1]] = exported[2].strip("'").replace("~", str(self._folder))
            return ""
        if text.startswith("palate serve"):
            return self._serve(text)
        return self._succeed(text)

    def _succeed(self, text: str) -> str:
        curl = text.startswith("curl ")
        done = subprocess.run(
            ["bash", "-c", text.replace("curl ", "curl --fail-with-body ", 1) if curl else text],
            cwd=self._folder, env=self._environment, capture_output=True, text=True, timeout=800,
        )  # fmt: skip
        assert done.returncode == 0, f"$ {text}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, f"$ {text}\n{done.stderr}"
        return done.stdout

    def _serve(self, text: str) -> str:
        self.stop()
        self._server = subprocess.Popen(
            [BIN / "palate", *text.split()[1:]],
            cwd=self._folder,
            env=self._environment,
            stderr=subprocess.DEVNULL,
        )
        while True:
            try:
                urllib.request.urlopen(self._ready, timeout=120).close()
                return ""
            except OSError:
                assert self._server.poll() is None, f"$ {text} ended"
                time.sleep(0.1)

    def stop(self) -> None:
        """End the server that runs in the background."""
        if self._server is not None:
            self._server.terminate()
            self._server.wait(120)
            self._server = None


@contextmanager
def shell(
    folder: Path,
    replacements: dict[str, str] | None = None,
    like: Path | None = None,
    programs: Path = BIN,
) -> Iterator[Shell]:
    """A shell with a data directory of its own, cleaned up at the end.

    ``like``: a data directory that nothing uses, to begin with a copy of. ``programs``: where
    ``palate`` is looked for first.
    """
    data_dir = folder / "data"
    if like is not None:
        copy_data(like, data_dir)
    with reserved_port() as port:
        opened = Shell(folder, data_dir, port, replacements or {}, programs)
        try:
            yield opened
        finally:
            opened.stop()
            EmbeddedServer.destroy(data_dir)


def copy_data(source: Path, target: Path) -> None:
    """Copy a data directory; the server's files go where its account reaches them."""
    home = make_home(target, find_account())
    for path in (source / "postgres").iterdir():
        subprocess.run(["cp", "-a", path, home], check=True)
    for path in source.iterdir():
        if path.name != "postgres":
            subprocess.run(["cp", "-a", path, target], check=True)
