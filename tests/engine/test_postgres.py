"""The `postgres` engine: its index follows the films, and its scores are BM25 for any query."""

import json
import re
import threading
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from hypothesis import example, given, settings
from hypothesis import strategies as st

from palate.statements import Statements, run_script
from search.query import parse
from sql.database import Database
from sql.engines.indexed_words import IndexedWords
from sql.engines.postgres import Postgres
from sql.syntax import (
    All,
    And,
    Boost,
    Filter,
    Fuzzy,
    Ids,
    Match,
    Node,
    Not,
    Nothing,
    Or,
    Phrase,
    Prefix,
    Range,
    Words,
)
from tests.engine.conftest import HERE, add_films, matches, read_films, run
from tests.engine.reference import Film, Reference
from tests.engine.test_engines import read_queries

statements = Statements(HERE / "postgres.sql")

VOCABULARY = "lord king rings dark knight love war the it a witch magic new york Amélie nolan zzz"
WORDS = st.sampled_from(VOCABULARY.split())
TEXT_FIELDS = st.sampled_from(["title", "overview", "actors", "director", "keywords"])
PHRASES = st.lists(WORDS, min_size=1, max_size=3).map(" ".join)
LEAVES: st.SearchStrategy[Node] = st.one_of(
    st.lists(WORDS, min_size=1, max_size=3).map(lambda w: Words(tuple(w))),
    st.builds(Match, TEXT_FIELDS, PHRASES, st.booleans()),
    st.builds(Match, st.just("genres"), st.sampled_from(["fantasy", "Drama", "sci-fi"])),
    st.builds(Phrase, TEXT_FIELDS | st.none(), PHRASES, st.integers(0, 3)),
    st.builds(Prefix, TEXT_FIELDS | st.none(), st.sampled_from(["lor", "k", "mag", "zz"])),
    st.builds(Fuzzy, TEXT_FIELDS, WORDS, st.integers(1, 2)),
    st.builds(
        Range,
        st.just("year"),
        st.none() | st.integers(1900, 2030),
        st.none() | st.integers(1900, 2030),
        st.booleans(),
        st.booleans(),
    ),
    st.builds(
        Range,
        st.just("avg_rating"),
        st.none() | st.sampled_from([2.5, 3.0, 3.4, 4.45]),
        st.none() | st.sampled_from([2.5, 3.0, 3.4, 4.45]),
        st.booleans(),
        st.booleans(),
    ),
    st.lists(st.integers(0, 210).map(lambda n: n * 10), max_size=4).map(lambda i: Ids(tuple(i))),
    st.sampled_from([All(), Nothing()]),
)
TREES: st.SearchStrategy[Node] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(
            And,
            st.lists(inner, min_size=1, max_size=3).map(tuple),
            st.lists(inner, max_size=2).map(tuple),
        ),
        st.lists(inner, min_size=1, max_size=3).map(lambda nodes: Or(tuple(nodes))),
        st.builds(Not, inner),
        st.builds(Boost, inner, st.sampled_from([0.5, 2.0])),
        st.builds(Filter, inner),
    ),
    max_leaves=6,
)


LORD = Words(("lord",))


@given(tree=TREES)
@example(tree=Or((LORD, And((Ids(()),), (LORD,)))))
@example(tree=Or((LORD, And((Or((LORD, Match("title", "king"))), Not(LORD)), (LORD,)))))
@settings(max_examples=100)
def test_any_query_finds_and_scores_what_it_means(
    films_on_postgres: Database, reference: Reference, tree: Node
) -> None:
    expected = reference.search(tree)
    query = films_on_postgres.search_engine.compile(tree).query

    found = dict(run(films_on_postgres, query))

    assert set(found) == set(expected)
    assert matches(films_on_postgres, query) == sorted(expected)
    for movie_id, score in found.items():
        assert score == pytest.approx(expected[movie_id], rel=1e-6, abs=1e-6), movie_id


