"""A scratch schema: live functions over other rows, gone without a trace."""

import numpy as np
import pytest
import sqlalchemy

from palate.contract import SearchRequest
from rerank.search import Searcher
from sql.database import Database
from sql.scratch import ScratchError, fill, scratch


def scalar(database: Database, statement: str) -> object:
    with database.read() as connection:
        return connection.execute(sqlalchemy.text(statement)).scalar()


LIVE_OBJECTS = """
SELECT array_agg(live.oid ORDER BY live.oid) FROM (
    SELECT oid FROM pg_proc WHERE pronamespace = 'palate'::regnamespace
    UNION ALL SELECT oid FROM pg_class WHERE relnamespace = 'palate'::regnamespace
    UNION ALL SELECT t.oid FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
              WHERE c.relnamespace = 'palate'::regnamespace
) live
"""


def schemas(database: Database) -> object:
    return scalar(
        database, "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'palate_scratch%'"
    )


def fill_with(made: Database, rows: list[tuple[int, int, float, float]]) -> None:
    users, movies, ratings, times = (list(column) for column in zip(*rows, strict=True))
    fill(
        made,
        np.array(users),
        np.array(movies),
        np.array(ratings, np.float32),
        np.array(times, np.float64),
    )


def test_search_in_a_scratch_schema_knows_its_ratings_only(sample_copy: Database) -> None:
    with scratch(sample_copy) as made:
        fill_with(made, [(7, 1, 5.0, 1e9), (7, 2, 3.0, 1e9 + 0.5), (8, 1, 2.0, 1e9)])
        assert scalar(made, "SELECT count(*) FROM ratings") == 3
        assert scalar(made, "SELECT sum(rating_count) FROM movies") == 3
        assert scalar(made, "SELECT sum(rating_count) FROM movie_stats") == 3
        assert scalar(made, "SELECT max(extract(epoch FROM rated_at)) FROM ratings") == 1e9 + 0.5
        hits = Searcher(made).search(SearchRequest(q="king", user_id=7)).hits
        live = Searcher(sample_copy).search(SearchRequest(q="king", user_id=7)).hits
        assert hits
        assert {hit.rating_count for hit in hits} == {0}
        assert any(hit.rating_count for hit in live)


def test_live_rows_stay_as_they_were_and_nothing_is_left(sample_copy: Database) -> None:
    def stop() -> None:
        with scratch(sample_copy) as made:
            fill_with(made, [(7, 1, 5.0, 1e9)])
            assert schemas(sample_copy) == 1
            raise RuntimeError("stopped")

    before = scalar(sample_copy, "SELECT count(*) FROM ratings")
    made = scalar(sample_copy, LIVE_OBJECTS)
    with pytest.raises(RuntimeError, match="stopped"):
        stop()
    assert scalar(sample_copy, "SELECT count(*) FROM ratings") == before
    assert scalar(sample_copy, LIVE_OBJECTS) == made
    assert schemas(sample_copy) == 0


def test_two_scratch_schemas_live_side_by_side(database: Database) -> None:
    with scratch(database), scratch(database):
        assert schemas(database) == 2
    assert schemas(database) == 0


def test_what_a_killed_process_left_is_dropped_by_the_next(database: Database) -> None:
    with database.begin() as connection:
        connection.execute(sqlalchemy.text("CREATE SCHEMA palate_scratch_left"))
    with scratch(database):
        assert schemas(database) == 1


def test_a_live_table_that_would_show_through_is_refused(database: Database) -> None:
    with database.begin() as connection:
        connection.execute(sqlalchemy.text("CREATE TABLE the_future (rating real)"))
    with pytest.raises(ScratchError, match="the_future"), scratch(database):
        pass
    assert schemas(database) == 0


def test_a_role_that_may_not_make_schemas_is_told(database: Database) -> None:
    with database.begin() as connection:
        for statement in (
            "CREATE ROLE scratchless LOGIN IN ROLE palate_app",
            "GRANT SELECT ON ALL TABLES IN SCHEMA palate TO scratchless",
        ):
            connection.execute(sqlalchemy.text(statement))
    url = database.url.set(username="scratchless").render_as_string(hide_password=False)
    try:
        with (
            Database(url, database.settings) as limited,
            pytest.raises(ScratchError, match="GRANT CREATE"),
            scratch(limited),
        ):
            pass
    finally:
        with database.begin() as connection:
            connection.execute(sqlalchemy.text("DROP OWNED BY scratchless"))
            connection.execute(sqlalchemy.text("DROP ROLE scratchless"))
