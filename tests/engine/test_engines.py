"""One suite that every engine must pass: the same films, and the order where BM25 decides it."""

import itertools
import json
from typing import Any

import pytest

from search.query import parse
from sql.database import Database
from sql.engines.paradedb import ParadeDB
from tests.engine.conftest import HERE, matches, run


def read_queries() -> list[str]:
    """The queries of queries.txt; lines that start with # are headings."""
    lines = (HERE / "queries.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


QUERIES = read_queries()
EXPECTED: dict[str, Any] = json.loads((HERE / "expected.json").read_text(encoding="utf-8"))
SHAPES: dict[str, Any] = json.loads((HERE / "paradedb.json").read_text(encoding="utf-8"))


def test_the_suite_is_whole() -> None:
    assert len(QUERIES) >= 150
    assert len(set(QUERIES)) == len(QUERIES)
    assert list(EXPECTED) == QUERIES
    assert list(SHAPES) == QUERIES


@pytest.mark.parametrize("query", QUERIES)
def test_finds_the_expected_films_in_the_expected_order(
    films_database: Database, query: str
) -> None:
    compiled = films_database.search_engine.compile(parse(query).tree)

    found = run(films_database, compiled.query)

    assert sorted(movie_id for movie_id, _ in found) == EXPECTED[query]["ids"]
    assert matches(films_database, compiled.query) == EXPECTED[query]["ids"]
    rank = {movie_id: place for place, (movie_id, _) in enumerate(found)}
    best = EXPECTED[query]["best"]
    for (first, high), (second, low) in itertools.pairwise(best):
        if high - low > 0.02 * high:
            assert rank[first] < rank[second], (first, second)
    if films_database.search_engine.name == "postgres":
        assert [movie_id for movie_id, _ in found[:5]] == [movie_id for movie_id, _ in best]
        scores = [score for _, score in best]
        assert [score for _, score in found[:5]] == pytest.approx(scores, rel=1e-4, abs=2e-3)


@pytest.mark.parametrize("query", QUERIES)
def test_paradedb_gets_this_query(query: str) -> None:
    assert ParadeDB().compile(parse(query).tree).query == SHAPES[query]
