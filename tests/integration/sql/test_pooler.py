"""Behind PgBouncer in transaction mode: each transaction in another session of the server."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from palate.errors import MisuseError
from palate.settings import Settings
from palate.statements import Statements, run_script
from serve.doctor import run_checks
from sql.backup import backup
from sql.database import Database
from sql.embedded import EmbeddedServer
from sql.migrate import check_schema, migrate
from sql.programs import find_account
from sql.scratch import scratch_schema
from tests.conftest import name_of
from tests.integration.serve.apis import client_of

STATEMENTS = Statements(Path(__file__).with_name("pooler.sql"))
CONFIG = """
[databases]
* = host={sockets} port=5432 user=postgres
[pgbouncer]
pool_mode = transaction
default_pool_size = 2
max_client_conn = 50
listen_addr =
listen_port = 6432
unix_socket_dir = {folder}
auth_type = any
ignore_startup_parameters = extra_float_digits
logfile = {folder}/log
pidfile = {folder}/pid
"""


@pytest.fixture(scope="module")
def pooler(server: EmbeddedServer) -> Iterator[Path]:
    """The folder of the socket of a pooler with two sessions of the server for each database."""
    program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        pytest.skip("needs pgbouncer: apt-get install pgbouncer")
    account, folder = find_account(), Path(tempfile.mkdtemp(prefix="palate-pooler-"))
    account.own(folder)
    config = folder / "pgbouncer.ini"
    sockets = psycopg.conninfo.conninfo_to_dict(server.url)["host"]
    config.write_text(CONFIG.format(sockets=sockets, folder=folder))
    account.own(config)
    process = subprocess.Popen(
        [program, "--quiet", str(config)], user=account.uid, group=account.gid, cwd="/"
    )
    deadline = time.monotonic() + 30
    while not (folder / ".s.PGSQL.6432").exists():
        assert process.poll() is None, (folder / "log").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield folder
    process.terminate()
    process.wait(30)
    shutil.rmtree(folder)


@pytest.fixture
def address(sample_copy: Database, pooler: Path) -> str:
    """The sample, by way of the pooler, its sessions left as somebody else leaves them."""
    url = f"postgresql://postgres@/{name_of(sample_copy)}?host={pooler}&port=6432"
    with psycopg.connect(url) as one, psycopg.connect(url) as other:
        for stranger in (one, other):  # both are in a transaction: each has a session
            stranger.execute(STATEMENTS.raw("spoil").encode())
    return url


@pytest.fixture
def told(settings: Settings) -> Settings:
    return settings.model_copy(update={"pooler": "transaction"})


def test_searches_and_ratings_work_whatever_sessions_they_get(
    address: str, sample_copy: Database, told: Settings
) -> None:
    paths = [f"/v1/search?q={q}&user_id={u}" for q in ("king", "lord", "aliens") for u in (1, 2)]
    with client_of(sample_copy, sample_copy.settings) as direct:
        expected = [direct.get(path).json()["hits"] for path in paths]

    with Database(address, told) as database, client_of(database, told) as client:

        def ask(number: int) -> object:
            if number % 5 == 4:
                rated = client.put(f"/v1/users/{900 + number}/ratings/1", json={"rating": 4})
                return rated.status_code
            return client.get(paths[number % len(paths)]).json()["hits"]

        with ThreadPoolExecutor(8) as pool:
            for number, answer in enumerate(pool.map(ask, range(200))):
                right = 200 if number % 5 == 4 else expected[number % len(paths)]
                assert answer == right
    with sample_copy.read() as connection:
        counted = connection.execute(STATEMENTS["counted"]).scalar()
    assert counted == 40


def test_nothing_of_ours_stays_in_the_sessions(
    address: str, sample_copy: Database, told: Settings
) -> None:
    with Database(address, told) as database, client_of(database, told) as client:
        for _ in range(20):
            assert client.get("/v1/search?q=king&user_id=1").status_code == 200
    for _ in range(4):
        with psycopg.connect(address) as stranger:
            assert stranger.execute("SHOW search_path").fetchone() == ("shop",)
            assert stranger.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (
                0,
            )


def test_a_migration_a_doctor_and_a_backup_work_behind_it(
    address: str, sample_copy: Database, told: Settings, tmp_path: Path
) -> None:
    with sample_copy.begin() as connection:
        run_script(connection, "UPDATE repeatable_migrations SET checksum = ''")
    with Database(address, told) as database:
        assert "30_search" in migrate(database)
        check_schema(database)
        assert [check for check in run_checks(database, told) if check.status == "fail"] == []
        backup(database, tmp_path / "films.backup")
        with pytest.raises(MisuseError, match="session of its own"), scratch_schema(database):
            pass
    assert (tmp_path / "films.backup").stat().st_size > 0


def test_who_does_not_say_that_there_is_a_pooler_is_told(
    address: str, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    def hurried(number: int) -> None:
        for _ in range(20):
            with database.read() as connection:
                connection.execute(STATEMENTS["parameters"], {"n": number})

    said = ""
    with Database(address, settings) as database, ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(hurried, number) for number in range(6)]:
            with suppress(Exception):
                done.result()
            if isinstance(done.exception(), MisuseError):
                said = str(done.exception())
    assert "PALATE_POOLER=transaction" in said
