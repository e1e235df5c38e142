"""Functions whose arguments are columns: every row of the other table gets its own answer.

pg_search evaluates a bare ``@@@ query`` in a materialized CTE once: in LATERAL, each row then had
the first row's films, and nothing said so.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from palate.statements import Statements, raw
from search.query import parse
from sql.database import Database
from tests.engine.test_whole_way import HATER, LOVER
from tests.engine.test_whole_way import whole as whole

statements = Statements(Path(__file__).parent / "rescans.sql")

FUNCTIONS = [
    "search_candidates",
    "search_matches",
    "search",
    "search_text",
    "search_columns",
    "suggest_titles",
    "similar",
    "recommend",
]
FIRST: dict[str, Any] = {
    "words": "king",
    "prefix": "the lo",
    "filter": "genres:Comedy",
    "user_id": LOVER,
    "profile": "main",
    "k": 7,
    "n": 40,
    "weights": None,
    "seen": "keep",
    "movie_id": 1,
}
CHANGES: list[dict[str, Any]] = [
    {},
    {"words": "love"},
    {"words": "dark knight"},
    {"words": "zzzunknown lord"},
    {"words": "zzzunknown"},
    {"prefix": "star"},
    {"filter": "genres:Western"},
    {"user_id": HATER},
    {"user_id": None},
    {"profile": "other"},
    {"k": 3},
    {"n": 5},
    {"weights": {"bm25": 0, "popularity": 1}},
    {"seen": "drop"},
    {"movie_id": 2},
]


@pytest.fixture
def asked(whole: Database) -> Iterator[sqlalchemy.Connection]:
    """A connection with the table of arguments."""
    engine = whole.search_engine
    with whole.begin(patient=True) as connection:
        connection.execute(statements["asked"])
        for number, change in enumerate(CHANGES, 1):
            row = FIRST | change
            compiled = engine.compile(parse(row["words"]).tree)
            chosen = engine.compile(parse(row["filter"]).tree).query
            row |= {
                "number": number,
                "query": json.dumps(compiled.query),
                "loose": json.dumps(compiled.loose) if compiled.loose else None,
                "filter": json.dumps(chosen),
                "weights": json.dumps(row["weights"]) if row["weights"] else None,
            }
            connection.execute(statements["ask"], row)
        yield connection
        connection.rollback()


def rows(connection: sqlalchemy.Connection, name: str, **parts: object) -> list[tuple[Any, ...]]:
    cursor = raw(connection).execute(statements.raw(name).format(**parts).encode())
    return [tuple(row) for row in cursor.fetchall()] if cursor.description else []


def alone(connection: sqlalchemy.Connection, call: str) -> dict[int, list[tuple[Any, ...]]]:
    numbers = range(1, len(CHANGES) + 1)
    return {n: sorted(rows(connection, "alone", number=n, call=call)) for n in numbers}


def grouped(found: list[tuple[Any, ...]]) -> dict[int, list[tuple[Any, ...]]]:
    return {n: sorted(row[1:] for row in found if row[0] == n) for n in range(1, len(CHANGES) + 1)}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_row_has_its_own_answer(asked: sqlalchemy.Connection, name: str) -> None:
    call = statements.raw(name)
    expected = alone(asked, call)
    assert len({str(found) for found in expected.values()}) > 2  # the arguments matter

    assert grouped(rows(asked, "lateral", call=call)) == expected
    correlated = dict(rows(asked, "correlated", call=call))
    assert {n: sorted(ids) for n, ids in correlated.items()} == {
        n: sorted(row[0] for row in found) for n, found in expected.items()
    }


@pytest.mark.parametrize("mode", ["auto", "force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_prepared_statement_answers_what_it_is_asked(
    asked: sqlalchemy.Connection, name: str, mode: str
) -> None:
    call = statements.raw(name)
    expected = alone(asked, call)
    asked.execute(statements["plan_mode"], {"mode": mode})
    rows(asked, "prepare", call=call)
    for _ in range(2 if mode == "auto" else 1):  # the sixth run may be of another plan
        for number, found in expected.items():
            assert sorted(rows(asked, "execute", number=number)) == found
    rows(asked, "deallocate")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_cursor_walks_the_answers_twice(asked: sqlalchemy.Connection, name: str) -> None:
    call = statements.raw(name)
    rows(asked, "declare", call=call)
    first = rows(asked, "fetch")
    rows(asked, "rewind")
    assert rows(asked, "fetch") == first
    assert grouped(first) == alone(asked, call)
