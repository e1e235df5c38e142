"""What PostgreSQL refuses has a message of its own, the same at the command line and over HTTP."""

import errno
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from palate.settings import Settings
from palate.statements import Statements, run_script
from serve.cli.main import main
from sql.database import Database
from sql.programs import find_account
from tests.integration.serve.apis import client_of, load_films

STATEMENTS = Statements(Path(__file__).with_name("refusals.sql"))

REFUSALS = {
    "insufficient_privilege": (500, "palate_app"),
    "read_only_sql_transaction": (503, "standby"),
    "disk_full": (503, "Make room"),
    "deadlock_detected": (503, "waited for each other"),
    "serialization_failure": (503, "changed the same rows first"),
    "lock_not_available": (503, "locked by another transaction"),
}


@pytest.mark.parametrize("condition", REFUSALS)
def test_a_refusal_says_what_to_do_in_the_same_words_everywhere(
    database: Database, settings: Settings, condition: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """PostgreSQL itself raises each, from a trigger on the table that is written."""
    load_films(database)
    with database.begin() as connection:
        run_script(connection, STATEMENTS.raw("refuse").replace("the_condition", condition))
    status, said = REFUSALS[condition]

    with client_of(database, settings) as client:
        answer = client.put("/v1/users/7/ratings/1", json={"rating": 4})
    code = main(["--database-url", database.psql_url, "user", "rate", "7", "1", "4"])

    detail = answer.json()["detail"]
    assert (answer.status_code, code) == (status, 1), answer.text
    assert said in detail
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith(f"palate: {detail} PostgreSQL said: refused by a test")
    assert "by a test" not in answer.text, "the server's own words stay in the log"


def test_a_database_that_only_reads_still_searches_and_says_so_when_written_to(
    database: Database, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    load_films(database)
    url = f"{database.psql_url}&options=-cdefault_transaction_read_only%3Don"
    with Database(url, settings) as standby, client_of(standby, settings) as client:
        assert client.get("/v1/search?q=lord").json()["hits"]
        assert client.put("/v1/users/7/ratings/1", json={"rating": 4}).status_code == 503
    assert main(["--database-url", url, "user", "rate", "7", "1", "4"]) == 1
    assert "send what writes to the primary" in capsys.readouterr().err


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk of a megabyte that the server may write to."""
    folder = Path(tempfile.mkdtemp(prefix="palate-"))
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, check=False).returncode:
        folder.rmdir()
        pytest.skip("a small disk cannot be mounted here")
    try:
        account = find_account()
        if account.uid is not None:
            shutil.chown(folder, account.uid, account.gid)
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)
        folder.rmdir()


def test_a_disk_that_is_full_is_called_that_and_loses_nothing(
    database: Database, settings: Settings, small_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    load_films(database)
    rate = ["--database-url", database.psql_url, "user", "rate", "7", "1", "4"]
    with psycopg.connect(database.psql_url, autocommit=True) as admin:
        admin.execute(f"CREATE TABLESPACE small LOCATION '{small_disk}'".encode())
        admin.execute("TRUNCATE palate.ratings")
        admin.execute("ALTER TABLE palate.ratings SET TABLESPACE small")
        try:
            with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
                (small_disk / "other").write_bytes(bytes(2_000_000))
            with client_of(database, settings) as client:
                refused = client.put("/v1/users/7/ratings/1", json={"rating": 4})
                assert (refused.status_code, refused.json()["title"]) == (503, "Disk full")
                assert client.get("/v1/search?q=lord").json()["hits"]
                assert main(rate) == 1
                assert "Make room on the server" in capsys.readouterr().err
                (small_disk / "other").unlink()
                assert main(rate) == 0
        finally:
            admin.execute("ALTER TABLE palate.ratings SET TABLESPACE pg_default")
            admin.execute("DROP TABLESPACE small")


@pytest.fixture(params=["HTTP", "command line"])
def rate(
    request: pytest.FixtureRequest, database: Database, settings: Settings
) -> Iterator[Callable[[int], bool]]:
    """Rates a film as user 7, and says whether that was done."""
    load_films(database)
    line = ["--database-url", database.psql_url, "user", "rate", "7"]
    with client_of(database, settings) as client:
        yield {
            "HTTP": lambda film: (
                client.put(f"/v1/users/7/ratings/{film}", json={"rating": 4}).is_success
            ),
            "command line": lambda film: main([*line, str(film), "4"]) == 0,
        }[request.param]


@contextmanager
def meanwhile(database: Database, work: Callable[[], bool]) -> Iterator[None]:
    """Once the work waits for a lock, what follows; then it has to be done."""
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(work)
        with psycopg.connect(database.psql_url, autocommit=True) as admin:
            while not admin.execute(STATEMENTS.raw("waiting").encode()).fetchall():
                assert not working.done()
                time.sleep(0.05)
        yield
        assert working.result()


def test_of_two_writers_who_wait_for_each_other_the_one_that_is_ended_begins_again(
    database: Database, rate: Callable[[int], bool]
) -> None:
    rating = "INSERT INTO palate.ratings (user_id, movie_id, rating) VALUES (7, 1, 2)"
    assert rate(2)
    with psycopg.connect(database.psql_url) as other:
        other.execute("SET deadlock_timeout = '10min'")  # so that it is Palate that is ended
        other.execute("SELECT FROM palate.users WHERE user_id = 7 FOR UPDATE")
        with meanwhile(database, lambda: rate(1)):
            other.execute(rating.encode())  # waits for the rating, which waits for the user's row
            other.commit()
        kept = other.execute("SELECT rating FROM palate.ratings WHERE (user_id, movie_id) = (7, 1)")
        assert kept.fetchall() == [(4,)]


def test_who_lost_a_row_to_another_writer_begins_again(
    database: Database, rate: Callable[[int], bool]
) -> None:
    """A real serialization failure: the row is in another partition than when it was waited for."""
    with database.begin() as connection:
        run_script(connection, STATEMENTS.raw("another_partition"))
    with psycopg.connect(database.psql_url) as other:
        other.execute("UPDATE palate.counted SET part = 2")
        with meanwhile(database, lambda: rate(1)):
            other.commit()
        assert other.execute("SELECT ratings FROM palate.counted").fetchall() == [(1,)]


def test_a_statement_that_somebody_cancels_is_told_from_one_that_took_too_long(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    load_films(database)
    with psycopg.connect(database.psql_url, autocommit=True) as admin, database.begin() as holder:
        run_script(holder, "LOCK TABLE palate.ratings IN ACCESS EXCLUSIVE MODE")
        ended: list[int] = []
        arguments = ["--database-url", database.psql_url, "user", "rate", "7", "1", "4"]
        rater = threading.Thread(target=lambda: ended.append(main(arguments)))
        rater.start()
        while not admin.execute(STATEMENTS.raw("cancel_waiting").encode()).fetchall():
            time.sleep(0.05)
        rater.join()
    assert ended == [1]
    assert "Somebody cancelled the statement" in capsys.readouterr().err


def test_a_search_in_an_older_or_newer_schema_says_which(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    load_films(database)
    search = ["--database-url", database.psql_url, "search", "lord"]
    with database.begin() as connection:
        run_script(connection, "ALTER FUNCTION search_context RENAME TO other")  # as later
        run_script(connection, "UPDATE repeatable_migrations SET checksum = 'of another version'")
    assert main(search) == 1
    assert "The schema is older than this Palate" in capsys.readouterr().err
    with database.begin() as connection:
        run_script(connection, "UPDATE schema_version SET version_num = '9999'")
    assert main(search) == 1
    assert "migrated by a newer one" in capsys.readouterr().err
