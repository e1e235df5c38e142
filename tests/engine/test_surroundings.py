"""Where searches run: with anything typed, in a scratch schema, as a role that only reads."""

import numpy as np
import pytest

from rerank.query import parse
from sql.database import Database
from sql.doctor import run_checks
from sql.engines import CompiledQuery
from sql.scratch import fill, scratch
from tests.engine.conftest import matches, run
from tests.engine.test_search_functions import candidates, parsed_in_sql

TYPED = [
    '"lord ™"',
    '"™ ℃"',
    'title:"™ lord"',
    '"िा ा"',
    '"۔ ،"',
    "\u0301",
    "ﷺ",
    "İstanbul",
    '"' + "a" * 300 + ' b"',
    "a" * 1900,
    "title:" + "a" * 300 + "~2",
    "title:" + "é" * 200 + "*",
    "NOT " * 28 + "lord",
    "lord" + "^2" * 60,
    "movie_id:<9999999999999999999",
    "movie_id:>9999999999999999999",
    "movie_id:<-9999999999999999999",
    "tmdb_id:9999999999999999999",
    "year:[-9999999999 TO 9999999999]",
    "avg_rating:[-1 TO 9999999999999]",
    "genres:''",
    "imdb_id:'tt1000074'",
    'title:"a b c d e f g h"~10',
    " ".join(f"title:{letter}~1" for letter in "abcdefgh"),
    " ".join(f"{letter}*" for letter in "abcdefgh"),
]


@pytest.mark.parametrize("text", TYPED, ids=range(len(TYPED)))
def test_nothing_typed_is_an_error(films_database: Database, text: str) -> None:
    compiled = films_database.search_engine.compile(parse(text).tree)
    found = {movie_id for movie_id, _ in run(films_database, compiled.query)}
    assert found == set(matches(films_database, compiled.query))
    assert found <= {movie_id for movie_id, _ in candidates(films_database, text, n=1000)}
    at_psql = parsed_in_sql(films_database, text).query
    if "parse" not in at_psql:  # which is ParadeDB's own parser
        run(films_database, at_psql)


def test_bounds_beyond_every_number_leave_nothing_out(films_database: Database) -> None:
    everything = matches(films_database, compiled(films_database, "*").query)
    for text in ("movie_id:<9999999999999999999", "movie_id:[-1 TO 9999999999999999999]"):
        assert matches(films_database, compiled(films_database, text).query) == everything
    assert not matches(films_database, compiled(films_database, "year:>9999999999").query)


def test_a_scratch_schema_is_searched_and_leaves_the_live_index(films_database: Database) -> None:
    query = compiled(films_database, "title:lord").query
    live = run(films_database, query)
    with scratch(films_database) as made:
        fill(made, np.array([7]), np.array([40]), np.array([4.0], np.float32), np.array([1e9]))
        assert matches(made, query) == sorted(movie_id for movie_id, _ in live)
        assert len(candidates(made, "title:lord", unseen_by=7)) == len(live) - 1
        assert run(films_database, query) == live
    assert run(films_database, query) == live
    assert len(candidates(films_database, "title:lord", unseen_by=7)) == len(live)


def test_the_doctor_serves_who_may_only_read(films_database: Database) -> None:
    url = films_database.url.update_query_dict({"options": "-crole=palate_read"})
    reader = Database(url.render_as_string(hide_password=False), films_database.settings)
    with reader:
        checks = {check.name: check for check in run_checks(reader, reader.settings)}
    assert [check for check in checks.values() if check.status == "fail"] == []
    assert checks["search index"].status == "ok"
    assert films_database.search_engine.name in checks["engine"].detail


def compiled(database: Database, text: str) -> CompiledQuery:
    return database.search_engine.compile(parse(text).tree)
