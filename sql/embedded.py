"""The embedded server: PostgreSQL and pgvector from a Python package, run by Palate itself.

All users of one data directory share one server. It starts with the first, is restarted when
it died, and stops when the last one leaves, however that one ends (see ``sql.keeper``). Its
files lie below ``PALATE_DATA_DIR`` (see ``sql.home``).

There is no TCP: whoever may enter the socket's folder is the superuser ``postgres``.
"""

import atexit
import errno
import fcntl
import locale
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import psutil
import psycopg
import sqlalchemy
from sqlalchemy.engine.interfaces import DBAPIConnection

from palate.errors import EmbeddedServerError
from sql import keeper
from sql.home import SOCKET_NAME, make_home, make_socket_dir, server_url, socket_dir
from sql.programs import Account, find_account, programs_for

MAJOR_VERSION = "18"
DATABASE = "palate"

_START_TIMEOUT = 120.0  # crash recovery replays at most a few GB
_LAUNCHES = 2
_LOG_LIMIT = 10_000_000
_POLL = 0.02

_SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "512MB",  # the vectors of 97,000 films and their indexes
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "random_page_cost": "1.1",
    "jit": "off",
    # Parallel plans cost more to start than these searches take, and need a large /dev/shm.
    "max_parallel_workers_per_gather": "0",
    "max_parallel_maintenance_workers": "0",
    "io_method": "sync",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "log_line_prefix": "%m [%p] ",
}
_NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class ServerStatus:
    """What is known of the server of a data directory without starting or joining it."""

    data_dir: Path
    running: bool
    pid: int | None
    in_use: bool
    kept: bool
    url: str | None


