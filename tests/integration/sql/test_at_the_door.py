"""A server that answers and lets nobody in says why; one that does not answer is called that."""

import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from palate.errors import DatabaseUnavailableError
from palate.settings import Settings
from serve.cli.main import main
from sql.address import parse, render
from sql.database import Database
from sql.embedded import EmbeddedServer
from sql.faults import explain
from tests.conftest import name_of


@pytest.fixture
def role(database: Database) -> Iterator[str]:
    """A login of its own, who may do everything that Palate's owner may."""
    role = f"ann_{name_of(database)}"
    with psycopg.connect(database.psql_url, autocommit=True) as admin:
        admin.execute(SQL("CREATE ROLE {} LOGIN IN ROLE palate_owner").format(Identifier(role)))
        yield role
        admin.execute(SQL("DROP ROLE {}").format(Identifier(role)))


def alter(database: Database, role: str, what: str) -> None:
    with psycopg.connect(database.psql_url, autocommit=True) as admin:
        admin.execute(SQL("ALTER ROLE {} {}").format(Identifier(role), SQL(what)))


def as_role(database: Database, role: str, name: str | None = None) -> str:
    return render(parse(database.psql_url).set(username=role, database=name or name_of(database)))


def test_what_a_server_says_at_the_door_is_told_with_what_to_do(
    database: Database, role: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(url: str) -> str:
        assert main(["--database-url", url, "search", "lord"]) == 1
        said = capsys.readouterr().err
        assert len(said.splitlines()) == 1
        assert "does not answer" not in said
        assert "Nothing was done." in said
        return said

    assert "has no such login" in refused(as_role(database, "nobody_of_that_name"))
    assert "CREATE DATABASE" in refused(as_role(database, role, "no_database_of_that_name"))
    alter(database, role, "CONNECTION LIMIT 1")
    with psycopg.connect(as_role(database, role)):
        assert "CONNECTION LIMIT of the role" in refused(as_role(database, role))
    alter(database, role, "CONNECTION LIMIT -1 NOLOGIN")
    assert "CREATE ROLE ... LOGIN" in refused(as_role(database, role))
    with psycopg.connect(database.psql_url, autocommit=True) as admin:
        closed = Identifier(f"closed_{name_of(database)}")
        admin.execute(SQL("CREATE DATABASE {} ALLOW_CONNECTIONS false").format(closed))
        assert "does not let this role into" in refused(
            as_role(database, "postgres", f"closed_{name_of(database)}")
        )
        admin.execute(SQL("DROP DATABASE {}").format(closed))


SAID = {
    'FATAL:  password authentication failed for user "ann"': "PGPASSWORD or .pgpass",
    'FATAL:  no pg_hba.conf entry for host "::1", user "a", database "d", no encryption': "pg_hba",
    "FATAL:  sorry, too many clients already": "max_connections",
    "FATAL:  the database system is starting up": "Try again shortly",
    "FATAL:  the database system is shutting down": "Try again shortly",
    "server does not support SSL, but SSL was required": "Correct sslmode",
    "FATAL:  Datenbank »films« existiert nicht": "answers, and refuses the connection",
}


@pytest.mark.parametrize("said", SAID)
def test_what_other_servers_say_is_known_too(said: str) -> None:
    error = psycopg.OperationalError(f"connection failed: connection to server failed: {said}")
    explained = str(explain(error, "postgresql://ann@host/films"))
    assert SAID[said] in explained
    assert said.removeprefix("FATAL:  ") in explained


def test_a_password_that_is_wrong_is_told(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a server of its own: how logins are checked is one file a server."""
    folder = tmp_path_factory.mktemp("guarded")
    server = EmbeddedServer.start(folder, durable=False)
    try:
        with psycopg.connect(server.url, autocommit=True) as admin:
            admin.execute("CREATE ROLE ann LOGIN PASSWORD 'right'")
            hba = admin.execute("SHOW hba_file").fetchone()
            assert hba is not None
            rules = Path(hba[0])
            ours = "local all ann scram-sha-256\nlocal all eve reject\n"
            rules.write_text(ours + rules.read_text())
            admin.execute("SELECT pg_reload_conf()")
            time.sleep(0.2)
            url = parse(server.url)
            for user, password, told in (
                ("ann", "hunter2", "refuses this user's login"),
                ("ann", None, "refuses this user's login"),
                ("eve", None, "lets nobody in from here"),
            ):
                text = render(url.set(username=user, password=password))
                assert main(["--database-url", text, "search", "lord"]) == 1
                said = capsys.readouterr().err
                assert told in said
                assert "hunter2" not in said
    finally:
        server.leave()
        EmbeddedServer.destroy(folder)


@pytest.mark.parametrize(
    ("limit", "works"),
    [
        ("idle_in_transaction_session_timeout", "SELECT 1"),
        ("transaction_timeout", "SELECT pg_sleep(5)"),
    ],
)
def test_a_limit_of_the_servers_that_ends_a_session_is_named_and_lifted_for_loads(
    database: Database, role: str, settings: Settings, limit: str, works: str
) -> None:
    with database.read() as connection:
        asked = "SELECT count(*) FROM pg_settings WHERE name = %s"
        if not connection.exec_driver_sql(asked, (limit,)).scalar():
            pytest.skip(f"this PostgreSQL has no {limit}")
    alter(database, role, f"SET {limit} = '100ms'")

    def work(limited: Database, *, patient: bool) -> None:
        with limited.begin(patient=patient) as connection:
            connection.exec_driver_sql("SELECT 1")
            time.sleep(0.3)
            connection.exec_driver_sql("SELECT 1" if patient else works)

    with Database(as_role(database, role), settings) as limited:
        # Where the connection is found closed before what the server said is read, that is told.
        told = f"server's {limit}, and was ended|server closed the connection"
        with pytest.raises(DatabaseUnavailableError, match=told):
            work(limited, patient=False)
        work(limited, patient=True)


@pytest.mark.parametrize("code", ["57P05", "25P03", "25P04", "57P01", "57P02"])
def test_each_way_to_end_a_session_has_its_own_sentence(code: str) -> None:
    explained = str(explain(psycopg.errors.lookup(code)("ended"), "its address"))
    assert "What was not committed is undone." in explained


def test_a_session_that_holds_a_lock_is_not_ended_for_being_idle(
    database: Database, role: str, settings: Settings
) -> None:
    alter(database, role, "SET idle_session_timeout = '50ms'")
    with (
        Database(as_role(database, role), settings) as limited,
        limited.read() as connection,
    ):
        connection.exec_driver_sql("SELECT pg_advisory_lock(7)")
        time.sleep(0.3)
        assert connection.exec_driver_sql("SELECT pg_advisory_unlock(7)").scalar() is True


def test_the_limit_of_a_role_does_not_stand_before_ours(
    database: Database, role: str, settings: Settings
) -> None:
    alter(database, role, "SET statement_timeout = '300ms'")
    with (
        Database(as_role(database, role), settings) as limited,
        limited.read() as connection,
    ):
        assert connection.exec_driver_sql("SHOW statement_timeout").scalar() == "10s"
        connection.exec_driver_sql("SELECT pg_sleep(0.5)")


def test_a_limit_that_ends_even_the_first_statement_is_told_from_ours(
    database: Database, settings: Settings
) -> None:
    """Which waits, for as long as the server's own list of functions is locked."""
    parts = parse(database.psql_url)
    url = render(parts.update_query_dict({"options": "-cstatement_timeout=100ms"}))
    with Database(url, settings) as hurried, psycopg.connect(database.psql_url) as admin:
        admin.execute("LOCK TABLE pg_proc IN ACCESS EXCLUSIVE MODE")
        with (
            pytest.raises(DatabaseUnavailableError, match="the server has for this role"),
            hurried.read(),
        ):
            pass
        admin.rollback()
        with hurried.read() as connection:
            assert connection.exec_driver_sql("SHOW statement_timeout").scalar() == "10s"
