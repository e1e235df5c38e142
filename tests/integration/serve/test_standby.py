"""A real standby: it searches as the primary does, and says where writes go."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from palate.errors import DatabaseUnavailableError
from palate.settings import Settings
from palate.statements import run_script
from serve.cli.main import main
from sql import embedded
from sql.database import Database
from sql.home import server_url
from sql.migrate import migrate
from sql.programs import find_account, programs_for
from tests.integration.serve.apis import client_of, load_films
from tests.integration.sql.test_replication import another_server

_SLEEPS = b"SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep'"


@pytest.fixture
def servers() -> Iterator[tuple[Database, Database]]:
    """A primary with a few films, and a hot standby made from a base backup of it."""
    account = find_account()
    programs = programs_for(account)
    folder = Path(tempfile.mkdtemp(prefix="palate-"))
    if account.uid is not None:
        shutil.chown(folder, account.uid, account.gid)
    settings = Settings(_env_file=None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(embedded._SETTINGS, "wal_level", "replica")
        patch.setitem(embedded._SETTINGS, "max_wal_senders", "4")
        with another_server() as server, Database(server.url, settings) as primary:
            migrate(primary)
            load_films(primary)
            backup: list[str | Path] = [
                programs / "pg_basebackup",
                "-D",
                folder / "data",
                "-R",
                "-c",
                "fast",
            ]
            from_primary = ["-d", server.url_for("postgres")]
            made = account.run(*backup, *from_primary)
            assert made.returncode == 0, made.stdout
            control: list[str | Path] = [programs / "pg_ctl", "-D", folder / "data"]
            options = f"-c unix_socket_directories={folder}"
            started = account.run(*control, "-w", "-l", folder / "log", "-o", options, "start")
            assert started.returncode == 0, started.stdout
            try:
                with Database(server_url(folder, "palate"), settings) as database:
                    yield primary, database
            finally:
                account.run(*control, "-m", "immediate", "stop")
                shutil.rmtree(folder)


def test_a_standby_searches_and_says_where_writes_go(
    servers: tuple[Database, Database], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    _, standby = servers
    with client_of(standby, standby.settings) as client:
        assert client.get("/readyz").json()["status"] == "ready"
        assert client.get("/v1/search?q=lord&user_id=1").json()["hits"]
        refused = client.put("/v1/users/7/ratings/1", json={"rating": 4})
    assert refused.status_code == 503
    assert "send what writes to the primary" in refused.json()["detail"]
    url = ["--database-url", standby.psql_url]
    assert main([*url, "search", "lord", "--json"]) == 0
    assert '"movie_id"' in capsys.readouterr().out
    file = str(tmp_path / "films")
    assert main([*url, "db", "backup", file]) == 0
    for command in (
        ["user", "rate", "7", "1", "4"],
        ["train", "svd"],
        ["db", "migrate"],
        ["db", "restore", "--replace", "--yes", file],
    ):
        assert main([*url, *command]) == 1
        assert "send what writes to the primary" in capsys.readouterr().err


def test_a_statement_that_is_in_the_way_of_the_replay_is_told_so(
    servers: tuple[Database, Database],
) -> None:
    primary, standby = servers

    def read() -> None:
        with standby.begin(patient=True) as connection:
            run_script(connection, "SELECT pg_sleep(600) FROM movies")

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        with psycopg.connect(standby.psql_url, autocommit=True) as admin:
            admin.execute("ALTER SYSTEM SET max_standby_streaming_delay = 0")
            admin.execute("SELECT pg_reload_conf()")
            while not admin.execute(_SLEEPS).fetchall():
                time.sleep(0.05)
        with primary.begin() as changing:
            run_script(changing, "LOCK TABLE movies IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(DatabaseUnavailableError, match="hot_standby_feedback"):
            reading.result()