@given(low=st.integers(-5, 12_000), high=st.integers(-5, 12_000), number=st.integers(0, 9999))
@settings(max_examples=150)
def test_prefixes_of_a_range_are_its_numbers(
    films_on_postgres: Database, low: int, high: int, number: int
) -> None:
    with films_on_postgres.read() as connection:
        prefixes = connection.scalar(statements["range"], {"low": low, "high": high, "width": 4})
    inside = [f"{number:04}".startswith(prefix) for prefix in prefixes]
    assert sum(inside) == (low <= number <= high)
    assert len(prefixes) <= 18 * 4


def test_a_range_of_anything_is_one_prefix(films_on_postgres: Database) -> None:
    with films_on_postgres.read() as connection:
        every = {"low": 0, "high": 2**63 - 1, "width": 4}
        assert connection.scalar(statements["range"], every) == [""]


def film(movie_id: int, **columns: Any) -> Film:
    empty = dict.fromkeys(read_films()[0])
    lists: Film = {"genres": [], "actors": [], "keywords": [], "rating_count": 0}
    return {**empty, **lists, "movie_id": movie_id, "title": f"Film {movie_id}", **columns}


def find(database: Database, tree: Node) -> list[int]:
    return matches(database, database.search_engine.compile(tree).query)


def contents(connection: sqlalchemy.Connection) -> list[Any]:
    return [
        connection.execute(statements[name]).all()
        for name in ("stored_terms", "stored_vectors", "stored_totals")
    ]


CHANGES = st.lists(
    st.one_of(
        st.tuples(
            st.just("insert"), st.integers(1, 9), st.sampled_from(["lord", "dark lord", "é"])
        ),
        st.tuples(st.just("retitle"), st.integers(1, 9), st.sampled_from(["king", "The King's"])),
        st.tuples(st.just("rate"), st.integers(1, 9), st.floats(0.5, 5)),
        st.tuples(st.just("regenre"), st.integers(1, 9), st.sampled_from(["Drama", "It's \\ 'x'"])),
        st.tuples(st.just("renumber"), st.integers(1, 9), st.integers(10, 19)),
        st.tuples(st.just("delete"), st.integers(1, 9), st.none()),
        st.tuples(st.just("truncate"), st.none(), st.none()),
    ),
    max_size=12,
)


@given(changes=CHANGES)
@settings(max_examples=30)
def test_the_index_follows_every_change(database: Database, changes: list[Any]) -> None:
    with database.begin() as connection:
        connection.execute(statements["truncate"])
        for name, movie_id, value in changes:
            connection.execute(statements[name], {"movie_id": movie_id, "value": value})
        kept = contents(connection)
        connection.execute(statements["refresh"])
        assert contents(connection) == kept


def test_a_bulk_update_follows_in_one_statement(database: Database) -> None:
    add_films(database, [film(n, year=1990 + n) for n in range(1, 30)])
    with database.begin() as connection:
        connection.execute(statements["retitle_all"])
        assert connection.scalar(statements["refresh"]) == 29
    assert len(find(database, Match("title", "odd"))) == 15
    assert find(database, And((Match("title", "odd"), Range("year", 2015, None)))) == [25, 27, 29]


def test_new_statistics_leave_the_words_alone(database: Database) -> None:
    add_films(database, [film(1, title="Lord", year=1999)])
    with database.begin() as connection:
        before = connection.execute(statements["term_versions"]).all()
        connection.execute(statements["rate"], {"movie_id": 1, "value": 4.5})
        assert connection.execute(statements["term_versions"]).all() == before
    rated = And((Match("title", "lord"), Range("avg_rating", 4, None), Range("year", 1999, 1999)))
    assert find(database, rated) == [1]


