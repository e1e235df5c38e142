"""PostgreSQL's client programs: found where a server's version is served, run without secrets
in their arguments."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import sqlalchemy

from palate.errors import EmbeddedServerError
from sql.address import split_secrets
from sql.programs import find_programs

_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")


def find_tool(name: str, server_version: int) -> Path | None:
    """The program of the server's major version, else of the next newer one; None if there is none.

    Looked for in the embedded server's programs, on PATH and where Debian keeps every version.
    """
    versions = {path: _major_version(path) for path in _candidates(name)}
    usable = [path for path, version in versions.items() if version >= server_version]
    return min(usable, key=lambda path: versions[path], default=None)


def run_tool(
    tool: Path, *arguments: str, url: sqlalchemy.URL | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, on a database if given; a password travels in the environment."""
    environment = {**os.environ, "LC_ALL": "C", "PGOPTIONS": "-c statement_timeout=0"}
    command = [str(tool), *arguments]
    if url is not None:
        address, secrets = split_secrets(url)
        environment |= secrets
        command += ["--no-password", f"--dbname={address}"]
    return subprocess.run(  # noqa: S603
        command,
        check=False,
        env=environment,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
    )


@contextmanager
def open_tool(tool: Path, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A program that runs while its output is read; ended with the context."""
    with tempfile.TemporaryFile() as said:
        program = subprocess.Popen(  # noqa: S603
            [tool, *arguments],
            env={**os.environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
        )
        try:
            yield program
        finally:
            program.kill()
            program.communicate()


def _candidates(name: str) -> Iterator[Path]:
    with suppress(EmbeddedServerError):  # where it is not installed, the system's remain
        yield find_programs() / name
    if found := shutil.which(name):
        yield Path(found)
    yield from sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))


def _major_version(tool: Path) -> int:
    """0 for what does not run or is no PostgreSQL program."""
    try:
        said = subprocess.run(  # noqa: S603
            [tool, "--version"], check=False, capture_output=True, text=True
        ).stdout
    except OSError:
        return 0
    match = _VERSION.search(said)
    return int(match[1]) if match else 0
