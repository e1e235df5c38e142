"""psql on a database, with the password in the environment only."""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from palate.errors import EmbeddedServerError
from serve.k8s.forward import LOOPBACK
from serve.k8s.release import Login
from sql.programs import find_programs

# What the person has set for other databases must not lead this connection elsewhere.
_ELSEWHERE = {
    *("PGHOST", "PGHOSTADDR", "PGPORT", "PGUSER", "PGDATABASE", "PGPASSWORD", "PGPASSFILE"),
    *("PGSERVICE", "PGSERVICEFILE", "PGSSLMODE", "PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY"),
    *("PGREQUIREAUTH", "PGCHANNELBINDING", "PGTARGETSESSIONATTRS", "PGSSLNEGOTIATION"),
}


def find_psql() -> Path | None:
    """psql as installed, else as the embedded server brings it; None where there is none."""
    if found := shutil.which("psql"):
        return Path(found)
    with suppress(EmbeddedServerError):
        embedded = find_programs() / "psql"
        return embedded if embedded.exists() else None
    return None


def read_arguments(given: Sequence[str]) -> list[str]:
    """What psql is handed: what was typed; a statement alone becomes ``-c``."""
    alone = len(given) == 1 and " " in given[0].strip() and not given[0].startswith("-")
    return ["-c", *given] if alone else [*given]


def run_psql(program: Path, arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run psql to its end, with these arguments, and return its exit code."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is psql's
    try:
        return subprocess.run([program, *arguments], env=environment, check=False).returncode  # noqa: S603
    finally:
        signal.signal(signal.SIGINT, before)


def environment_of(login: Login, port: int) -> dict[str, str]:
    """This process's environment, with the database's address, role and password."""
    kept = {name: value for name, value in os.environ.items() if name not in _ELSEWHERE}
    if login.role is not None:
        kept["PGOPTIONS"] = f"{kept.get('PGOPTIONS', '')} -c role={login.role}".strip()
    return kept | {
        "PGHOST": LOOPBACK,
        "PGPORT": str(port),
        "PGUSER": login.user,
        "PGDATABASE": login.database,
        "PGPASSWORD": login.password,
    }
