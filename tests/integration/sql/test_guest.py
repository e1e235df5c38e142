"""Palate in a database that others use too: what is theirs stays as it was."""

import gzip
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from palate.errors import (
    BackupError,
    BusyError,
    ConflictError,
    PrivilegeError,
    SchemaError,
)
from palate.settings import Settings
from palate.statements import Statements, raw, run_script
from serve.doctor import run_checks
from sql.backup import Kind, backup, restore
from sql.client_tools import run_tool
from sql.database import Database
from sql.embedded import EmbeddedServer
from sql.migrate import check_schema, migrate
from sql.objects import find_own, former_names, names
from sql.room import lacking
from sql.scratch import ScratchError, scratch
from tests.conftest import cloned
from tests.integration.sql.fetched import fetch

HERE = Path(__file__).parent
FILMS = (HERE / "backup_films.sql").read_text(encoding="utf-8")
IN_PUBLIC = gzip.decompress((HERE / "installed_in_public.sql.gz").read_bytes()).decode()
"""The schema of the last version that lived in `public`, as pg_dump wrote it."""

STATEMENTS = Statements(HERE / "guest.sql")
FILM = "(to_jsonb(m) - '{item_id,added_at,own}'::text[])::text"  # none of these at first
TASTE = "user_id, profile, rating_count, synthetic, embedding IS NOT NULL, created_at"
"""What a later version's weights do not change."""

ONE_RATING = "INSERT INTO ratings (user_id, movie_id, rating) VALUES (77, 1, 5)"


@pytest.fixture
def shared(server: EmbeddedServer, settings: Settings) -> Iterator[Database]:
    """A database in which another application lives, in `public` and in a schema of its own."""
    with cloned(server, settings, None) as database:
        with database.begin() as connection:
            connection.exec_driver_sql("CREATE EXTENSION vector SCHEMA public")
            run_script(connection, STATEMENTS.raw("neighbours"))
        yield database


@pytest.fixture
def staying(settings: Settings) -> Settings:
    """Of who wants Palate to stay in `public`."""
    return settings.model_copy(update={"schema_name": "public"})


def neighbours(database: Database) -> list[Any]:
    """Everything that is the neighbours': oids, owners, grants, definitions and rows."""
    with database.read() as connection:
        found = raw(connection).execute(STATEMENTS.raw("belongings").encode()).fetchall()
    assert {row[0] for row in found} >= {"table", "function", "rows", "schema", "role setting"}
    return found


def install_in_public(database: Database) -> None:
    """An installation of an earlier version, with films and ratings."""
    with database.begin() as connection:
        run_script(connection, IN_PUBLIC)
        run_script(connection, "SET LOCAL search_path = public")
        run_script(connection, FILMS)
    database.engine.dispose()  # pg_dump's script empties the session's search_path


def left_in(database: Database, schema: str) -> list[str]:
    with database.read() as connection:
        return [str(own) for own in find_own(connection, schema)]


def test_a_migration_leaves_what_is_the_neighbours_as_it_was(shared: Database) -> None:
    before = neighbours(shared)
    migrate(shared)
    assert neighbours(shared) == before
    with shared.begin() as connection:
        run_script(connection, "UPDATE repeatable_migrations SET checksum = ''")
    migrate(shared)
    assert neighbours(shared) == before
    assert left_in(shared, "public") == []


def test_in_one_schema_with_neighbours_only_our_objects_are_owned_and_granted(
    shared: Database, staying: Settings
) -> None:
    before = neighbours(shared)
    with Database(shared.psql_url, staying) as database:
        migrate(database)
        assert neighbours(database) == before
        assert len(left_in(database, "public")) > 80
        owners = fetch(database, STATEMENTS.raw("owners"))
    assert ("movies", "palate_owner") in owners
    assert ("diary", "palate_owner") not in owners


def test_everything_that_a_migration_makes_is_known_by_name(database: Database) -> None:
    with database.read() as connection:
        own = {str(one) for one in find_own(connection, "palate")}
        made = {
            f"{kind} {name}"
            for kind, name in raw(connection).execute(STATEMENTS.raw("everything").encode())
        }
    assert made - own == set(), "a script makes it, but sql/objects.py does not find it"
    assert own - made == set()
    assert not set(names()) & set(former_names())


