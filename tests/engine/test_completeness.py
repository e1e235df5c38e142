"""Films that the index lost are noticed by the next search, said, and put back."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress

import psutil
import pytest
import sqlalchemy

from ingest.load import load
from ingest.sources.sample import sample
from palate.contract import SearchRequest
from palate.errors import DatabaseUnavailableError
from palate.settings import Settings
from rerank.search import Searcher
from search.query import parse
from serve.doctor import run_checks
from sql.completeness import IndexWatch, rebuild, repair
from sql.database import Database
from sql.embedded import EmbeddedServer
from sql.migrate import migrate
from tests.engine.conftest import (
    ENGINES,
    add_films,
    engine_database,
    matches,
    paradedb_database,
    read_films,
    statements,
)


@pytest.fixture(params=ENGINES)
def filled(
    request: pytest.FixtureRequest, server: EmbeddedServer, settings: Settings
) -> Iterator[Database]:
    """The catalog on each engine, for one test that writes."""
    with engine_database(request.param, server, settings) as database:
        add_films(database, read_films())
        yield database


def found(database: Database, text: str) -> list[int]:
    return matches(database, database.search_engine.compile(parse(text).tree).query)


def lose_films(database: Database) -> None:
    """Take films out of the index and leave them in the table, as a crash does."""
    if database.search_engine.name == "paradedb":
        pytest.skip("only a crash takes films out of ParadeDB's index")
    with database.begin() as connection:
        connection.execute(statements["lose"])


def test_a_whole_index_is_complete(filled: Database) -> None:
    watch = IndexWatch(filled)
    with filled.read() as connection:
        assert watch.complete(connection)
        assert filled.search_engine.faults(connection) == []
    assert watch.missing == 0


def test_lost_films_are_noticed_and_put_back(filled: Database) -> None:
    before = found(filled, "title:lord")
    lose_films(filled)
    assert found(filled, "title:lord") == []
    checks = {check.name: check for check in run_checks(filled, filled.settings)}
    assert checks["search index"].status == "warn"
    watch = IndexWatch(filled)
    with filled.read() as connection:
        assert not watch.complete(connection)
        assert watch.missing == len(read_films())
        watch.wait(60)
        assert watch.complete(connection)
    assert found(filled, "title:lord") == before


def test_a_repair_puts_back_what_is_missing_and_leaves_what_is_whole(filled: Database) -> None:
    assert repair(filled) == 0
    before = found(filled, "title:lord")
    lose_films(filled)
    assert repair(filled) == len(read_films())
    assert found(filled, "title:lord") == before


def test_an_answer_says_that_films_are_missing(filled: Database) -> None:
    searcher = Searcher(filled)
    request = SearchRequest(q="title:lord")
    assert searcher.search(request).index == "complete"
    lose_films(filled)
    filled.engine.dispose()  # as after a crash: who connects again looks again
    assert searcher.search(request).index == "incomplete"
    searcher.index.wait(60)
    answer = searcher.search(request)
    assert answer.index == "complete"
    assert answer.hits


def test_who_only_reads_is_told_and_rebuilds_nothing(filled: Database) -> None:
    lose_films(filled)
    url = filled.url.update_query_dict({"options": "-crole=palate_read"})
    with Database(url.render_as_string(hide_password=False), filled.settings) as reader:
        assert not rebuild(reader)
        watch = IndexWatch(reader)
        with reader.read() as connection:
            assert not watch.complete(connection)
            watch.wait(60)
            assert not watch.complete(connection)


def test_a_rebuild_goes_on_beside_searches(filled: Database) -> None:
    before = found(filled, "title:lord")
    assert rebuild(filled)
    assert found(filled, "title:lord") == before


@pytest.mark.parametrize("name", ENGINES)
def test_searches_after_a_load_find_what_was_loaded(
    name: str, server: EmbeddedServer, settings: Settings
) -> None:
    with engine_database(name, server, settings) as database, sample() as source:
        load(database, source)
        lords = found(database, "title:lord")
        with database.read() as connection:
            assert database.search_engine.missing(connection) == 0
            titles = connection.execute(statements["titles"], {"ids": lords}).scalars().all()
        assert len(lords) > 3
        assert all("lord" in title.lower() for title in titles)
        assert found(database, "title:king") != lords


@pytest.mark.parametrize("name", ENGINES)
def test_after_a_crash_while_films_were_written_every_film_is_found(
    name: str, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if name == "paradedb":
        with paradedb_database(settings):
            pytest.skip("that server is not ours to kill")
    folder = tmp_path_factory.mktemp("crash")
    server = EmbeddedServer.start(folder)
    try:
        with Database(server.url, settings, server) as database:
            migrate(database)
            add_films(database, read_films())
            crash_while_writing(database, server)
            watch = IndexWatch(database)
            with database.read() as connection:
                watch.complete(connection)
                watch.wait(60)
                assert watch.complete(connection)
                count = connection.execute(statements["count"]).scalar_one()
            assert len(found(database, "*")) == count == len(read_films())
            assert found(database, "title:lord")
    finally:
        EmbeddedServer.destroy(folder)


def crash_while_writing(database: Database, server: EmbeddedServer) -> None:
    writing = threading.Event()

    def write() -> None:
        with suppress(DatabaseUnavailableError, sqlalchemy.exc.DBAPIError):
            while True:
                with database.begin() as connection:
                    connection.execute(statements["touch"])
                writing.set()

    writer = threading.Thread(target=write)
    writer.start()
    assert writing.wait(60)
    assert server.pid is not None
    killed = psutil.Process(server.pid)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait(30)
    writer.join(60)
