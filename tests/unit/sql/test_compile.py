"""Trees to the engines' own queries: shapes, bounds, and what must not depend on the engine."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sql
from palate.errors import MisuseError
from palate.settings import Settings
from search.query import parse
from sql.database import Database
from sql.engines.paradedb import ParadeDB
from sql.engines.postgres import Postgres
from sql.syntax import (
    FIELDS,
    SEPARATORS,
    STOP_WORDS,
    All,
    And,
    Filter,
    Ids,
    Match,
    Node,
    Not,
    Or,
    Phrase,
    Range,
    Words,
)
from sql.text import fold

VERIFIED = Path(__file__).parents[4] / "shared" / "paradedb-verified.json"
ENGINES = Path(sql.__file__).parent / "engines"


class NoLexemes:
    """A vocabulary without words."""

    def near(self, field: str, text: str, distance: int) -> list[str]:  # noqa: ARG002
        return []


PARADEDB = ParadeDB()
POSTGRES = Postgres(NoLexemes())

BY_HAND: dict[str, Node] = {
    "title:''": Match("title", ""),
    "title:'!!!'": Match("title", "!!!"),
    'title:"it\'s C: ; drop table"': Match("title", "it's C: ; drop table"),
    "nothing": Or(()),
    "title_prefix:mat": Match("title_prefix", "mat", all=True),
}
"""Entries of the verified file that are written for people, not in the query language."""


def verified() -> list[dict[str, Any]]:
    if not VERIFIED.exists():
        return []
    entries: list[dict[str, Any]] = json.loads(VERIFIED.read_text(encoding="utf-8"))["queries"]
    return [entry for entry in entries if not entry["query"].startswith("best field")]


@pytest.mark.skipif(
    not VERIFIED.exists(), reason="paradedb-verified.json is not beside the project"
)
@pytest.mark.parametrize("entry", verified(), ids=lambda entry: entry["query"])
def test_shapes_are_those_that_ran_on_paradedb(entry: dict[str, Any]) -> None:
    tree = BY_HAND.get(entry["query"]) or parse(entry["query"]).tree
    shape = json.dumps(PARADEDB.compile(tree).query).replace("title_folded", "title")
    assert json.loads(shape) == json.loads(folded(json.dumps(entry["jsonb"], ensure_ascii=False)))


def folded(shape: str) -> str:
    """The real answers were asked of an index that folds by itself."""
    return fold(shape)


def test_a_bare_word_is_the_best_of_its_fields() -> None:
    query = PARADEDB.compile(Words(("lord",))).query
    best = query["disjunction_max"]
    assert best["tie_breaker"] == 0.1
    assert best["disjuncts"][0] == {
        "boost": {"factor": 3.0, "query": {"match": {"field": "title_folded", "value": "lord"}}}
    }
    assert {"match": {"field": "genres", "value": "lord"}} in best["disjuncts"]
    assert len(best["disjuncts"]) == len(FIELDS.bare)


def test_words_are_needed_and_any_of_them_when_loose() -> None:
    for engine in (PARADEDB, POSTGRES):
        compiled = engine.compile(Words(("lord", "rings")))
        assert compiled.loose == engine.compile(Words(("lord", "rings"), all=False)).query
        assert engine.compile(Words(("lord",))).loose is None
    assert POSTGRES.compile(Words(("a", "b"))).query["match"] == ["(", 0, "&", 1, ")"]
    assert list(PARADEDB.compile(Words(("a", "b"))).query["boolean"]) == ["must"]


def test_filters_do_not_score() -> None:
    tree = And((Words(("lord",)), Filter(Match("genres", "Fantasy")), Ids((1, 2))))
    must = PARADEDB.compile(tree).query["boolean"]["must"]
    assert [m["const_score"]["score"] for m in must[1:]] == [0.0, 0.0]
    compiled = POSTGRES.compile(tree).query
    assert [word.get("scores", True) for word in compiled["words"]] == [True, False, False]


def test_many_ids_are_one_word() -> None:
    compiled = POSTGRES.compile(And((Words(("lord",)), Ids(tuple(range(1000)))))).query
    assert compiled["match"] == ["(", 0, "&", 1, ")"]
    ids = compiled["words"][1]
    assert ids["terms"]["movie_id"][:2] == ["0" * 19, "0" * 18 + "1"]
    assert len(ids["terms"]["movie_id"]) == 1000
    assert ids["score"] == 0
    assert ids["scores"] is False


def test_a_negation_alone_has_films_to_subtract_from() -> None:
    assert PARADEDB.compile(Not(Match("title", "lord"))).query["boolean"]["must"] == [{"all": None}]
    nested = PARADEDB.compile(Or((All(), Not(Match("title", "lord"))))).query["boolean"]["should"]
    assert nested[1]["boolean"]["must"] == [{"const_score": {"score": 0.0, "query": {"all": None}}}]


def test_one_word_is_no_phrase() -> None:
    assert PARADEDB.compile(Phrase("title", "Lord!")).query == {
        "match": {"field": "title_folded", "value": "Lord"}
    }


@pytest.mark.parametrize("words", ["Мастер и", "lord 千", "a" * 300 + " b"])
def test_paradedb_cuts_phrases_of_which_its_index_may_keep_no_word(words: str) -> None:
    assert PARADEDB.compile(Phrase("title", words, 1)).query == {
        "tokenized_phrase": {"field": "title_folded", "phrase": words, "slop": 1}
    }


@pytest.mark.parametrize(
    "text",
    [
        "NOT " * 60 + "lord",
        "-" * 60 + '"a b"~2',
        "lord" + "^2" * 60,
        "king AND NOT (" * 40 + "lord~1" + ")" * 40,
        "king (queen OR " * 40 + '"a b"' + ")" * 40,
        "title:(a -(" * 20 + "lord" + "))" * 20,
    ],
    ids=["not", "minus", "boost", "and not", "or", "field"],
)
@pytest.mark.parametrize("fewer", range(0, 60, 7))
def test_no_query_is_deeper_than_paradedb_reads(text: str, fewer: int) -> None:
    """128 levels, of which a filter around the query and ParadeDB itself take a few."""
    tree = And((parse(text[fewer:]).tree, Filter(Range("year", 1990, None))))
    assert depth(PARADEDB.compile(tree).query) <= 115


def depth(query: Any) -> int:
    inner = query.values() if isinstance(query, dict) else query
    return 1 + max(map(depth, inner), default=0) if isinstance(query, dict | list) else 0


@pytest.mark.parametrize(
    ("tree", "low", "high"),
    [
        (Range("year", 1999, None), 1999, 9999),
        (Range("year", 1999, None, False), 2000, 9999),
        (Range("year", 1999.5, 2001.5), 2000, 2001),
        (Range("year", -5, 2000, True, False), 0, 1999),
        (Range("avg_rating", 3.5, 4, False, False), 3_500_001, 3_999_999),
        (Range("avg_rating", 0.1, 0.3), 100_000, 300_000),
        (Range("movie_id", 5, None), 5, 2**63 - 1),
        (Range("movie_id", 1e19, None), 2**63 - 1, 2**63 - 1),
        (Range("year", 2000, -1e19), 2000, -1),
    ],
)
def test_bounds_are_whole_units(tree: Range, low: int, high: int) -> None:
    (word,) = POSTGRES.compile(tree).query["words"]
    assert (word["low"], word["high"]) == (low, high)


@pytest.mark.parametrize(
    ("tree", "lower", "upper"),
    [
        (Range("year", 1999.5, None), {"included": 2000}, None),
        (Range("year", 1999.5, None, False), {"included": 2000}, None),
        (Range("year", None, 1999.5), None, {"included": 1999}),
        (Range("year", None, None), {"included": 0}, None),
        (Range("avg_rating", 3.5, None, False), {"excluded": 3.5}, None),
        (Range("movie_id", -1e19, 1e19), {"included": 2 - 2**63}, {"included": 2**63 - 2}),
    ],
)
def test_paradedb_bounds_fit_the_column(tree: Range, lower: Any, upper: Any) -> None:
    bounds = PARADEDB.compile(tree).query["const_score"]["query"]["range"]
    assert (bounds["lower_bound"], bounds["upper_bound"]) == (lower, upper)


@given(st.integers(2, 6), st.integers(0, 10))
def test_arrangements_of_a_phrase_are_few_and_close(count: int, slop: int) -> None:
    text = " ".join("abcdef"[:count])
    (word,) = POSTGRES.compile(Phrase("title", text, slop)).query["words"]
    arrangements = word.get("arrangements", [list(range(count))])
    assert arrangements[0] == list(range(count))
    assert len(arrangements) <= 64
    for positions in arrangements:
        assert len(set(positions)) == count
        gaps = [b - a for a, b in itertools.pairwise(positions)]
        assert sum(abs(gap - 1) for gap in gaps) <= slop


def test_a_conjunction_inside_a_choice_scores_only_whole() -> None:
    tree = parse("(title:lord AND title:rings) OR title:matrix").tree
    query = POSTGRES.compile(tree).query
    assert [word.get("when") for word in query["words"]] == [
        ["(", 0, "&", 1, ")"],
        ["(", 0, "&", 1, ")"],
        None,
    ]


def test_sql_and_python_read_words_alike() -> None:
    """The constants that are written in both: separators, stop words, fields and their boosts."""
    words = (ENGINES / "words.sql").read_text(encoding="utf-8")
    assert (
        "".join(re.findall(r"'([^']*\\[uU][^']*)'", words.split("FUNCTION fold", 1)[0]))
        == SEPARATORS
    )
    assert " ".join(sorted(STOP_WORDS)) in words
    assert "|".join(FIELDS) in words.replace("'\n    '", "").replace("'\n            '", "")
    postgres = (ENGINES / "postgres_typing.sql").read_text(encoding="utf-8")
    boosts = re.search(r"SELECT '(\{\"title\".*?\})'::jsonb", postgres, re.DOTALL)
    assert boosts is not None
    assert json.loads(boosts[1]) == FIELDS.bare
    paradedb = (ENGINES / "paradedb_search.sql").read_text(encoding="utf-8")
    listed = re.findall(r"\(\d, '(\w+)', ([\d.]+)\)", paradedb)
    found = [(name.removesuffix("_folded"), float(boost)) for name, boost in listed]
    assert found == list(FIELDS.bare.items())


def test_the_embedded_server_is_searched_by_the_postgres_engine(database: Database) -> None:
    assert database.search_engine.name == "postgres"


def test_paradedb_is_not_pretended(database: Database) -> None:
    asked = Database(database.psql_url, Settings(engine="paradedb", _env_file=None))
    with asked, pytest.raises(MisuseError, match="has no pg_search"):
        asked.search_engine  # noqa: B018
