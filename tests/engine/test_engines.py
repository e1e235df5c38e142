"""One suite that every engine must pass: the same films, and the order where BM25 decides it."""

import itertools
import json
from typing import Any

import pytest

from rerank.query import parse
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


@pytest.mark.parametrize("query", QUERIES)
def test_postgres_scores_as_bm25_does(films_on_postgres: Database, query: str) -> None:
    compiled = films_on_postgres.search_engine.compile(parse(query).tree)
    found = run(films_on_postgres, compiled.query)
    for (movie_id, score), (expected_id, expected) in zip(
        found, EXPECTED[query]["best"], strict=False
    ):
        assert movie_id == expected_id
        assert score == pytest.approx(expected, rel=1e-4, abs=2e-3)


@pytest.mark.parametrize("query", QUERIES)
def test_paradedb_gets_this_query(query: str) -> None:
    assert ParadeDB().compile(parse(query).tree).query == SHAPES[query]
