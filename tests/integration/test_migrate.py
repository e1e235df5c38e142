"""Migrations: many starters, one migrates; a newer schema is refused."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy

from palate.errors import SchemaError
from palate.settings import Settings
from serve.api.health import Readiness
from sql.database import Database
from sql.embedded import EmbeddedServer
from sql.migrate import check_schema, migrate
from tests.conftest import cloned


@pytest.fixture
def bare(server: EmbeddedServer, settings: Settings):  # type: ignore[no-untyped-def]
    with cloned(server, settings, None) as database:
        yield database


def test_a_bare_database_is_named_as_such(bare: Database) -> None:
    with pytest.raises(SchemaError, match="no Palate schema"):
        check_schema(bare)


def test_migrating_twice_applies_nothing_the_second_time(bare: Database) -> None:
    assert migrate(bare)[0] == "0001"
    assert migrate(bare) == []
    check_schema(bare)


def test_of_many_starters_one_migrates(bare: Database) -> None:
    with ThreadPoolExecutor(4) as pool:
        applied = list(pool.map(lambda _: migrate(bare), range(4)))
    assert sorted(map(bool, applied)) == [False, False, False, True]


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
    assert Readiness(sample_copy).check() == "postgres"
