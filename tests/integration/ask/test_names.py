"""The names of a catalog: read once, and again when films were written."""

import threading

import pytest
from sqlalchemy import Connection

from palate.errors import DatabaseUnavailableError, NotFoundError
from search.names import CatalogNames
from serve.api.watches import NamesWatch
from sql.database import Database


def write(database: Database, statement: str) -> None:
    """Change films in a transaction that the server counts at its end, not within a second."""
    with database.begin() as connection:
        connection.exec_driver_sql(statement)
        counted(connection)


def counted(connection: Connection) -> None:
    connection.exec_driver_sql("SELECT pg_stat_force_next_flush()")


ALIEN = "INSERT INTO movies (movie_id, title, year) VALUES (7, 'Alien', 1979)"


def test_new_films_and_titles_are_known_soon(database: Database) -> None:
    names = CatalogNames(database)
    assert not names.refresh(), "nobody has asked yet"
    assert names.get().empty
    assert not names.refresh()
    write(database, ALIEN)
    assert names.refresh()
    assert names.find("alien").movie_id == 7
    write(database, "UPDATE movies SET title = 'Aliens'")
    assert names.refresh()
    assert names.find("Aliens").movie_id == 7
    write(database, "DELETE FROM movies")
    assert names.refresh()
    assert names.get().empty
    assert not names.refresh()


def test_an_id_is_looked_up_in_the_catalog_as_it_is(database: Database) -> None:
    names = CatalogNames(database)
    assert names.get().empty
    write(database, ALIEN)
    assert str(names.find(" 7 ")) == "Alien (1979)"
    for unknown in ("8", str(2**63 - 1), str(2**63), "9" * 5000):
        with pytest.raises(NotFoundError, match="no film"):
            names.find(unknown)


def test_a_title_of_digits_is_found_where_it_is_no_id(database: Database) -> None:
    write(database, "INSERT INTO movies (movie_id, title) VALUES (1, '300')")
    assert CatalogNames(database).find("300").movie_id == 1


def test_a_title_takes_its_year_however_it_is_written_behind_it(sample_database: Database) -> None:
    names = CatalogNames(sample_database)
    for typed in ("King Kong (1976)", "king kong 1976", "King Kong, 1976"):
        assert str(names.find(typed)) == "King Kong (1976)"
    assert names.find("Death Race 2000").title == "Death Race 2000"
    with pytest.raises(NotFoundError, match=r"Like it: King Kong \(.*King Kong \("):
        names.find("King Kong 1999")


def test_what_is_written_of_a_film_is_of_no_corrected_title(sample_database: Database) -> None:
    names = CatalogNames(sample_database)
    assert names.find("Shrk").title == names.find("shrek", as_written=True).title == "Shrek"
    with pytest.raises(NotFoundError, match=r"Like it: Shrek \(2001\)"):
        names.find("Shrk", as_written=True)


def test_a_number_with_zeros_before_it_is_no_id(sample_database: Database) -> None:
    with pytest.raises(NotFoundError):
        CatalogNames(sample_database).find("0001")


def test_a_text_that_the_catalog_calls_a_film_by_is_an_id(database: Database) -> None:
    write(database, "INSERT INTO movies (movie_id, item_id, title, year) "
                    "VALUES (1, 'tt1', 'Alien', 1979), (2, '1', 'Aliens', 1986)")  # fmt: skip
    names = CatalogNames(database)
    assert names.find("tt1").movie_id == 1
    assert names.find("1").movie_id == 2  # the catalog's own id goes before our number
    assert names.find("2").movie_id == 2
    with pytest.raises(NotFoundError, match="no film"):
        names.find("tt\0001")


def test_requests_go_on_while_names_are_read(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = CatalogNames(database)
    before = names.get()
    write(database, ALIEN)
    reading, go_on = threading.Event(), threading.Event()

    def slow(connection: Connection) -> object:
        reading.set()
        assert go_on.wait(120)
        return before

    monkeypatch.setattr("search.names.read_names", slow)
    monkeypatch.setattr(NamesWatch, "again", 0.01)
    watch = NamesWatch(names)
    watch.start()
    try:
        assert reading.wait(120)
        assert names.get() is before
    finally:
        watch.stop()
        go_on.set()
        watch.join()


def test_a_catalog_that_is_away_for_a_while_is_looked_at_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    names, again = CatalogNames(database), threading.Event()
    names.get()
    with database.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE movies RENAME TO kept")  # as a restore may
    refresh, failed = names.refresh, threading.Event()

    def look() -> bool:
        try:
            return refresh()
        finally:
            (again if failed.is_set() else failed).set()

    monkeypatch.setattr(names, "refresh", look)
    monkeypatch.setattr(NamesWatch, "again", 0.01)
    watch = NamesWatch(names)
    watch.start()
    try:
        assert failed.wait(120)
        assert again.wait(120)
    finally:
        watch.stop()
        watch.join()


def test_names_that_cannot_be_read_in_time_are_those_of_before(sample_copy: Database) -> None:
    hurried = sample_copy.settings.model_copy(update={"statement_timeout": 0.5})
    with Database(sample_copy.psql_url, hurried) as database:
        names = CatalogNames(database)
        names._names = before = CatalogNames(sample_copy).get()
        with sample_copy.begin() as connection:
            connection.exec_driver_sql("LOCK TABLE movies")
            with pytest.raises(DatabaseUnavailableError):
                names.refresh()
            assert names.get() is before
