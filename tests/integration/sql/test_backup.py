"""Backups: a restored database holds and answers the same; a damaged file changes nothing."""

import json
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from palate.errors import BackupError, ConflictError, MissingFileError, SchemaError
from palate.settings import Settings
from palate.statements import run_script
from sql import backup as backups
from sql.backup import Kind, backup, restore
from sql.backup_files import TABLES
from sql.client_tools import find_tool, run_tool
from sql.database import Database
from sql.embedded import EmbeddedServer
from sql.migrate import check_schema
from tests.conftest import cloned
from tests.integration.sql.fetched import fetch

FILMS = Path(__file__).with_name("backup_films.sql").read_text(encoding="utf-8")
KINDS: list[Kind] = ["dump", "csv"]

# Tables that are made again from the others, or belong to the schema rather than its data.
DERIVED = {
    "candidate_features",
    "bulk_jobs",  # not made from the others, but of a moment
    "movie_search",
    "movie_terms",
    "movie_directions",
    "movie_titles",
    "movie_vectors",
    "neighbour_likes",
    "rating_counts",
    "repeatable_migrations",
    "schema_version",
    "search_totals",
    "stats_version",
}


@pytest.fixture
def films(database: Database) -> Database:
    """A database with a few films, people and their ratings."""
    with database.begin() as connection:
        run_script(connection, FILMS)
        run_script(connection, "INSERT INTO synonyms VALUES ('ring', 'lord')")
        run_script(connection, "INSERT INTO pins VALUES ('king', 7, 1)")
    return database


@pytest.fixture
def other(server: EmbeddedServer, settings: Settings, empty_template: str) -> Iterator[Database]:
    """Another migrated, empty database."""
    with cloned(server, settings, empty_template) as database:
        yield database


def content(database: Database) -> dict[str, list[Any]]:
    """Every row of every table, to the last bit."""
    queries = {table: f"SELECT t::text FROM {table} t ORDER BY 1" for table in TABLES}
    queries["ratings_now"] = (
        "SELECT movie_id::text || n::text FROM movies, ratings_now(movie_id) n ORDER BY 1"
    )
    queries["movie_stats"] = "SELECT t::text FROM movie_stats t ORDER BY 1"
    return {table: fetch(database, query) for table, query in queries.items()}


