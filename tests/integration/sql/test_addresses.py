"""Addresses in every form that libpq reads, on a real server, and shown without what is secret."""

import re
import string
from urllib.parse import quote

import psycopg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from palate.errors import MisuseError, SchemaError
from palate.settings import Settings
from serve.cli.main import main
from serve.doctor import run_checks
from sql.address import SECRETS, parse, parts_of, render, show, split_secrets
from sql.client_tools import find_tool, run_tool
from sql.database import Database
from sql.embedded import EmbeddedServer
from sql.migrate import migrate
from tests.conftest import name_of

FORMS = {
    "socket as host": "postgresql://{user}@{host}:5432/{name}",
    "socket in the query": "postgres://{user}@/{name}?host={host}",
    "several servers": "postgresql://{user}@127.0.0.1:1,{host}:5432/{name}"
    "?target_session_attrs=read-write",
    "name=value": "host='{folder}' dbname={name} user={user} options='-c work_mem=5MB'",
    "of SQLAlchemy": "postgresql+psycopg://{user}@/{name}?host={host}",
}
LETTERS = st.text(string.ascii_letters + string.digits + "@:/?#%&=+ 'é", min_size=1, max_size=12)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_an_address_reaches_the_server(
    database: Database, settings: Settings, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, user = (parts_of(database.url)[name] for name in ("host", "user"))
    host, name = quote(folder, safe=""), name_of(database)
    text = FORMS[form].format(folder=folder, host=host, name=name, user=user)
    with Database(text, settings) as same, same.read() as connection:
        found = connection.exec_driver_sql("SELECT current_database()").scalar_one()
        assert found == name_of(database)
        with psycopg.connect(same.psql_url) as another:
            assert another.info.dbname == found
    assert main(["--database-url", text, "db", "status"]) == 0
    assert "postgresql://" in capsys.readouterr().out


def test_what_the_address_does_not_say_libpqs_variables_do(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = parts_of(database.url)
    monkeypatch.setenv("PGHOST", parts["host"])
    monkeypatch.setenv("PGUSER", parts["user"])
    monkeypatch.setenv("PGAPPNAME", "the films")
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    with Database(f"dbname={name_of(database)}", settings) as same, same.read() as connection:
        found = connection.exec_driver_sql("SELECT current_setting('application_name'), 'é'").one()
    assert tuple(found) == ("the films", "é")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nonsense", "cannot be read"),
        ("mysql://ann:hunter2@host/films", "names 'mysql'"),
        ("postgresql://ann:hunter2@host/films?bogus=1", "a parameter that libpq does not know"),
        ("host=h password=hunter2 bogus=1", "a parameter that libpq does not know"),
        ("host=h password=my hunter2", "cannot be read"),
        ("postgresql://ann:pass@hunter2@host/films", "an @ too many"),
        ("postgresql://ann:pass/hunter2@host/films", "an @ too many, or a /"),
        ("postgresql://ann:hunter2", "no host and port"),
    ],
)
def test_what_is_no_address_says_which_forms_there_are_and_nothing_of_it(
    text: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--database-url", text, "search", "lord"]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert "Nothing was done. It looks like postgresql://" in said
    assert "hunter2" not in said


@given(password=LETTERS, other=LETTERS)
@example(password="heim@x#y", other="a+b c")
def test_no_secret_is_shown_however_it_is_written(password: str, other: str) -> None:
    """Marked so that any part of one would be noticed."""
    marked = "".join(f"§{letter}" for letter in password)
    quoted = quote(marked, safe="")
    texts = [f"postgresql://ann:{quoted}@host/films?sslpassword={quote(other + '§', safe='')}"]
    texts += [f"postgresql://ann@h1:1,h2:2/films?{name}={quoted}" for name in sorted(SECRETS)]
    texts += [make_conninfo(host="host", user="ann", **{name: marked}) for name in sorted(SECRETS)]
    for text in texts:
        url = parse(text)
        assert parse(render(url)) == url
        assert marked in parts_of(url).values()
        arguments, environment = split_secrets(url)
        assert not re.search("§|%C2%A7|%c2%a7", show(url) + arguments)
        assert set(environment.values()) <= {marked}
    for raw in (f"postgresql://ann:{marked}@host/films", f"host=h password={marked} user=ann"):
        try:
            said = show(parse(raw))
        except MisuseError as error:
            said = str(error)
        assert not re.search("§|%C2%A7|%c2%a7", said)


def test_a_server_that_is_away_is_named_without_its_password(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = (["search", "lord"], ["doctor"], ["db", "status"], ["db", "status", "--json"])
    for text in (
        "postgresql://ann@127.0.0.1:1/films?password=topsecret1&sslpassword=topsecret1",
        "postgresql://ann:topsecret1@127.0.0.1:1/films",
        "host=127.0.0.1 port=1 dbname=films password=topsecret1",
    ):
        for command in commands:
            assert main(["--database-url", text, *command]) == 1
        said = capsys.readouterr()
        assert "127.0.0.1:1/films" in said.out + said.err
        assert "topsecret1" not in said.out + said.err


def test_programs_of_postgresql_get_the_same_address(database: Database) -> None:
    tool = find_tool("psql", 15)
    if tool is None:
        pytest.skip("needs psql: apt-get install postgresql-client")
    asked = run_tool(tool, "-Atc", "SELECT current_database()", url=database.url)
    assert asked.stdout.strip() == name_of(database), asked.stderr


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_of_another_encoding_is_refused_with_the_statement_that_makes_one(
    server: EmbeddedServer,
    settings: Settings,
    encoding: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = Identifier(f"films_{encoding.lower()}")
    with psycopg.connect(server.url_for("postgres"), autocommit=True) as admin:
        made = SQL("CREATE DATABASE {} ENCODING {} LOCALE 'C' TEMPLATE template0")
        admin.execute(made.format(name, encoding))
        try:
            url = server.url_for(f"films_{encoding.lower()}")
            with Database(url, settings) as database:
                with pytest.raises(SchemaError, match=f"UTF8 database; this one is {encoding}"):
                    migrate(database)
                checks = {check.name: check for check in run_checks(database, settings)}
                assert (checks["server"].status, "schema" in checks) == ("fail", False)
                assert "ENCODING 'UTF8' TEMPLATE template0" in checks["server"].detail
            for command in (["search", "lord"], ["db", "migrate"], ["doctor"]):
                assert main(["--database-url", url, *command]) == 1
                said = capsys.readouterr()
                assert f"this one is {encoding}" in said.out + said.err
        finally:
            admin.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(name))
