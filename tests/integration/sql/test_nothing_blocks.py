"""What is made again is made while searches and ratings go on, and loses none of them."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from palate.statements import Statements, run_script
from sql.database import Database
from tests.integration.sql.fetched import fetch

STATEMENTS = Statements(Path(__file__).with_name("nothing_blocks.sql"))
RATERS, EACH = 4, 40


def rate(database: Database, user: int, film: int, *, timeout: str = "5s") -> None:
    """One rating, which fails rather than wait for a lock."""
    with database.begin() as connection:
        run_script(connection, f"SET LOCAL lock_timeout = '{timeout}'")
        connection.execute(STATEMENTS["rate"], {"user": user, "film": film, "rating": 4})


@pytest.fixture
def films(sample_copy: Database) -> Database:
    """The sample with two models of factors, the first one active."""
    with sample_copy.begin() as connection:
        run_script(connection, STATEMENTS.raw("add_models"))
    with sample_copy.begin() as connection:
        connection.execute(STATEMENTS["activate"], {"model": model_ids(sample_copy)[0]})
    return sample_copy


def model_ids(database: Database) -> list[int]:
    with database.begin() as connection:
        return [row.id for row in connection.execute(STATEMENTS["models"])]


@contextmanager
def raters(database: Database) -> Iterator[Callable[[], int]]:
    """People who rate all the time, old and new ones; gives how many ratings were made."""
    made, over = [0] * RATERS, threading.Event()

    def work(number: int) -> None:
        film_ids = [row[0] for row in fetch(database, "SELECT movie_id FROM movies LIMIT 300")]
        for turn, film in enumerate(film_ids * 100):
            if over.is_set():
                return
            rate(database, 900_000 + number * 1000 + turn % 7 if turn % 2 else number + 1, film)
            made[number] += 1

    with ThreadPoolExecutor(RATERS) as pool:
        working = [pool.submit(work, number) for number in range(RATERS)]
        try:
            yield lambda: sum(made)
        finally:
            over.set()
        for one in working:
            one.result()


@pytest.mark.parametrize("makes", ["refresh_search()", "refresh_profiles()", "refresh_stats()"])
def test_searches_and_ratings_go_on_while_it_is_made_again(films: Database, makes: str) -> None:
    """Beside a transaction that has made it again and is not yet committed."""
    query = "SELECT movie_id, score FROM search('king', for_user => 1)"
    expected = fetch(films, query)
    with films.begin() as connection:
        run_script(connection, f"SELECT {makes}")
        assert fetch(films, query) == expected
        for film in range(1, 4):
            rate(films, 4711, film)
    assert len(fetch(films, query)) == len(expected)
    assert fetch(films, STATEMENTS.raw("wrong_profiles")) == []


def test_searches_and_ratings_go_on_while_a_model_is_made_ready(films: Database) -> None:
    with films.begin() as connection:
        run_script(connection, f"SELECT refresh_user_factors({model_ids(films)[1]})")
        rate(films, 4711, 1)
        assert fetch(films, "SELECT movie_id FROM search('king', for_user => 4711)")


def test_ratings_made_while_profiles_are_made_again_all_count(films: Database) -> None:
    with raters(films) as made:
        while made() < RATERS * EACH:
            with films.begin() as connection:
                run_script(connection, STATEMENTS.raw("spoil_profiles"))
                run_script(connection, "SELECT refresh_profiles()")
    assert fetch(films, STATEMENTS.raw("wrong_profiles")) == []


def test_ratings_made_while_a_model_is_activated_all_count_in_its_factors(films: Database) -> None:
    first, second = model_ids(films)
    with raters(films) as made:
        while made() < RATERS * EACH:
            for model in (second, first):
                with films.begin() as connection:
                    connection.execute(STATEMENTS["activate"], {"model": model})
    assert fetch(films, STATEMENTS.raw("wrong_factors")) == []


def test_a_rating_in_an_older_snapshot_is_refused_rather_than_lost(films: Database) -> None:
    """Its transaction would add it to the model that was active when it began."""
    _, second = model_ids(films)
    with psycopg.connect(films.psql_url) as old:
        old.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        old.execute("SELECT count(*) FROM ratings")
        with films.begin() as connection:
            connection.execute(STATEMENTS["activate"], {"model": second})
        with pytest.raises(psycopg.errors.SerializationFailure):
            old.execute("INSERT INTO ratings (user_id, movie_id, rating) VALUES (4711, 1, 4)")
        old.rollback()
        old.execute("INSERT INTO ratings (user_id, movie_id, rating) VALUES (4711, 1, 4)")
    assert fetch(films, STATEMENTS.raw("wrong_factors")) == []


def test_an_older_snapshot_searches_the_index_as_it_was(films: Database) -> None:
    with psycopg.connect(films.psql_url) as old:
        old.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        before = old.execute("SELECT movie_id FROM search('king')").fetchall()
        with films.begin() as connection:
            run_script(connection, "SELECT refresh_search()")
        assert old.execute("SELECT movie_id FROM search('king')").fetchall() == before != []


def test_what_is_right_is_not_written_again(films: Database) -> None:
    rows = "SELECT u.ctid::text, u.xmin::text FROM users u ORDER BY 1"
    before = fetch(films, rows)
    with films.begin() as connection:
        run_script(connection, "SELECT refresh_profiles()")
    assert fetch(films, rows) == before