def answers(database: Database) -> list[Any]:
    """What people find, personalised and not."""
    return [
        fetch(database, f"SELECT movie_id, score, content FROM search({term}, for_user => {user})")
        for term in ("'lord'", "'king'", "'amelie'", """'"lord of war"'""")
        for user in ("NULL", "1", "4")
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_restored_database_holds_and_answers_the_same(
    films: Database, other: Database, tmp_path: Path, kind: Kind
) -> None:
    made = backup(films, tmp_path / "films.palate", kind)
    assert made.kind == kind
    assert made.size == made.path.stat().st_size > 0
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["films.palate"]

    assert restore(other, made.path) == made
    assert content(other) == content(films)
    assert answers(other) == answers(films)
    assert any(answers(films))
    check_schema(other)


@pytest.mark.parametrize("kind", KINDS)
def test_a_restored_database_goes_on_learning(
    films: Database, other: Database, tmp_path: Path, kind: Kind
) -> None:
    restore(other, backup(films, tmp_path / "films", kind).path)
    for database in (films, other):
        with database.begin() as connection:
            run_script(connection, "INSERT INTO ratings VALUES (1, 'main', 50, 5, '2020-01-01Z')")
            run_script(connection, "UPDATE movies SET title = 'Krull' WHERE movie_id = 3")
    assert answers(other) == answers(films)
    # Sums are added in any order, so that the last bits differ.
    taste = """SELECT user_id, rating_count, (SELECT array_agg(round(x::numeric, 4))
                FROM unnest(embedding::real[]) x) FROM users ORDER BY user_id, profile"""
    assert fetch(other, taste) == fetch(films, taste)
    assert fetch(other, "SELECT movie_id FROM search('krull')") == [(3,)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_database_that_was_never_migrated_can_be_restored_into(
    films: Database, server: EmbeddedServer, settings: Settings, tmp_path: Path, kind: Kind
) -> None:
    made = backup(films, tmp_path / "films", kind)
    with cloned(server, settings, None) as bare:
        restore(bare, made.path)
        assert content(bare) == content(films)
        check_schema(bare)


@pytest.mark.parametrize("kind", KINDS)
def test_data_is_only_lost_on_request(films: Database, tmp_path: Path, kind: Kind) -> None:
    made = backup(films, tmp_path / "films", kind)
    before = content(films)
    with films.begin() as connection:
        run_script(connection, "DELETE FROM ratings WHERE user_id = 1; DELETE FROM tags")
    changed = content(films)
    with pytest.raises(ConflictError, match="--replace"):
        restore(films, made.path)
    assert content(films) == changed
    restore(films, made.path, replace=True)
    assert content(films) == before


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("kept", [0.05, 0.3, 0.6, 0.9, 0.999])
def test_a_truncated_file_changes_nothing(
    films: Database, tmp_path: Path, kind: Kind, kept: float
) -> None:
    made = backup(films, tmp_path / "films", kind)
    before = content(films)
    whole = made.path.read_bytes()
    made.path.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(BackupError, match="as it was"):
        restore(films, made.path, replace=True)
    assert content(films) == before


def test_a_changed_csv_is_found_before_anything_is_touched(
    films: Database, other: Database, tmp_path: Path
) -> None:
    made = backup(films, tmp_path / "films", "csv")
    rewrite(made.path, {"ratings.csv": lambda text: text.replace(b"4.5", b"0.5")})
    with pytest.raises(BackupError, match=r"ratings\.csv is not what was backed up"):
        restore(other, made.path)
    assert content(other)["movies"] == []


def test_a_file_that_fails_in_the_middle_changes_nothing(
    films: Database, other: Database, tmp_path: Path
) -> None:
    made = backup(films, tmp_path / "films", "csv")

    def lie(text: bytes) -> bytes:
        manifest = json.loads(text)
        manifest["tables"]["ratings"]["rows"] += 1
        return json.dumps(manifest).encode()

    rewrite(made.path, {"manifest.json": lie})
    with pytest.raises(BackupError, match=r"ratings\.csv has 48 rows, not 49"):
        restore(other, made.path)
    assert content(other)["movies"] == []


def test_a_backup_of_a_newer_palate_is_refused(
    films: Database, other: Database, tmp_path: Path
) -> None:
    with films.begin() as connection:
        run_script(connection, "UPDATE schema_version SET version_num = '9999'")
    for kind in KINDS:
        made = backup(films, tmp_path / "films", kind)
        with pytest.raises(BackupError, match=r"newer Palate \(schema 9999\)"):
            restore(other, made.path)
    assert content(other)["movies"] == []


@pytest.mark.parametrize("data", [b"", b"PK", b"PGDMP", b"movie_id,title\n1,Heat\n"])
def test_a_file_of_something_else_is_refused(other: Database, tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "something"
    path.write_bytes(data)
    with pytest.raises(BackupError, match="as it was"):
        restore(other, path)
    with pytest.raises(BackupError, match="No such file"):
        restore(other, tmp_path / "missing")


def test_a_dump_of_another_database_is_refused(
    other: Database, server: EmbeddedServer, settings: Settings, tmp_path: Path
) -> None:
    tool = find_tool("pg_dump", 18)
    assert tool is not None
    with cloned(server, settings, None) as bare:
        run_tool(tool, "-Fc", f"--file={tmp_path / 'bare'}", url=bare.url)
    with pytest.raises(BackupError, match="something else than a Palate database"):
        restore(other, tmp_path / "bare")


def test_a_dump_of_a_whole_database_that_others_use_is_refused(
    films: Database, tmp_path: Path
) -> None:
    tool = find_tool("pg_dump", 18)
    assert tool is not None
    with films.begin() as connection:
        run_script(connection, "CREATE SCHEMA shop; CREATE TABLE shop.movies (price numeric)")
    run_tool(tool, "-Fc", f"--file={tmp_path / 'all'}", url=films.url)
    with pytest.raises(BackupError, match=r"not made by `palate db backup`.* palate, shop") as told:
        restore(films, tmp_path / "all", replace=True)
    assert "CONTEXT" not in str(told.value)


def test_an_existing_backup_is_replaced_only_by_a_whole_one(
    films: Database, server: EmbeddedServer, settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "films"
    path.write_bytes(b"yesterday's")
    with cloned(server, settings, None) as bare, pytest.raises(BackupError, match="no Palate"):
        backup(bare, path)
    broken = Database(films.psql_url, settings)
    with broken.begin() as connection:
        run_script(connection, "ALTER TABLE tags RENAME TO lost")
    for kind in KINDS:
        with pytest.raises(SchemaError, match="tags"):
            backup(broken, path, kind)
    with broken.begin() as connection:
        run_script(connection, "ALTER TABLE lost RENAME TO tags")
    broken.close()
    assert path.read_bytes() == b"yesterday's"
    assert list(tmp_path.iterdir()) == [path]
    backup(films, path, "dump")
    assert path.read_bytes()[:5] == b"PGDMP"


def test_a_folder_that_is_missing_is_explained(films: Database, tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="Choose another folder"):
        backup(films, tmp_path / "no such folder" / "films")


def test_without_client_programs_the_tables_are_copied(
    films: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backups, "find_tool", lambda name, version: find_tool(name, version + 900))
    assert backup(films, tmp_path / "films").kind == "csv"
    with pytest.raises(BackupError, match=r"no pg_dump for PostgreSQL 18 or newer"):
        backup(films, tmp_path / "films", "dump")


def test_a_csv_backup_sees_one_moment(films: Database, tmp_path: Path) -> None:
    """A rating and its profile are written together, so they are backed up together."""
    with psycopg.connect(films.psql_url) as writer:
        writer.execute("INSERT INTO ratings VALUES (77, 'main', 1, 5)")
        made = backup(films, tmp_path / "films", "csv")
        writer.commit()
    with zipfile.ZipFile(made.path) as archive:
        assert b"\n77,main" not in archive.read("ratings.csv")
        assert b"\n77,main" not in archive.read("users.csv")


def test_no_table_is_forgotten(database: Database) -> None:
    tables = fetch(database, "SELECT tablename FROM pg_tables WHERE schemaname = 'palate'")
    assert {row[0] for row in tables} - DERIVED == set(TABLES)


def rewrite(path: Path, changes: dict[str, Any]) -> None:
    """Change files inside a zip."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, changes.get(name, lambda same: same)(text))