@pytest.mark.parametrize("shadow", ["TABLE", "VIEW"])
def test_temporary_objects_of_our_names_change_nothing(sample_copy: Database, shadow: str) -> None:
    """One of each of our tables, in the session that searches, rates, counts and activates."""
    query = "SELECT movie_id, score FROM search('lord', for_user => 4712)"
    act = STATEMENTS.raw("act")
    changing = sample_copy.engine.execution_options(isolation_level="READ COMMITTED")
    with changing.connect() as connection:
        plain = raw(connection)
        plain.execute(act.encode())
        expected = plain.execute(query.encode()).fetchall()
        plain.rollback()
        shadowed = 0
        for own in find_own(connection, "palate"):
            if own.kind in ("TABLE", "MATERIALIZED VIEW", "SEQUENCE"):
                name = own.name.partition(".")[2]
                body = "AS SELECT 1 AS nothing"
                plain.execute(f"CREATE TEMP {shadow} {name} {body}".encode())
                shadowed += 1
        assert shadowed > 15
        plain.execute(act.encode())
        assert plain.execute(query.encode()).fetchall() == expected
        assert expected
        plain.rollback()


def test_every_function_finds_what_it_names_from_any_search_path(sample_copy: Database) -> None:
    loose = fetch(sample_copy, STATEMENTS.raw("unpinned"))
    assert loose == [], "give these SET search_path FROM CURRENT, or a body of BEGIN ATOMIC"
    calls = (
        "search('title:matr* OR lord', for_user => 1)",
        "search(palate.parse_query('king'), for_user => 1)",
        "explain_search('king', for_user => 1, k => 2)",
        "recommend(1)",
        "similar(1, for_user => 1)",
        "suggest_titles('the lo')",
        "preferences(1)",
        "compare(ARRAY[1, 2])",
    )
    with psycopg.connect(sample_copy.psql_url) as plain:
        for call in calls:
            expected = fetch(sample_copy, f"SELECT t::text FROM {call} t")
            plain.execute("SET search_path = ''")
            found = plain.execute(f"SELECT t::text FROM palate.{call} t".encode()).fetchall()
            assert found == expected != [], call


def test_an_installation_in_public_moves_with_its_data(shared: Database) -> None:
    install_in_public(shared)
    before = neighbours(shared)
    rows = fetch(shared, f"SELECT {FILM} FROM public.movies m ORDER BY movie_id")
    taste = fetch(shared, f"SELECT {TASTE} FROM public.users ORDER BY 1")
    with pytest.raises(SchemaError, match="palate db migrate"):
        check_schema(shared)
    said = {check.name: check for check in run_checks(shared, shared.settings)}["schema"]
    assert (said.status, said.detail[:9]) == ("fail", "in public")
    assert "PALATE_SCHEMA=public" in said.advice

    assert "public -> palate" in migrate(shared)

    check_schema(shared)
    assert left_in(shared, "public") == []
    assert neighbours(shared) == before
    assert fetch(shared, f"SELECT {FILM} FROM palate.movies m ORDER BY movie_id") == rows
    assert fetch(shared, f"SELECT {TASTE} FROM palate.users ORDER BY 1") == taste
    assert len(fetch(shared, "SELECT movie_id FROM search('lord', for_user => 1)")) == 10
    with shared.begin() as connection:
        run_script(connection, ONE_RATING)
    assert fetch(shared, "SELECT rating_count FROM users WHERE user_id = 77") == [(1,)]
    assert migrate(shared) == []


def test_an_installation_in_public_stays_when_told(shared: Database, staying: Settings) -> None:
    install_in_public(shared)
    before = neighbours(shared)
    with Database(shared.psql_url, staying) as database:
        assert "public -> palate" not in migrate(database)
        check_schema(database)
        assert neighbours(database) == before
        assert len(fetch(database, "SELECT movie_id FROM search('lord', for_user => 1)")) == 10
    assert fetch(shared, "SELECT to_regnamespace('palate')") == [(None,)]