def test_extreme_texts_are_stored_and_searched(database: Database) -> None:
    films = [
        film(1, title="x" * 5000, overview="lord " * 300_000),
        film(2, title="'", genres=["It's", "back\\slash", "a:b", 'quo"te', "g" * 3000]),
        film(3, title="Łódź\u0301 ﬁn ½ ① İstanbul", keywords=["a b", "b c"]),
        film(4, title="🎬", overview=" ".join(f"w{n}" for n in range(20_000))),
        film(5, title="\u0001\u200b\ufeff", overview="ключ کتاب हिन्दी 한국어"),
    ]
    add_films(database, films)
    assert find(database, Match("overview", "lord")) == [1]
    assert find(database, Match("title", "x" * 5000)) == []
    for genre in ("It's", "BACK\\slash", "a:b", 'quo"te'):
        assert find(database, Match("genres", genre)) == [2]
    assert find(database, Phrase("keywords", "a b")) == [3]
    assert find(database, Phrase("keywords", "b b")) == []
    assert find(database, Match("overview", "w999")) == [4]
    for word in ("ключ", "КЛЮЧ", "کتاب", "한국어"):
        assert find(database, Match("overview", word)) == [5]


def test_a_film_of_megabytes_of_text_stops_no_load(database: Database) -> None:
    """The densest texts: different short words, of several bytes a letter, in every field."""
    dense = " ".join(chr(0x4E00 + n % 20_000) + chr(0x4E00 + n // 7) for n in range(40_000))
    everywhere = {"original_title": dense, "director": dense, "overview": "lord " + dense}
    lists = {"actors": [dense], "keywords": dense.split(), "genres": ["Drama", *dense.split()]}
    add_films(database, [film(1, title=dense, **everywhere, **lists), film(2, title="King")])
    assert find(database, Match("overview", "lord")) == [1]
    assert find(database, Match("genres", "drama")) == [1]
    assert find(database, Match("title", "king")) == [2]


def test_hostile_words_are_only_words(database: Database) -> None:
    add_films(database, [film(1, title="Robert'); DROP TABLE movies;--", genres=["'|'t:lord"])])
    engine = database.search_engine
    for text in ("'", "''", "\\", "\\'", "a' | 'b", "') OR 1=1 --", "t:lord", "%s", ":x", "!", "&"):
        for tree in (
            Words((text,)),
            Match("title", text),
            Match("genres", text),
            Prefix("genres", text),
            Prefix(None, text),
            Fuzzy("genres", text),
            Phrase("title", text),
        ):
            assert find(database, tree) in ([], [1])
    assert find(database, Match("genres", "'|'t:lord")) == [1]
    assert find(database, Prefix("genres", "'|'t")) == [1]
    assert run(database, engine.compile(Match("title", "drop table")).query)[0][0] == 1


def test_damaged_queries_find_nothing(films_on_postgres: Database) -> None:
    damaged: list[dict[str, Any]] = [{}, {"words": []}, {"match": [0]}, {"match": ["DROP"]}]
    for query in damaged:
        assert run(films_on_postgres, query) == []


TYPING = st.lists(
    st.sampled_from([*"()[]{}\"'^~*:?<>\\/+-!", " ", " AND ", " OR ", " NOT ", " TO ", "2"])
    | st.sampled_from(["title:", "year:", "avg_rating:", "genres:", "lord", "1999", "千", "zz:"]),
    max_size=25,
).map("".join)


@given(text=TYPING)
@example(text="year:99999999999999999999")
@example(text="year:[1 TO 999999999999999999]")
@example(text='title:"lord rings"~9 (')
@settings(max_examples=150)
def test_nothing_typed_at_psql_fails(films_on_postgres: Database, text: str) -> None:
    with films_on_postgres.read() as connection:
        query = connection.scalar(statements["parse"], {"text": text})
    run(films_on_postgres, query)


NOT_AT_PSQL = re.compile(r":\(|\)\^|~[12]?$|\w-\w*\*|\d\*|:[tT]{2}\d|[<>]\*")
"""field:(...), boosts of groups, typing mistakes, prefixes of numbers and of several words."""

AT_PSQL = [q for q in read_queries() if not parse(q).notes and not NOT_AT_PSQL.search(q)]


@pytest.mark.parametrize("text", AT_PSQL)
def test_operators_at_psql_find_what_the_service_finds(
    films_on_postgres: Database, text: str
) -> None:
    with films_on_postgres.read() as connection:
        query = connection.scalar(statements["parse"], {"text": text})
    assert matches(films_on_postgres, query) == find(films_on_postgres, parse(text).tree)


@pytest.mark.parametrize(
    "text",
    [
        " OR ".join(["title:lor*"] * 20 + ["title:kin*"]),
        " OR ".join(["title:lord"] * 101),
        " OR ".join(['title:"dark knight"'] * 21),
        'title:"dark knight"~9 OR title:"of lord"~9 OR title:"lord of"~3',
        f'title:"{"lord " * 31}" OR title:king',
    ],
    ids=["prefixes", "clauses", "phrases", "slop", "words"],
)
def test_what_costs_too_much_is_read_at_psql_as_the_service_reads_it(
    films_on_postgres: Database, text: str
) -> None:
    with films_on_postgres.read() as connection:
        query = connection.scalar(statements["parse"], {"text": text})
    assert parse(text).notes
    assert matches(films_on_postgres, query) == find(films_on_postgres, parse(text).tree)


def test_films_already_rated_are_left_out_before_the_limit(database: Database) -> None:
    add_films(database, [film(n, title="Lord") for n in range(1, 31)])
    with database.begin() as connection:
        connection.execute(statements["rate_films"], [{"movie_id": n} for n in range(1, 21)])
        query = json.dumps(database.search_engine.compile(Words(("lord",))).query)
        parameters = {"query": query, "n": 5, "user_id": 7, "profile": "main"}
        assert connection.scalars(statements["unseen"], parameters).all() == [21, 22, 23, 24, 25]
        parameters["profile"] = "other"
        assert connection.scalars(statements["unseen"], parameters).all() == [1, 2, 3, 4, 5]


def test_fuzzy_words_know_new_films_at_once(database: Database) -> None:
    assert find(database, Fuzzy("title", "matrx")) == []
    add_films(database, [film(1, title="Matrix")])
    assert find(database, Fuzzy("title", "matrx")) == [1]


def test_the_indexed_words_are_read_once(films_on_postgres: Database) -> None:
    words = IndexedWords(films_on_postgres.engine)
    assert words.lexemes("title") is words.lexemes("title")
    assert "matrix" in words.lexemes("title")
    assert list(words.near("title", "matrx", 1)) == ["matrix"]
    assert list(words.near("genres", "Sci-Fy", 1)) == ["sci-fi"]
    assert isinstance(films_on_postgres.search_engine, Postgres)


def test_writers_at_once_neither_wait_for_the_totals_nor_lose_them(database: Database) -> None:
    barrier = threading.Barrier(4)

    def write(worker: int) -> None:
        barrier.wait()
        for n in range(10):
            add = [film(worker * 100 + n, title=f"lord {worker}")]
            with database.begin() as connection:
                connection.execute(statements["add_title"], add)

    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.begin() as connection:
        kept = contents(connection)
        connection.execute(statements["refresh"])
        assert contents(connection) == kept
    assert len(find(database, Match("title", "lord"))) == 40


def test_everything_works_in_a_schema_of_its_own(database: Database) -> None:
    folder = Path(__file__).parents[2] / "sql" / "engines"
    with database.begin() as connection:
        connection.execute(statements["make_schema"])
        connection.execute(statements["use_schema"])
        connection.execute(statements["copy_movies"])
        for path in [folder / "words.sql", *sorted(folder.glob("postgres*.sql"))]:
            run_script(connection, path.read_text(encoding="utf-8"))
        connection.execute(statements["add_title"], [film(1, title="Scratch Lord")])
        query = json.dumps(database.search_engine.compile(Match("title", "lord")).query)
        found = {"query": query, "n": 5, "user_id": None, "profile": "main"}
        assert connection.scalars(statements["unseen"], found).all() == [1]
        connection.execute(statements["use_public"])
        assert connection.scalars(statements["unseen"], found).all() == []
