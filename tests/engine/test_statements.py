"""Every statement that calls a search function, asked twice: other inputs, other answers."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

import palate
from palate.statements import Statements
from search.query import parse
from sql.database import Database
from tests.engine.test_whole_way import HATER, LOVER
from tests.engine.test_whole_way import whole as whole

ROOT = Path(palate.__file__).parents[1]
CALLS = re.compile(
    r"\b(search|search_candidates|search_matches|search_columns|suggest_titles|similar"
    r"|recommend)\(\s*(?![)\s])"
)
ASIDE = {
    ("ask/statements/ask.sql", "alike_by_factors"): "asks for a model in use",
    ("bench/statements/blocking.sql", "search"): "asks for a word a turn, while other things run",
    ("bench/statements/recommend.sql", "recommend"): "psycopg's own parameters; asked below",
    ("bench/statements/search.sql", "candidates"): "psycopg's own parameters; asked above",
    ("bench/statements/search.sql", "search"): "psycopg's own parameters; it is search() again",
    ("search/statements/catalog.sql", "browse"): "its order is put in; asked over HTTP",
    ("serve/api/statements/health.sql", "probe_search"): "asks whether searching works, no more",
    ("serve/statements/doctor.sql", "indexed"): "counts everything there is",
    ("sql/statements/backup.sql", "finds_a_film"): "asks whether searching works, no more",
    ("sql/statements/completeness.sql", "paradedb_missing"): "counts everything there is",
}

Compile = Callable[[str], str]


def calling() -> Iterator[tuple[str, str]]:
    for path in sorted(ROOT.glob("*/**/statements/*.sql")):
        if path.parts[len(ROOT.parts)].startswith((".", "tests")):
            continue
        parts = re.split(r"^-- name: (\w+)[ \t]*$", path.read_text("utf-8"), flags=re.MULTILINE)
        for name, body in zip(parts[1::2], parts[2::2], strict=True):
            if CALLS.search(body):
                yield str(path.relative_to(ROOT)), name


def inputs(file: str, name: str, query: Compile) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two calls of one statement that differ in what is asked, or in who asks."""
    search = {
        "query": query("king"), "loose": None, "user_id": LOVER, "profile": "main", "k": 5,
        "candidates": 50, "weights": None, "seen": "keep", "query_embedding": None,
        "filter": None, "page": None, "explain": False, "movie_id": 1, "n": 5, "typed": None,
        "alike_to": None, "exclude": None, "fewest": 5, "by": "year", "sign": 1,
        "names": ["genres", "year"],
    }  # fmt: skip
    many = {"numbers": [1], "user_ids": [LOVER], "queries": [query("king")], "looses": [None],
            "typed": [None]}  # fmt: skip
    firsts: dict[str, dict[str, Any]] = {
        "facets": {"query": query("king"), "names": ["genres"]},
        "suggest": {"prefix": "king", "k": 5, "user_id": None, "profile": "main"},
        "candidates": {**many, "candidates": 50, "k": 5},
        "ranks": {"terms": ["king"], "user_ids": [LOVER], "candidates": 50},
    }
    others: dict[str, dict[str, Any]] = {
        "facets": {"query": query("love")},
        "suggest": {"prefix": "love", "k": 5},
        "candidates": {"queries": [query("love")]},
        "ranks": {"terms": ["love"]},
        "similar": {"movie_id": 2},
        "recommend": {"user_id": HATER},
        "mixed": {"user_id": HATER},
        "finds": {"query": query("zzyzx")},
    }
    if file == "ask/statements/ask.sql" and name != "similar":
        return search | {"filter": query("king")}, search | {"filter": query("love")}
    first = firsts.get(name, search)
    return first, first | others.get(name, {"query": query("love")})


def answer(
    connection: sqlalchemy.Connection, file: str, name: str, asked: dict[str, Any]
) -> list[tuple[Any, ...]]:
    statement = Statements(ROOT / file)[name]
    known = {key: asked[key] for key in statement.compile().params if key in asked}
    return [tuple(map(str, row)) for row in connection.execute(statement, known | asked)]


@pytest.mark.parametrize(("file", "name"), sorted(set(calling()) - set(ASIDE)))
def test_another_question_has_another_answer(whole: Database, file: str, name: str) -> None:
    def query(text: str) -> str:
        return json.dumps(whole.search_engine.compile(parse(text).tree).query)

    with whole.read() as connection:
        one, other = (answer(connection, file, name, asked) for asked in inputs(file, name, query))
    assert one
    assert other
    assert one != other


def test_what_is_set_aside_is_there() -> None:
    assert set(ASIDE) <= set(calling())