def test_two_palates_live_in_one_database(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    """The second, called by a reserved word, takes nothing from the first."""
    migrate(database)
    before = fetch(database, STATEMENTS.raw("role_paths"))
    assert len(before) >= 3
    second = settings.model_copy(update={"schema_name": "select"})
    with Database(database.psql_url, second) as other:
        migrate(other)
        with other.begin() as connection:
            run_script(connection, FILMS)
        restore(other, backup(other, tmp_path / "other").path, replace=True)
        assert fetch(other, "SELECT movie_id FROM search('lord')")
    assert fetch(database, STATEMENTS.raw("role_paths")) == before
    assert fetch(database, "SELECT count(*) FROM movies") == [(0,)]
    check_schema(database)


def test_a_member_of_our_roles_finds_search_at_psql(
    sample_copy: Database, server: EmbeddedServer
) -> None:
    assert sample_copy.url.database is not None
    with psycopg.connect(server.url_for("postgres"), autocommit=True) as admin:
        admin.execute(
            f"ALTER DATABASE {sample_copy.url.database} RESET search_path".encode()
        )  # as in a database of somebody else's
    settings = fetch(sample_copy, STATEMENTS.raw("role_paths"))
    assert settings == [], "a copy of a database has no settings of roles"
    migrate(sample_copy)
    paths = dict(fetch(sample_copy, STATEMENTS.raw("role_paths")))
    assert paths == dict.fromkeys(
        ("palate_app", "palate_owner", "palate_read"), "search_path=palate, public, pg_temp"
    )


@pytest.mark.parametrize("schema", ["palate", "public"])
@pytest.mark.parametrize("kind", ["dump", "csv"])
def test_a_backup_holds_our_rows_and_a_restore_leaves_the_neighbours_alone(
    shared: Database, settings: Settings, tmp_path: Path, schema: str, kind: Kind
) -> None:
    told = settings.model_copy(update={"schema_name": schema})
    with Database(shared.psql_url, told) as database:
        migrate(database)
        with database.begin() as connection:
            run_script(connection, FILMS)
        taste = "SELECT user_id, embedding::text FROM users ORDER BY 1"
        before, kept = fetch(database, taste), neighbours(database)
        made = backup(database, tmp_path / "films", kind)
        assert neighbours(database) == kept
        with database.begin() as connection:
            run_script(connection, "DELETE FROM ratings; UPDATE public.diary SET line = 'new'")
        kept = neighbours(database)

        restore(database, made.path, replace=True)

        assert fetch(database, taste) == before
        assert neighbours(database) == kept, "theirs is not rolled back"
        assert migrate(database) == []
        with database.begin() as connection:
            run_script(connection, ONE_RATING)
        assert fetch(database, "SELECT rating_count FROM users WHERE user_id = 77") == [(1,)]
        assert ("movies", "palate_owner") in fetch(database, STATEMENTS.raw("owners_in_path"))
    assert fetch(shared, STATEMENTS.raw("scratch_schemas")) == []


def test_a_file_without_the_rows_is_no_backup(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when pg_dump looks where our tables are not."""
    with database.begin() as connection:
        run_script(connection, FILMS)

    def elsewhere(tool: Path, *arguments: str, **options: Any) -> Any:
        return run_tool(tool, *arguments, "--exclude-table-data=palate.ratings", **options)

    monkeypatch.setattr("sql.backup_files.run_tool", elsewhere)
    with pytest.raises(BackupError, match="0 of the 48 rows of ratings, so it is no backup"):
        backup(database, tmp_path / "films", "dump")
    assert list(tmp_path.iterdir()) == []


def test_a_neighbours_view_on_our_tables_keeps_a_restore_from_replacing_them(
    database: Database, tmp_path: Path
) -> None:
    made = backup(database, tmp_path / "films", "csv")
    with database.begin() as connection:
        run_script(connection, "CREATE VIEW public.theirs AS SELECT title FROM palate.movies")
    with pytest.raises(ConflictError, match="theirs"):
        restore(database, made.path, replace=True)
    assert fetch(database, "SELECT count(*) FROM public.theirs") == [(0,)]


@pytest.fixture
def stranger(server: EmbeddedServer, shared: Database) -> Iterator[str]:
    """A login that may do nothing in the shared database but connect."""
    with psycopg.connect(server.url_for("postgres"), autocommit=True) as admin:
        admin.execute("CREATE ROLE stranger LOGIN")
    yield shared.url.set(username="stranger").render_as_string(hide_password=False)
    with shared.begin() as connection:
        run_script(connection, "REASSIGN OWNED BY stranger TO CURRENT_USER; DROP OWNED BY stranger")
    with psycopg.connect(server.url_for("postgres"), autocommit=True) as admin:
        admin.execute("DROP ROLE stranger")


def test_who_may_not_prepare_a_database_is_given_the_statements(
    shared: Database, settings: Settings, stranger: str
) -> None:
    with shared.begin() as connection:
        run_script(connection, "DROP EXTENSION vector CASCADE")
    with Database(stranger, settings) as database:
        with pytest.raises(PrivilegeError) as told:
            migrate(database)
        statements = (
            "CREATE SCHEMA palate AUTHORIZATION stranger; CREATE EXTENSION vector SCHEMA public;"
        )
        assert statements in str(told.value)
        assert told.value.said
        with shared.begin() as connection:
            run_script(connection, statements)
        assert migrate(database)[0] == "0001"
        check_schema(database)
        with shared.begin() as connection:
            run_script(connection, "REVOKE ALL ON SCHEMA palate FROM stranger")
        with pytest.raises(PrivilegeError, match="may not use the schema palate"):
            check_schema(database)


def test_an_extension_may_live_in_any_schema(shared: Database) -> None:
    with shared.begin() as connection:
        run_script(connection, "CREATE SCHEMA tools; ALTER EXTENSION vector SET SCHEMA tools")
    shared.engine.dispose()
    migrate(shared)
    with shared.begin() as connection:
        run_script(connection, FILMS)
    assert len(fetch(shared, "SELECT movie_id FROM search('lord', for_user => 1)")) == 10
    paths = {path for _, path in fetch(shared, STATEMENTS.raw("role_paths"))}
    assert paths == {"search_path=palate, tools, pg_temp"}
    with shared.begin() as connection:
        run_script(connection, "ALTER EXTENSION vector SET SCHEMA public")
    shared.engine.dispose()
    with pytest.raises(SchemaError, match="older"):
        check_schema(shared)
    assert "10_profiles" in migrate(shared)
    with shared.begin() as connection:
        run_script(connection, ONE_RATING)


def test_writers_do_not_queue_behind_a_migration_that_waits(
    sample_copy: Database, settings: Settings
) -> None:
    with sample_copy.begin() as connection:
        run_script(connection, "UPDATE repeatable_migrations SET checksum = ''")
    films = [row[0] for row in fetch(sample_copy, "SELECT movie_id FROM movies LIMIT 20")]
    with ThreadPoolExecutor(1) as pool, Database(sample_copy.psql_url, settings) as other:
        with sample_copy.begin() as long:
            run_script(long, "INSERT INTO ratings (user_id, movie_id, rating) VALUES (4711, 1, 3)")
            migrated = pool.submit(migrate, other)
            for film in films:
                with sample_copy.begin() as writer:
                    run_script(writer, "SET LOCAL lock_timeout = '3s'")
                    run_script(
                        writer,
                        f"INSERT INTO ratings (user_id, movie_id, rating) VALUES (4712, {film}, 3)",
                    )
            assert not migrated.done()
        assert "10_profiles" in migrated.result()
    assert fetch(sample_copy, "SELECT rating_count FROM users WHERE user_id = 4712") == [(20,)]


def test_a_migration_gives_up_on_a_table_that_stays_in_use_and_says_by_whom(
    sample_copy: Database, settings: Settings
) -> None:
    with sample_copy.begin() as connection:
        run_script(connection, "UPDATE repeatable_migrations SET checksum = ''")
    with sample_copy.begin() as long, Database(sample_copy.psql_url, settings) as other:
        run_script(long, "INSERT INTO ratings (user_id, movie_id, rating) VALUES (4711, 1, 3)")
        with pytest.raises(BusyError, match=r"in use.* by palate \(process \d+\)"):
            migrate(other, patience=0.5)


def test_who_may_not_use_the_schema_of_vector_is_given_the_statement(
    shared: Database, settings: Settings, stranger: str
) -> None:
    with shared.begin() as connection:
        run_script(
            connection, 'CREATE SCHEMA "Ext Stuff"; ALTER EXTENSION vector SET SCHEMA "Ext Stuff"'
        )
        run_script(connection, "CREATE SCHEMA palate AUTHORIZATION stranger")
    shared.engine.dispose()
    with Database(stranger, settings) as database:
        with pytest.raises(PrivilegeError) as told:
            migrate(database)
        statement = 'GRANT USAGE ON SCHEMA "Ext Stuff" TO stranger;'
        assert statement in str(told.value)
        barred = {check.name: check for check in run_checks(database, settings)}["vector"]
        assert statement in barred.advice
        with shared.begin() as connection:
            run_script(connection, statement)
        migrate(database)
        with shared.read() as connection:
            lacks = lacking(connection, "palate")
        assert (
            lacks[0]
            == 'GRANT USAGE ON SCHEMA "Ext Stuff" TO palate_app, palate_owner, palate_read;'
        )
        migrate(shared)  # by who may grant it
        with shared.read() as connection:
            assert "Ext Stuff" not in "".join(lacking(connection, "palate"))


def test_a_member_of_palate_read_whose_sessions_do_not_find_search_is_told_of(
    shared: Database, settings: Settings, stranger: str, capsys: pytest.CaptureFixture[str]
) -> None:
    migrate(shared)
    with shared.begin() as connection:
        run_script(connection, "GRANT palate_read TO stranger")
        # As other databases are than those of tests.
        connection.exec_driver_sql(f"ALTER DATABASE {shared.url.database} RESET search_path")
    capsys.readouterr()
    assert migrate(shared) == []
    with shared.read() as connection:
        # Other tests' roles of the same server may be members, too.
        (statement,) = (s for s in lacking(connection, "palate") if "ALTER ROLE stranger IN" in s)
    assert statement in "".join(capsys.readouterr())
    with shared.begin() as connection:
        run_script(connection, statement)
    with psycopg.connect(stranger.replace("+psycopg", "")) as connection:
        assert connection.execute("SELECT count(*) FROM search('lord')").fetchone() == (0,)
    told = pytest.raises(ScratchError, match=r"GRANT CREATE ON DATABASE \w+ TO stranger;")
    with Database(stranger, settings) as database, told, scratch(database):
        pass


def test_a_publication_that_this_role_may_not_change_keeps_a_restore_from_emptying_it(
    shared: Database, settings: Settings, stranger: str, tmp_path: Path
) -> None:
    with shared.begin() as connection:
        run_script(connection, "CREATE SCHEMA palate AUTHORIZATION stranger")
        connection.exec_driver_sql(f"GRANT CREATE ON DATABASE {shared.url.database} TO stranger")
    with Database(stranger, settings) as database:
        migrate(database)
        with shared.begin() as connection:
            run_script(connection, "CREATE PUBLICATION palpub FOR TABLE palate.movies")
        made = backup(database, tmp_path / "films", "csv")
        with pytest.raises(ConflictError, match=r"palpub ADD TABLE palate\.movies.*as it was"):
            restore(database, made.path, replace=True)
    assert fetch(shared, "SELECT tablename::text FROM pg_publication_tables") == [("movies",)]


def test_films_are_written_where_all_tables_of_a_database_are_published(shared: Database) -> None:
    migrate(shared)
    with shared.begin() as connection:
        run_script(connection, "CREATE PUBLICATION everything FOR ALL TABLES")
        run_script(connection, FILMS)
    with shared.begin() as connection:
        run_script(connection, "SELECT delete_movie(1, false); SELECT delete_movie(2, true)")


def test_settings_of_the_database_change_nothing_for_palate(shared: Database) -> None:
    name = fetch(shared, "SELECT current_database()::text")[0][0]
    with shared.begin() as connection:
        for setting in (
            "standard_conforming_strings = off",
            "quote_all_identifiers = on",
            "default_transaction_isolation = serializable",
            "datestyle = German",
            "plpgsql.extra_errors = 'all'",
        ):
            run_script(connection, f"ALTER DATABASE {name} SET {setting}")
    shared.engine.dispose()
    migrate(shared)
    with shared.begin() as connection:
        run_script(connection, FILMS)
        run_script(connection, "SELECT refresh_stats()")
    assert fetch(shared, "SELECT now()")[0][0].tzinfo
    found = "SELECT movie_id FROM palate.search('{}', for_user => 1)"
    assert len(fetch(shared, found.format("lord"))) == 10
    with psycopg.connect(shared.psql_url) as plain:  # with the settings of the database
        for text in ("the lord of war", "title:lord AND year:>1990", '"dark knight" OR lord'):
            at_psql = plain.execute(found.format(text).encode()).fetchall()
            assert at_psql == fetch(shared, found.format(text)) != []
        heard = "SELECT title_sound('twelfth nite'), typed FROM forms_of('Fahrenheit 2.5') typed"
        assert plain.execute(heard.encode()).fetchall() == fetch(shared, heard)


def test_statistics_that_pg_dump_made_without_rows_are_counted(database: Database) -> None:
    with database.begin() as connection:
        run_script(connection, "REFRESH MATERIALIZED VIEW movie_stats WITH NO DATA")
    with pytest.raises(SchemaError, match="palate db refresh"):
        fetch(database, "SELECT * FROM movie_stats")
    fetch(database, "SELECT refresh_stats()")
    assert fetch(database, "SELECT count(*) >= 0 FROM movie_stats") == [(True,)]


def test_our_roles_call_functions_that_default_privileges_keep_from_everybody(
    shared: Database,
) -> None:
    with shared.begin() as connection:
        run_script(connection, "ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC")
    migrate(shared)
    may = "has_function_privilege('{}', 'refresh_stats()', 'EXECUTE')"
    asked = f"SELECT {may.format('palate_read')}, {may.format('neighbour')}"
    assert fetch(shared, asked) == [(True, False)]


@pytest.mark.parametrize("said", ["genres = ARRAY[NULL]::text[]", "own = '[]'"])
def test_what_no_reader_takes_is_no_list_of_a_film(database: Database, said: str) -> None:
    with database.begin() as connection:
        run_script(connection, FILMS)
    with pytest.raises(psycopg.errors.CheckViolation), database.begin() as connection:
        run_script(connection, f"UPDATE movies SET {said} WHERE movie_id = 1")
