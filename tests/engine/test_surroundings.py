"""Where searches run: with anything typed, in a scratch schema, as a role that only reads."""

import re
from pathlib import Path

import numpy as np
import pytest

import sql
from palate.settings import Settings
from search.query import parse
from serve.doctor import run_checks
from sql.database import Database
from sql.engines import CompiledQuery
from sql.migrate import migrate
from sql.scratch import fill, scratch
from tests.engine.conftest import add_films, matches, paradedb_database, read_films, run
from tests.engine.test_search_functions import candidates, parsed_in_sql

ENGINES = Path(sql.__file__).parent / "engines"

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


def test_one_engine_is_exchanged_for_the_other_and_leaves_nothing(settings: Settings) -> None:
    with paradedb_database(settings) as paradedb:
        asked = settings.model_copy(update={"engine": "postgres"})
        with Database(paradedb.psql_url, asked) as postgres:
            migrate(postgres)
            add_films(postgres, read_films())
            found = matches(postgres, compiled(postgres, "title:lord").query)
            for database in (paradedb, postgres, paradedb):
                assert migrate(database)
                query = compiled(database, "title:lord").query
                assert matches(database, query) == found
                with scratch(database) as made:  # refuses a live schema that has more than it
                    assert matches(made, query) == []


def functions_made(engine: str) -> set[str]:
    made = re.compile(r"^CREATE (?:OR REPLACE )?FUNCTION (\w+)", re.MULTILINE)
    return {
        name
        for path in ENGINES.glob(f"{engine}*.sql")
        for name in made.findall(path.read_text(encoding="utf-8"))
    }


def test_each_engine_drops_the_functions_that_only_the_other_has() -> None:
    postgres, paradedb = functions_made("postgres"), functions_made("paradedb")
    script = (ENGINES / "paradedb.sql").read_text(encoding="utf-8")
    listed = re.search(r"'\{(add_search_totals.*?)\}'", script, re.DOTALL)
    assert listed is not None
    assert set(re.findall(r"\w+", listed[1])) == postgres - paradedb
    dropped = re.findall(
        r"FUNCTION IF EXISTS %I\.(\w+)", (ENGINES / "postgres.sql").read_text("utf-8")
    )
    assert set(dropped) - postgres == paradedb - postgres


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
