"""Migrations: many starters, one migrates; a newer schema is refused."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import sqlalchemy

from learn.tracking import tracked
from palate.contract import SearchRequest
from palate.errors import SchemaError
from palate.settings import Settings
from palate.statements import Statements, run_script
from rerank.search import Searcher
from serve.api.health import Readiness
from sql.database import Database
from sql.embedded import EmbeddedServer
from sql.migrate import check_schema, install_functions, migrate
from tests.conftest import name_of

STATEMENTS = Statements(Path(__file__).with_name("migrate.sql"))


def test_a_bare_database_is_named_as_such(bare_database: Database) -> None:
    with pytest.raises(SchemaError, match="no Palate schema"):
        check_schema(bare_database)


def test_migrating_twice_applies_nothing_the_second_time(bare_database: Database) -> None:
    assert migrate(bare_database)[0] == "0001"
    assert migrate(bare_database) == []
    check_schema(bare_database)


def test_of_many_starters_one_migrates(bare_database: Database) -> None:
    def start(_: int) -> list[str]:
        with Database(bare_database.psql_url, bare_database.settings) as own:
            return migrate(own)

    with ThreadPoolExecutor(4) as pool:
        applied = list(pool.map(start, range(4)))
    assert sorted(map(bool, applied)) == [False, False, False, True]


@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")
def test_a_store_of_runs_may_make_its_tables_meanwhile(
    bare_database: Database, tmp_path: Path, settings: Settings
) -> None:
    pytest.importorskip("mlflow.store.tracking.sqlalchemy_store")
    said: list[str] = []
    kept = settings.model_copy(update={"data_dir": tmp_path, "mlflow_tracking_uri": None})
    with tracked(kept, "train", said.append):
        for _ in range(2):
            migrate(bare_database)
            with bare_database.begin() as connection:
                connection.exec_driver_sql("DROP SCHEMA palate CASCADE")
        assert migrate(bare_database)
    assert said == []


def test_a_changed_function_is_applied_again(database: Database) -> None:
    with database.begin() as connection:
        connection.execute(
            sqlalchemy.text(
                "UPDATE repeatable_migrations SET checksum = '' WHERE name = '20_stats'"
            )
        )
    with pytest.raises(SchemaError, match="20_stats missing"):
        check_schema(database)
    assert migrate(database) == ["20_stats"]


def test_a_view_on_a_function_that_changes_is_named(sample_copy: Database) -> None:
    with sample_copy.begin() as connection:
        connection.exec_driver_sql("CREATE VIEW mine AS SELECT title FROM recommend(1)")
        connection.exec_driver_sql("UPDATE repeatable_migrations SET checksum = ''")
    with pytest.raises(SchemaError, match=r"view mine depends on .*Nothing was changed. .*drop it"):
        migrate(sample_copy)
    with sample_copy.begin() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM mine").scalar_one() > 0
        connection.exec_driver_sql("DROP VIEW mine")
    assert "30_search" in migrate(sample_copy)


def test_what_a_search_returns_is_made_again_only_where_it_changed(sample_copy: Database) -> None:
    """Its lock would keep searches waiting until the migration ends."""

    def migrated(change: str = "SELECT") -> int:
        with sample_copy.begin() as connection:
            connection.exec_driver_sql(change)
            connection.exec_driver_sql("UPDATE repeatable_migrations SET checksum = ''")
        assert "30_search" in migrate(sample_copy)
        with sample_copy.read() as connection:
            assert connection.exec_driver_sql("SELECT title FROM mine").scalars().all()
            oid: int = connection.exec_driver_sql("SELECT 'search_hit'::regtype::oid").scalar_one()
        return oid

    made = migrated("CREATE VIEW mine AS SELECT title FROM search('lord')")
    assert migrated() == made
    other = migrated(
        "DROP VIEW mine; ALTER TYPE search_hit ADD ATTRIBUTE more text;"
        "CREATE VIEW mine AS SELECT movie_id AS title FROM movies"
    )
    assert other != made


def test_functions_made_anew_lock_nothing_that_a_search_reads(sample_copy: Database) -> None:
    """Nor are ratings kept waiting while taste is made again: that comes later."""
    locked = (
        "SELECT relation::regclass::text FROM pg_locks WHERE pid = pg_backend_pid()"
        " AND locktype = 'relation' AND mode = 'AccessExclusiveLock'"
    )
    with sample_copy.begin(patient=True) as connection:
        connection.exec_driver_sql("UPDATE repeatable_migrations SET checksum = ''")
        assert "10_profiles" in install_functions(connection, sample_copy.search_engine.name)
        assert set(connection.exec_driver_sql(locked).scalars()) <= {"tastes"}


def test_taste_follows_functions_that_weigh_ratings_otherwise(sample_copy: Database) -> None:
    sums = "SELECT user_id, round(weight_sum::numeric, 3) FROM users ORDER BY 1"
    with sample_copy.begin() as connection:
        before = connection.exec_driver_sql(sums).all()
        connection.exec_driver_sql("UPDATE users SET weight_sum = 1000 WHERE user_id = 1")
    migrate(sample_copy)  # which has nothing to do
    with sample_copy.begin() as connection:
        assert connection.exec_driver_sql(sums).all() != before
        connection.exec_driver_sql(
            "UPDATE repeatable_migrations SET checksum = '' WHERE name = 'later_10_profiles'"
        )
    assert migrate(sample_copy) == []
    with sample_copy.read() as connection:
        assert connection.exec_driver_sql(sums).all() == before


def test_searches_go_on_beside_a_migration_and_prepared_ones_after_it(
    sample_copy: Database, settings: Settings
) -> None:
    searcher, request = Searcher(sample_copy), SearchRequest(q="lord", user_id=1)
    before = [searcher.search(request) for _ in range(10)][-1]  # psycopg prepares the fifth
    with sample_copy.read() as reader, Database(sample_copy.psql_url, settings) as other:
        reader.exec_driver_sql("SELECT FROM movies, ratings, users, models LIMIT 1")
        with other.begin() as connection:
            connection.exec_driver_sql("UPDATE repeatable_migrations SET checksum = ''")
        assert "30_search" in migrate(other), "it waits for nobody who reads"
    assert searcher.search(request).hits == before.hits


def test_constraints_made_for_new_rows_are_held_to_the_others_while_somebody_writes(
    sample_copy: Database,
) -> None:
    open_ones = "SELECT conname FROM pg_constraint WHERE NOT convalidated"
    with sample_copy.begin() as connection:
        assert connection.exec_driver_sql(open_ones).scalars().all() == []
        connection.exec_driver_sql("ALTER TABLE users DROP CONSTRAINT users_not_unknown")
        connection.exec_driver_sql("INSERT INTO users (user_id) VALUES (9223372036854775807)")
        connection.exec_driver_sql(
            "ALTER TABLE users ADD CONSTRAINT users_not_unknown "
            "CHECK (user_id < 9223372036854775807) NOT VALID"
        )
    assert migrate(sample_copy) == [], "old rows that break it keep nobody from migrating"
    with sample_copy.begin() as connection:
        assert connection.exec_driver_sql(open_ones).scalars().all() == ["users_not_unknown"]
        connection.exec_driver_sql("DELETE FROM users WHERE user_id = 9223372036854775807")
    with sample_copy.begin() as connection:
        connection.exec_driver_sql("INSERT INTO users (user_id) VALUES (4711)")  # not yet committed
        migrate(sample_copy)
    with sample_copy.read() as connection:
        assert connection.exec_driver_sql(open_ones).scalars().all() == []


def test_a_rating_that_has_begun_ends_before_a_migration(sample_copy: Database) -> None:
    blocked = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'ratings'::regclass"
    with sample_copy.begin() as connection:
        connection.exec_driver_sql("UPDATE repeatable_migrations SET checksum = ''")
    with ThreadPoolExecutor(1) as pool, sample_copy.begin() as connection:
        connection.exec_driver_sql("LOCK TABLE ratings IN ROW EXCLUSIVE MODE")  # as INSERT begins
        migrated = pool.submit(migrate, sample_copy)
        while not connection.exec_driver_sql(blocked).scalar_one():
            assert not migrated.done()
            time.sleep(0.01)
        connection.exec_driver_sql(
            "INSERT INTO ratings (user_id, movie_id, rating) VALUES (4711, 488, 4)"
        )
        connection.commit()
        assert "10_profiles" in migrated.result()


def test_a_newer_schema_is_refused(database: Database) -> None:
    with database.begin() as connection:
        connection.execute(sqlalchemy.text("UPDATE schema_version SET version_num = '9999'"))
    with pytest.raises(SchemaError, match="newer"):
        check_schema(database)
    with pytest.raises(SchemaError, match="newer"):
        migrate(database)


def test_while_a_newer_version_rolls_out_the_old_one_stays_ready(sample_copy: Database) -> None:
    with sample_copy.begin() as connection:
        connection.execute(sqlalchemy.text("UPDATE schema_version SET version_num = '9999'"))
    readiness = Readiness(sample_copy)
    readiness.look()
    assert readiness.check() == "postgres"


def test_a_member_of_palate_owner_migrates_what_a_superuser_began(
    sample_copy: Database, server: EmbeddedServer, settings: Settings
) -> None:
    role = f"owner_{name_of(sample_copy)}"
    with sample_copy.begin() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {role} LOGIN IN ROLE palate_owner")
        connection.exec_driver_sql("UPDATE repeatable_migrations SET checksum = ''")
    try:
        with Database(server.url_for(name_of(sample_copy)), settings) as database:
            database.url = database.url.set(username=role)
        with Database(database.psql_url, settings) as owner:
            assert "postgres" in migrate(owner)
            check_schema(owner)
            with owner.begin() as connection:
                connection.exec_driver_sql("SELECT refresh_stats(), refresh_profiles()")
        migrate(sample_copy)
    finally:
        with sample_copy.begin() as connection:
            connection.exec_driver_sql(f"REASSIGN OWNED BY {role} TO postgres")
            connection.exec_driver_sql(f"DROP OWNED BY {role}")
            connection.exec_driver_sql(f"DROP ROLE {role}")


def test_an_engine_is_exchanged_and_leaves_nothing(sample_copy: Database) -> None:
    """With ParadeDB's index as far as plain PostgreSQL can play it: its name and functions."""
    with sample_copy.begin() as connection:
        connection.exec_driver_sql("CREATE INDEX movies_search ON movies (title)")
        run_script(connection, STATEMENTS.raw("as_on_paradedb"))
        connection.exec_driver_sql("UPDATE repeatable_migrations SET checksum = 'paradedb'")
    assert "postgres" in migrate(sample_copy)
    with sample_copy.read() as connection:
        left = connection.exec_driver_sql("SELECT to_regclass('movies_search')").scalar()
    assert left is None


def test_an_engine_that_cannot_be_exchanged_fails_for_want_of_its_extension(
    sample_copy: Database,
) -> None:
    """Not for our own functions, which stand on what the other engine made."""
    with (
        pytest.raises(
            psycopg.errors.FeatureNotSupported, match='extension "pg_search" is not available'
        ),
        sample_copy.begin() as connection,
    ):
        install_functions(connection, "paradedb")


def test_both_engines_functions_take_the_same_arguments() -> None:
    """Or one could not replace the other's."""
    signature = re.compile(r"CREATE OR REPLACE FUNCTION (\w+)\s*\((.*?)\)\s*RETURNS", re.DOTALL)
    engines = Path(__file__).parents[3] / "sql" / "engines"
    found = [
        {
            name: " ".join(arguments.split())
            for path in sorted(engines.glob(f"{engine}*.sql"))
            for name, arguments in signature.findall(path.read_text(encoding="utf-8"))
        }
        for engine in ("paradedb", "postgres")
    ]
    shared = found[0].keys() & found[1].keys()
    assert {"search_candidates", "search_matches", "parse_query"} <= shared
    for name in shared:
        assert found[0][name] == found[1][name], name
