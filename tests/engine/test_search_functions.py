"""search_candidates(), parse_query() and suggest_titles(): the seam that every engine has."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from search.query import parse
from sql.database import Database
from sql.syntax import And, Filter, Ids, Match, Node, Range, Words
from sql.text import fold
from tests.engine.conftest import read_films, run, statements

FALLBACKS = [
    "lord",
    "dark knight",
    "The Lord of the Rings",
    '"dark knight"',
    'batman "dark knight" the',
    '"the" lord',
    "to be or not to be",
    "it's",
    "What's Up, Doc?",
    "spider-man 2",
    "Amélie",
    "千と千尋",
    "Ночной дозор",
    "50/50",
    "Mission: Impossible",
    'lord "dark knight',
    "“dark knight”",
    "movies with robots in space",
    "Show me some good films about the war",
    "movie with",
    "Dark knight films",
    "the movies",
    "🎬",
    "",
]


def candidates(database: Database, text: str, **options: Any) -> list[tuple[int, bool]]:
    compiled = database.search_engine.compile(parse(text).tree)
    parameters = {
        "query": json.dumps(compiled.query),
        "loose": json.dumps(compiled.loose) if compiled.loose else None,
        "n": 100,
        "k": 10,
        "unseen_by": None,
        **options,
    }
    with database.read() as connection:
        rows = connection.execute(statements["relaxed"], parameters)
        return [(row.movie_id, row.relaxed) for row in rows]


def parsed_in_sql(database: Database, text: str) -> Any:
    with database.read() as connection:
        return connection.execute(statements["parse"], {"text": text}).one()


@pytest.mark.parametrize("text", FALLBACKS)
def test_plain_words_at_psql_are_the_query_of_the_service(
    films_database: Database, text: str
) -> None:
    compiled = films_database.search_engine.compile(parse(text).tree)
    found = parsed_in_sql(films_database, text)
    assert found.query == compiled.query
    assert found.loose == compiled.loose


PLAIN = st.text(
    st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"], exclude_characters="\x00")
    | st.sampled_from('  ""abcABCthe'),
    max_size=60,
)


@given(text=PLAIN)
@example(text="The the")
@example(text='"a b" "" "c"')
@example(text=" ".join(f'"lord {i}"' for i in range(30)))
@example(text=f'"{"lord rings " * 20}" king')
@settings(max_examples=60)
def test_any_plain_text_is_read_alike(films_database: Database, text: str) -> None:
    found = parsed_in_sql(films_database, text)
    if not is_plain(text):
        return
    compiled = films_database.search_engine.compile(parse(text).tree)
    assert found.query == compiled.query
    assert found.loose == compiled.loose


def is_plain(text: str) -> bool:
    return not any(c in text for c in "(){}[]^~*<>\\:+-") and not {"AND", "OR", "NOT"} & set(
        text.split()
    )


@pytest.mark.parametrize(
    "text",
    [
        '"dark knight"',
        "genres:Action AND genres:Thriller",
        "title:matrix AND year:[2000 TO 2020]",
        "(title:lord OR title:king) AND genres:Fantasy",
        "title:lord",
    ],
)
def test_the_first_queries_work_at_psql(films_database: Database, text: str) -> None:
    compiled = films_database.search_engine.compile(parse(text).tree)
    at_psql = run(films_database, parsed_in_sql(films_database, text).query)
    assert {i for i, _ in at_psql} == {i for i, _ in run(films_database, compiled.query)}


def test_few_films_for_all_words_make_it_any_word(films_database: Database) -> None:
    strict = candidates(films_database, "dark knight", k=5)
    assert len(strict) == 5
    assert not any(relaxed for _, relaxed in strict)

    relaxed = candidates(films_database, "dark knight", k=6)
    assert len(relaxed) > 5
    assert {i for i, alone in relaxed if not alone} == {i for i, _ in strict}


def test_a_word_that_nobody_has_is_no_dead_end(films_database: Database) -> None:
    found = candidates(films_database, "lord zzzunknown")
    assert len(found) == 9
    assert found[0][1]
    assert candidates(films_database, "zzzunknown") == []


COUNTS = [
    ("search('lord', ", "k"),
    ("search('lord', ", "candidates"),
    ("recommend(1, ", "candidates"),
    ("suggest_titles('lo', ", "k"),
]


@pytest.mark.parametrize(
    ("function", "name", "given"),
    [("recommend(1, ", "k", "-1"), *((*count, n) for count in COUNTS for n in ("-1", "NULL"))],
)
def test_fewer_than_one_film_is_refused(
    films_database: Database, function: str, name: str, given: str
) -> None:
    refused = pytest.raises(Exception, match=f"unknown {name}: {given}")
    with films_database.read() as connection, refused:
        connection.exec_driver_sql(f"SELECT * FROM {function} {name} => {given})")


def test_the_limit_keeps_the_best(films_database: Database) -> None:
    everything = candidates(films_database, "title:lord")
    assert candidates(films_database, "title:lord", n=3) == everything[:3]
    assert candidates(films_database, "title:lord", n=0) == []


def test_equal_scores_are_ordered_by_movie_id(films_database: Database) -> None:
    found = [movie_id for movie_id, _ in candidates(films_database, "year:1999", n=1000)]
    assert found == sorted(found)


FILTERED: list[tuple[Node, set[int]]] = [
    (And((Match("title", "matrix"), Filter(Range("year", 2003, 2003)))), {640, 820}),
    (And((Words(("matrix",)), Ids((60, 640, 10)))), {60, 640}),
    (Ids((10, 20, 99999)), {10, 20}),
    (Ids(()), set()),
    (Filter(Match("genres", "western")), {1850}),
    (And((Filter(Match("genres", "Horror")), Filter(Range("year", None, 1960)))), {1240}),
]


@pytest.mark.parametrize(("tree", "expected"), FILTERED)
def test_trees_made_by_hand(films_database: Database, tree: Node, expected: set[int]) -> None:
    found = run(films_database, films_database.search_engine.compile(tree).query)
    assert {movie_id for movie_id, _ in found} == expected


def test_filters_leave_the_score_alone(films_database: Database) -> None:
    engine = films_database.search_engine
    word = Words(("matrix",))
    plain = dict(run(films_database, engine.compile(word).query))
    tree = And((word, Filter(Match("genres", "Sci-Fi")), Range("year", 1999, None), Ids((60,))))
    filtered = dict(run(films_database, engine.compile(tree).query))
    assert filtered == {60: pytest.approx(plain[60])}


@pytest.mark.parametrize(
    ("typed", "titles"),
    [
        ("lord of the ri", ["The Lord of the Rings: The Fellowship of the Ring"]),
        ("the mat", ["The Matrix", "The Matrix Reloaded", "The Matrix Revolutions"]),
        ("MATR", ["The Matrix", "The Matrix Reloaded"]),
        ("amel", ["Amelie Sings"]),
        ("amél", ["Amelie Sings", "Le Fabuleux destin d'Amélie Poulain"]),
        ("univers", ["Universal Soldiers", "University of Love"]),
        ("universal", ["Universal Soldiers"]),
        ("千年", ["千年女優"]),
        ("toy story 2", ["Toy Story 2"]),
        ("zzz", []),
        ("", []),
        ("!?", []),
        ("'", []),
    ],
)
def test_titles_as_you_type(films_database: Database, typed: str, titles: list[str]) -> None:
    with films_database.read() as connection:
        rows = connection.execute(statements["suggest"], {"prefix": typed, "k": 10})
        assert [row.title for row in rows][: len(titles) or 1] == titles


@pytest.mark.parametrize("typed", ["d", "lo", "matr"])
def test_titles_that_begin_so_come_first_then_the_most_rated(
    films_database: Database, typed: str
) -> None:
    films = {film["movie_id"]: film for film in read_films()}
    with films_database.read() as connection:
        rows = connection.execute(statements["suggest"], {"prefix": typed, "k": 100}).all()

    def place(movie_id: int) -> tuple[bool, int]:
        film = films[movie_id]
        names = [fold(name).lower() for name in (film["title"], film["original_title"] or "")]
        starts = (typed, f"the {typed}", f"a {typed}", f"an {typed}")
        begins = any(name.startswith(starts) for name in names)
        return not begins, -(film["rating_count"] or 0)

    found = [row.movie_id for row in rows]
    assert len(found) > 1
    assert found == sorted(found, key=place)