class EmbeddedServer:
    """This process's part in the server of one data directory.

    ``durable=False`` is for tests: a crash of the machine may lose or corrupt the data, a crash
    of the server may not. Among several users the one that starts the server decides.
    """

    def __init__(self, data_dir: Path, account: Account, *, durable: bool = True) -> None:
        self.data_dir = data_dir.absolute()
        self.home = make_home(self.data_dir, account)
        self.bin_dir = programs_for(account)
        self._account = account
        self._durable = durable
        self._users_lock: int | None = None
        self._log_start = 0
        self._owner = os.getpid()

    @classmethod
    def start(cls, data_dir: Path, *, durable: bool = True, keep: bool = False) -> Self:
        """Join the server of ``data_dir``, starting and creating it as needed.

        ``keep`` leaves it running without users until ``stop``. Raises EmbeddedServerError.
        """
        with _explained(data_dir):
            server = cls(data_dir, find_account(), durable=durable)
            server._join(keep)
        atexit.register(server.leave)
        return server

    @classmethod
    def status(cls, data_dir: Path) -> ServerStatus:
        """Look at the server of ``data_dir``; nothing is created, started or stopped."""
        home = data_dir.absolute() / "postgres"
        server = keeper.postmaster(home) if home.is_dir() else None
        in_use = False
        if server is not None:
            with _explained(data_dir), keeper.unused(home.resolve()) as alone:
                in_use = not alone
        return ServerStatus(
            data_dir=home.resolve(),
            running=server is not None,
            pid=server.pid if server else None,
            in_use=in_use,
            kept=(home / "keep").exists(),
            url=server_url(socket_dir(home.resolve()), DATABASE) if server else None,
        )

    @classmethod
    def stop(cls, data_dir: Path, *, force: bool = False) -> bool:
        """Stop the server of ``data_dir`` now, or, while it is used, when its last user leaves.

        ``force`` stops it under its users. Returns whether it is down.
        """
        home = (data_dir.absolute() / "postgres").resolve()
        if not home.is_dir():
            return True
        with _explained(data_dir), _looking_after(home):
            (home / "keep").unlink(missing_ok=True)
            if force:
                keeper.stop(home)
            return keeper.stop_if_unused(home)

    @classmethod
    def destroy(cls, data_dir: Path) -> None:
        """Stop the server of ``data_dir`` and delete its files, wherever they lie."""
        cls.stop(data_dir, force=True)
        link = data_dir.absolute() / "postgres"
        with _explained(data_dir):
            if link.is_dir():
                shutil.rmtree(socket_dir(link.resolve()), ignore_errors=True)
                shutil.rmtree(link.resolve())
            if link.is_symlink():
                link.unlink()

    @property
    def url(self) -> str:
        """Address of the database ``palate``, for libpq and SQLAlchemy."""
        return self.url_for(DATABASE)

    def url_for(self, database: str) -> str:
        """Address of another database of this server."""
        return server_url(socket_dir(self.home), database)

    @property
    def pid(self) -> int | None:
        """Process id of the postmaster; None while it is down."""
        server = keeper.postmaster(self.home)
        return server.pid if server else None

    def ensure_running(self) -> None:
        """Start the server again if it died; returns when it answers."""
        with _explained(self.home), _looking_after(self.home):
            self._start_and_wait()

    def revive(self, engine: sqlalchemy.Engine) -> None:
        """From now on a new connection of ``engine`` starts the server again if it died."""

        @sqlalchemy.event.listens_for(engine, "do_connect")
        def connect(
            dialect: sqlalchemy.Dialect,
            _record: object,
            arguments: tuple[str, ...],
            parameters: dict[str, Any],
        ) -> DBAPIConnection:
            try:
                return dialect.connect(*arguments, **parameters)
            except psycopg.OperationalError:
                if self._users_lock is None:
                    raise
                self.ensure_running()
                return dialect.connect(*arguments, **parameters)

    def leave(self) -> None:
        """Stop using the server; the last user stops it. May be called again."""
        if self._users_lock is None:
            return
        os.close(self._users_lock)
        self._users_lock = None
        atexit.unregister(self.leave)
        if os.getpid() == self._owner and self.home.exists():
            self._stop_after_us()

    def _stop_after_us(self) -> None:
        """Stop the unused server; while the keeper does it, wait, for our exit may end it too."""
        if keeper.stop_if_unused(self.home):
            return
        descriptor = keeper.open_lock(self.home, "users.lock")
        try:
            keeper.wait_lock(descriptor, fcntl.LOCK_SH, _START_TIMEOUT)
        finally:
            os.close(descriptor)
        keeper.ensure_keeper(self.home)

    def _join(self, keep: bool) -> None:
        lock = keeper.open_lock(self.home, "users.lock")
        try:
            with _looking_after(self.home):
                if not keeper.wait_lock(lock, fcntl.LOCK_SH, _START_TIMEOUT):
                    raise _busy(self.home)
                if keep:
                    (self.home / "keep").touch()
                keeper.ensure_keeper(self.home)
                self._start_and_wait()
        except BaseException:
            os.close(lock)
            raise
        self._users_lock = lock

    def _start_and_wait(self) -> None:
        launched: psutil.Process | None = None
        launches = 0
        deadline = time.monotonic() + _START_TIMEOUT
        while not self._answers():
            if launched is None or not keeper.serves(launched, self.home / "data"):
                launched = keeper.postmaster(self.home)
            if launched is None:
                if launches == _LAUNCHES or (launches and time.monotonic() > deadline):
                    raise self._failure("It ended while starting.")
                launched = self._launch()
                launches += 1
            if time.monotonic() > deadline:
                raise self._failure(f"It did not answer within {_START_TIMEOUT:.0f} s.")
            time.sleep(_POLL)

    def _answers(self) -> bool:
        if not (socket_dir(self.home) / SOCKET_NAME).exists():
            return False
        try:
            psycopg.connect(self.url, connect_timeout=5).close()
        except psycopg.OperationalError as error:
            if f'database "{DATABASE}" does not exist' in str(error):
                self._create_database()
            return False
        return True

    def _create_database(self) -> None:
        made = Account().run(
            self.bin_dir / "createdb", "--maintenance-db", self.url_for("postgres"), DATABASE
        )
        if made.returncode != 0 and "already exists" not in made.stdout:
            raise self._failure(made.stdout)

    def _launch(self) -> psutil.Process | None:
        """Start a postmaster where there is none; None when it ended at once."""
        keeper.kill_leftovers(self.home)
        data, sockets = self.home / "data", make_socket_dir(self.home, self._account)
        for stale in (data / "postmaster.pid", sockets / SOCKET_NAME):
            stale.unlink(missing_ok=True)
        (sockets / f"{SOCKET_NAME}.lock").unlink(missing_ok=True)
        if not data.exists():
            self._create_cluster(data)
        _check_version(data)
        settings = {**_SETTINGS, "unix_socket_directories": str(sockets)}
        if not self._durable:
            settings |= _NOT_DURABLE
        options = [part for item in settings.items() for part in ("-c", "=".join(item))]
        script = '"$@" >>"$0" 2>&1 </dev/null & echo $!'
        program = self.bin_dir / "postgres"
        started = self._account.run(
            "/bin/sh", "-c", script, self._make_log(), program, "-D", data, *options
        )
        # Until it has entered its folder it is not yet known as the server of it.
        try:
            process = psutil.Process(int(started.stdout))
            keeper.wait_for(
                lambda: keeper.serves(process, data) or not keeper.alive(process),
                _START_TIMEOUT,
            )
        except (ValueError, psutil.Error):
            return None
        return process

    def _create_cluster(self, data: Path) -> None:
        """Run initdb beside its place, then rename: a killed one leaves nothing half-made."""
        for leftover in self.home.glob("data.new-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        # A name of its own, because the initdb of a killed starter may still be writing.
        partial = Path(tempfile.mkdtemp(prefix="data.new-", dir=self.home))
        self._account.own(partial)
        options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--data-checksums"]
        options += [f"--locale={_ctype()}", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        if not self._durable:
            options.append("--no-sync")
        made = self._account.run(self.bin_dir / "initdb", "-D", partial, *options)
        if made.returncode != 0:
            shutil.rmtree(partial, ignore_errors=True)
            raise self._failure(made.stdout)
        partial.rename(data)

    def _make_log(self) -> Path:
        log = self.home / "log"
        if log.exists() and log.stat().st_size > _LOG_LIMIT:
            log.replace(log.with_name("log.old"))
        if not log.exists():
            log.touch(mode=0o600)
            self._account.own(log)
        self._log_start = log.stat().st_size
        return log

    def _failure(self, reason: str) -> EmbeddedServerError:
        """The error for a server that cannot be created or started, with its own last words."""
        log = self.home / "log"
        said = log.read_bytes()[self._log_start :].decode(errors="replace") if log.exists() else ""
        if "No space left on device" in reason + said:
            return _no_space(self.home)
        lines = [line for line in (reason + "\n" + said).splitlines() if line.strip()]
        words = [line for line in lines if "FATAL" in line or "error" in line.lower()]
        return EmbeddedServerError(
            f"The embedded PostgreSQL in {self.home} does not start: "
            f"{(words or lines or ['no reason given'])[-1].strip()} The data is unchanged. "
            f"Its log is {log}; another PALATE_DATA_DIR or PALATE_DATABASE_URL avoids it."
        )


@contextmanager
def _looking_after(home: Path) -> Iterator[None]:
    """Be the only one who starts or stops the server of ``home``."""
    descriptor = keeper.open_lock(home, "start.lock")
    try:
        if not keeper.wait_lock(descriptor, fcntl.LOCK_EX, _START_TIMEOUT):
            raise _busy(home)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _explained(place: Path) -> Iterator[None]:
    """Turn what the file system refuses into an error that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _no_space(place) from error
        raise EmbeddedServerError(
            f"The embedded PostgreSQL cannot use {error.filename or place}: {error.strerror}. "
            "Nothing was started. Make it writable, or set PALATE_DATA_DIR to a folder that is."
        ) from error


def _no_space(place: Path) -> EmbeddedServerError:
    return EmbeddedServerError(
        f"The disk of {place} is full. What was committed is safe, nothing else was changed. "
        "Free some space (an empty database needs 100 MB), or set PALATE_DATA_DIR elsewhere."
    )


def _busy(home: Path) -> EmbeddedServerError:
    return EmbeddedServerError(
        f"Another process has been starting or stopping the PostgreSQL in {home} for "
        f"{_START_TIMEOUT:.0f} s. Nothing was changed. Try again; {home / 'log'} may say more."
    )


def _check_version(data: Path) -> None:
    version = (data / "PG_VERSION").read_text().strip()
    if version != MAJOR_VERSION:
        raise EmbeddedServerError(
            f"{data} was made by PostgreSQL {version}; this Palate brings {MAJOR_VERSION}. The "
            "data is unchanged. Back it up with the Palate that made it (`palate db backup`) and "
            "restore it here, or set PALATE_DATA_DIR to a new folder."
        )


def _ctype() -> str:
    """C.UTF-8 where the system has it: it tells letters beyond ASCII from signs."""
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        return locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
    except locale.Error:
        return "C"
    finally:
        locale.setlocale(locale.LC_CTYPE, before)
