"""What others have made to stand on Palate's objects is never lost, and what a restore would take
from them is told first."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from palate.errors import BackupError, ConflictError
from palate.statements import Statements, raw, run_script
from sql.backup import backup, restore
from sql.database import Database
from sql.room import additions
from sql.scratch import scratch_schema

HERE = Path(__file__).parent
FILMS = (HERE / "backup_films.sql").read_text(encoding="utf-8")
STATEMENTS = Statements(HERE / "standing.sql")


def execute(database: Database, script: str) -> None:
    with database.begin() as connection:
        run_script(connection, script)


def fetch(database: Database, query: str) -> list[Any]:
    with database.read() as connection:
        return raw(connection).execute(query.encode()).fetchall()


def test_a_restore_is_refused_whatever_stands_on_our_objects(
    database: Database, tmp_path: Path
) -> None:
    made = backup(database, tmp_path / "films", "csv")
    execute(database, STATEMENTS.raw("make"))
    with pytest.raises(ConflictError) as told:
        restore(database, made.path, replace=True)
    named = str(told.value).partition("Palate's: ")[2].partition(". The database")[0].split(", ")
    assert sorted(named) == sorted(STATEMENTS.raw("told").removeprefix("-- ").split("\n-- "))
    assert fetch(database, "SELECT note, to_json(h)::text FROM shop.loans, shop.hist") == [
        ("theirs", '"all words"')
    ]
    execute(database, "DROP SCHEMA shop CASCADE")
    restore(database, made.path, replace=True)


def test_what_stands_on_a_scratch_schema_outlives_it(database: Database) -> None:
    """As when somebody's transaction commits between the look and the drop."""
    with scratch_schema(database) as schema:
        execute(
            database,
            f"""
            CREATE TABLE {schema}.kept (note text);
            CREATE TABLE {schema}.dropped (note text);
            CREATE FUNCTION {schema}.used() RETURNS integer LANGUAGE sql AS 'SELECT 1';
            CREATE TABLE public.theirs () INHERITS ({schema}.kept);
            INSERT INTO public.theirs VALUES ('theirs');
            """,
        )
    left = f"SELECT relname::text FROM pg_class WHERE relnamespace = to_regnamespace('{schema}')"
    assert fetch(database, left) == [("kept",)]
    assert fetch(database, "SELECT note FROM public.theirs") == [("theirs",)]
    execute(database, "DROP TABLE public.theirs")
    with scratch_schema(database):
        pass  # the next one clears up
    assert fetch(database, left) == []


@pytest.fixture
def dba(database: Database) -> Iterator[Database]:
    """A database to whose tables a DBA has added."""
    execute(database, FILMS)
    execute(database, "CREATE ROLE somebody_else")
    execute(database, STATEMENTS.raw("put_on"))
    yield database
    execute(database, "DROP OWNED BY somebody_else; DROP ROLE somebody_else")


def put_on(database: Database) -> set[str]:
    with database.read() as connection:
        return {one.statement for one in additions(connection, "palate")}


def test_what_a_dba_put_on_our_tables_is_on_the_restored_ones(
    dba: Database, tmp_path: Path
) -> None:
    before = put_on(dba)
    assert len(before) > 60
    for made in (backup(dba, tmp_path / "dump", "dump"), backup(dba, tmp_path / "csv", "csv")):
        restore(dba, made.path, replace=True)
        assert put_on(dba) == before
    published = "SELECT tablename::text, attnames::text[] FROM pg_publication_tables ORDER BY 1"
    assert [name for name, _ in fetch(dba, published)] == ["movies", "ratings", "users"]
    assert fetch(dba, published)[0][1] == ["movie_id", "title"]
    assert fetch(dba, "SELECT has_table_privilege('somebody_else', 'palate.movies', 'SELECT')") == [
        (True,)
    ]


@pytest.mark.parametrize("former", [False, True])
def test_a_column_of_somebody_elses_keeps_a_restore_from_losing_it(
    database: Database, tmp_path: Path, former: bool
) -> None:
    made = backup(database, tmp_path / "films", "csv")
    execute(database, "ALTER TABLE movies ADD COLUMN shelf text")
    if former:  # as an earlier version left it
        execute(database, "UPDATE repeatable_migrations SET checksum = ''")
    with pytest.raises(ConflictError, match=r"palate\.movies\.shelf"):
        restore(database, made.path, replace=True)
    assert fetch(database, "SELECT count(shelf) FROM movies") == [(0,)]


def test_what_the_database_refuses_is_not_told_of_the_file(
    database: Database, tmp_path: Path
) -> None:
    made = backup(database, tmp_path / "films", "csv")
    execute(database, STATEMENTS.raw("freeze"))
    with pytest.raises(BackupError, match=r"of the database: no new tables .* the same file"):
        restore(database, made.path, replace=True)
    execute(database, "DROP EVENT TRIGGER frozen")
    restore(database, made.path, replace=True)


def test_a_materialized_view_of_a_search_goes_as_the_page_says(
    database: Database, tmp_path: Path
) -> None:
    execute(database, FILMS)
    page = (HERE.parents[2] / "docs" / "sql.md").read_text(encoding="utf-8")
    script = page.partition("CREATE FUNCTION public.found")[2].partition("DROP MATERIALIZED")[0]
    with psycopg.connect(database.psql_url) as plain:  # without a search_path
        plain.execute(f"CREATE FUNCTION public.found{script}".encode())
    (before,) = fetch(database, "SELECT count(*) FROM public.lords")
    assert before[0] > 3
    restore(database, backup(database, tmp_path / "films", "csv").path, replace=True)
    with psycopg.connect(database.psql_url) as plain:
        plain.execute("REFRESH MATERIALIZED VIEW public.lords")
    assert fetch(database, "SELECT count(*) FROM public.lords") == [before]
