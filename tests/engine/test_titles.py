"""Typed titles: levels, folding, suggestions. The same on every engine."""

import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from palate.contract import LEVELS, SearchRequest
from palate.settings import Settings
from palate.statements import Statements
from rerank.search import Searcher
from search.catalog import suggest
from search.titles import typed_words
from sql.database import Database
from sql.embedded import EmbeddedServer
from sql.text import fold
from tests.engine.conftest import ENGINES, add_films, engine_database
from tests.engine.test_postgres import film

statements = Statements(Path(__file__).parent / "titles.sql")

TITLES = {
    1: ("Alien", None, 1979),
    2: ("Aliens", None, 1986),
    3: ("Cowboys & Aliens", None, 2011),
    4: ("Heat", None, 1995),
    5: ("Heat", None, 1986),
    6: ("The Heat", None, 2013),
    7: ("Spider-Man", None, 2002),
    8: ("Spider-Man 2", None, 2004),
    9: ("S.W.A.T.", None, 2003),
    10: ("Rocky II", None, 1979),
    11: ("Rocky", None, 1976),
    12: ("The Seven Samurai", "Shichinin no samurai / 七人の侍", 1954),
    13: ("8½", None, 1963),
    14: ("Ocean's Eleven", None, 2001),
    15: ("C++", None, 2001),
    16: ("C#", None, 2002),
    17: ("$", None, 1971),
    18: ("*batteries not included", None, 1987),
    19: ("[REC]", None, 2007),
    20: ("It", None, 1990),
    21: ("Amélie", "Le Fabuleux destin d'Amélie Poulain", 2001),
    22: ("Straße der Träume", None, 1990),
    23: ("Spirited Away", "千と千尋の神隠し", 2001),
    24: ("Ёлки", None, 2010),
    25: ("Don't Look Now", None, 1973),
    26: ("The Lord of the Rings: The Two Towers", None, 2002),
    27: ("Lord of War", None, 2005),
    28: ("Universal Soldier", None, 1992),
    29: ("Monsters University", None, 2013),
    30: ("Star Wars: Episode IV - A New Hope", None, 1977),
    31: ("To Be or Not to Be", None, 1942),
    32: ("Łódź", None, 1990),
    33: ("?", None, 2011),
    34: ("The Ring", None, 2002),
    35: ("Ring", None, 1998),
    36: ("2001 Maniacs", None, 2005),
    37: ("Maniacs", None, 2001),
    38: ("Scary Movie", None, 2000),
    39: ("Scary", None, 2010),
    40: ("University of Rain", None, 1961),
    41: ("E.T. the Extra-Terrestrial", None, 1982),
    42: ("A.I. Artificial Intelligence", None, 2001),
    43: ("Libre et assoupi", None, 2014),
    44: ("L.A. Confidential", None, 1997),
    45: ("La Haine", None, 1995),
    46: ("D.O.A.", None, 1988),
}


@pytest.fixture(scope="module", params=ENGINES)
def titled(
    request: pytest.FixtureRequest, server: EmbeddedServer, settings: Settings
) -> Iterator[Database]:
    with engine_database(request.param, server, settings) as database:
        add_films(
            database,
            [
                film(
                    i,
                    title=title,
                    original_title=original,
                    year=year,
                    rating_count=100 - i,
                    genres=["Drama"],
                )
                for i, (title, original, year) in TITLES.items()
            ],
        )
        yield database


def found(database: Database, typed: str, user_id: int | None = None) -> list[tuple[int, str]]:
    with database.read() as connection:
        rows = connection.execute(statements["search"], {"typed": typed, "user_id": user_id})
        return [(row.movie_id, row.level) for row in rows]


@pytest.mark.parametrize(
    ("typed", "movie_id", "level"),
    [
        ("Aliens", 2, "title as written"),
        ("aliens", 2, "title as written"),
        ("ALIENS", 2, "title as written"),
        ("heat 1995", 4, "title as written"),
        ("Heat (1986)", 5, "title as written"),
        ("(1986) Heat", 5, "title as written"),
        ("Heat '95", 4, "title as written"),
        ("Heat.1995.1080p.BluRay", 4, "title as written"),
        ("2001 Maniacs 2005", 36, "title as written"),
        ("2001 Maniacs", 36, "title as written"),
        ("watch the heat online", 6, "title without article"),
        ("Scary Movie film", 38, "title without article"),
        ("heat explained", 4, "beginning"),
        ("what is heat about", 4, "beginning"),
        ("is scary movie on netflix", 38, "beginning"),
        ("'86 heat", 5, "beginning"),
        ("heat 80s", 5, "beginning"),
        ("heat made in 1986", 5, "beginning"),
        ("Heat_1986_1080p_BluRay-HOT.mkv", 5, "beginning"),
        ("heat1986", 5, "title as written"),
        ("rocky the second one", 10, "title spelt otherwise"),
        ("the second rocky film", 10, "title spelt otherwise"),
        ("rocky number 2", 10, "title spelt otherwise"),
        ("soldier universal", 28, "title spelt otherwise"),
        ("the movie Ring (1998)", 35, "title without article"),
        ("Heat, The (Feuer) (2013)", 6, "title spelt otherwise"),
        ("TheSevenSamurai", 12, "title spelt otherwise"),
        ("the movie Don't Look Now 1973", 25, "title without article"),
        ("Rocky part 2", 10, "title spelt otherwise"),
        ("the heat", 6, "title as written"),
        ("Heat, The", 6, "title"),
        ("Heat, The (2013)", 6, "title"),
        ("ring", 35, "title as written"),
        ("the ring", 34, "title as written"),
        ("spiderman", 7, "title spelt otherwise"),
        ("spider man 2", 8, "title"),
        ("swat", 9, "title spelt otherwise"),
        ("s w a t", 9, "title"),
        ("et", 41, "beginning"),
        ("ET", 41, "beginning"),
        ("e.t.", 41, "beginning"),
        ("ai", 42, "beginning"),
        ("rocky 2", 10, "title spelt otherwise"),
        ("rocky two", 10, "title spelt otherwise"),
        ("rocky", 11, "title as written"),
        ("7 samurai", 12, "title spelt otherwise"),
        ("七人の侍", 12, "title as written"),
        ("8 1/2", 13, "title"),
        ("ocean's 11", 14, "title spelt otherwise"),
        ("oceans eleven", 14, "title"),
        ("c++", 15, "title as written"),
        ("c#", 16, "title as written"),
        ("$", 17, "title as written"),
        ("*Batteries not included", 18, "title as written"),
        ("[rec]", 19, "title as written"),
        ("rec", 19, "title"),
        ("it", 20, "title as written"),
        ("amelie", 21, "title"),
        ("Ａｍｅｌｉｅ", 21, "title"),
        ("strasse der traume", 22, "title"),
        ("елки", 24, "title"),
        ("dont look now", 25, "title"),
        ("TO BE OR NOT TO BE", 31, "title as written"),
        ("lodz", 32, "title"),
        ("?", 33, "title as written"),
        ("千尋", 23, "words in order"),
        ("lord rings", 26, "words in order"),
        ("star wars episode 4", 30, "beginning"),
        ("star w", 30, "beginning"),
        ("universal", 28, "words in order"),
        ("university", 29, "words in order"),
        ("8.5", 13, "title"),
        ("ranes university", 40, "title spelt otherwise"),
        ("the rains of university", 40, "title spelt otherwise"),
        ("universities reign", 40, "title spelt otherwise"),
        ("spider-man too", 8, "title spelt otherwise"),
        ("do not look now", 25, "title spelt otherwise"),
        ("university reign 1961", 40, "title spelt otherwise"),
        ("maniac", 37, "title spelt otherwise"),
        ("rocky one", 11, "beginning"),
        ("rocky part i", 11, "beginning"),
        ("seven samurai 1952-1956", 12, "beginning"),
        ("heat 1996", 4, "title spelt otherwise"),
        ("heat OR alien", 4, "title as written"),
    ],
)
def test_the_film_that_is_meant_stands_first(
    titled: Database, typed: str, movie_id: int, level: str
) -> None:
    assert found(titled, typed)[0] == (movie_id, level)


def test_one_word_with_a_genre_is_a_topic_and_a_longer_title_with_one_is_meant(
    titled: Database,
) -> None:
    for topic in ("ring drama", "drama films ring"):
        assert "beginning" not in {level for _, level in found(titled, topic)}
    assert found(titled, "seven samurai drama")[0] == (12, "beginning")
    assert found(titled, "heat drama 1995")[0] == (4, "beginning")


@pytest.mark.parametrize("typed", ["la", "do"])
def test_a_word_that_titles_begin_with_and_half_of_initials_are_none(
    titled: Database, typed: str
) -> None:
    assert "beginning" not in {level for _, level in found(titled, typed)}


def test_levels_stand_in_their_order_whatever_the_weights(titled: Database) -> None:
    for typed in ("aliens", "the lord of the rings", "heat", "rocky 2"):
        for weights in (None, '{"popularity": 100}', '{"bm25": 0, "popularity": 0}'):
            asked = {"typed": typed, "weights": weights}
            with titled.read() as connection:
                rows = connection.execute(statements["weighted"], asked).all()
            places = [LEVELS.index(row.level) for row in rows]
            assert places == sorted(places, reverse=True)


def test_a_stem_is_found_behind_the_word(titled: Database) -> None:
    assert found(titled, "universal")[:2] == [(28, "words in order"), (29, "all words")]


def test_operators_ask_for_more_than_a_title(titled: Database) -> None:
    for typed in ("aliens NOT cowboys", "title:heat", "-alien cowboys"):
        assert all("title" not in level for _, level in found(titled, typed))


def test_the_service_says_the_same_as_psql(titled: Database) -> None:
    searcher = Searcher(titled)
    for typed in ("aliens", "heat 1995", "amelie", "lord rings", "$", "star wars episode 4"):
        hits = searcher.search(SearchRequest(q=typed, k=30, as_typed=True)).hits
        assert [(hit.movie_id, hit.level) for hit in hits] == found(titled, typed)


@pytest.mark.parametrize(
    ("typed", "kind", "movie_id"),
    [
        ("spidermn 2", "typos", 8),
        ("alines", "typos", 2),
        ("universl soldier", "typos", 28),
        ("cowboys alienz", "typos", 3),
        ("swat 2003", "initials", 9),
        ("monst", "beginning", 29),
    ],
)
def test_what_finds_nothing_is_read_otherwise(
    titled: Database, typed: str, kind: str, movie_id: int
) -> None:
    searcher = Searcher(titled)
    answer = searcher.search(SearchRequest(q=typed))
    assert answer.reading is not None
    assert answer.reading.kind == kind
    assert answer.hits[0].movie_id == movie_id
    assert answer.did_you_mean is None
    assert answer.query.text == typed
    as_typed = searcher.search(SearchRequest(q=typed, as_typed=True))
    assert as_typed.reading is None
    assert as_typed.did_you_mean == answer.reading.text


def test_titles_that_are_as_near_are_offered_together(titled: Database) -> None:
    answer = Searcher(titled).search(SearchRequest(q="aliend"))
    assert answer.reading is not None
    assert answer.reading.text == "alien OR aliens"
    assert [hit.movie_id for hit in answer.hits[:2]] == [1, 2]
    assert [hit.level for hit in answer.hits[:2]] == ["title as written", "beginning"]


def test_what_is_found_is_read_as_it_is(titled: Database) -> None:
    searcher = Searcher(titled)
    for title, _, _ in TITLES.values():
        answer = searcher.search(SearchRequest(q=title))
        assert (answer.reading, answer.did_you_mean) == (None, None), title
    for q in ("Lord Vader", "LORD", "zzzz", "alien zzzz"):
        answer = searcher.search(SearchRequest(q=q))
        assert (answer.reading, answer.did_you_mean) == (None, None), q


def test_a_filter_that_hides_a_film_makes_its_title_no_mistake(titled: Database) -> None:
    answer = Searcher(titled).search(SearchRequest(q="aliens", year_from=2020))
    assert (answer.hits, answer.reading, answer.did_you_mean) == ((), None, None)


def test_pages_of_a_reading_go_on_with_it(titled: Database) -> None:
    searcher = Searcher(titled)
    request = SearchRequest(q="spidermann", k=1)
    first = searcher.search(request)
    second = searcher.search(request.model_copy(update={"cursor": first.next_cursor}))
    assert [first.hits[0].movie_id, second.hits[0].movie_id] == [7, 8]
    assert second.reading == first.reading


@pytest.mark.parametrize(
    ("typed", "title"),
    [
        ("spiderm", "Spider-Man"),
        ("swa", "S.W.A.T."),
        ("universal sl", "Universal Soldier"),
        ("alein", "Alien"),
        ("the lord of the ri", "The Lord of the Rings: The Two Towers"),
        ("rocky 2", "Rocky II"),
        ("[re", "[REC]"),
        ("ame", "Amélie"),
        ("thelordofth", "The Lord of the Rings: The Two Towers"),
        ("th lord of", "The Lord of the Rings: The Two Towers"),
        ("teh lord", "The Lord of the Rings: The Two Towers"),
        ("The oLrd of", "The Lord of the Rings: The Two Towers"),
        ("unversal s", "Universal Soldier"),
        ("niversal s", "Universal Soldier"),
    ],
)
def test_titles_are_suggested_as_they_are_typed(titled: Database, typed: str, title: str) -> None:
    assert suggest(titled, typed)[0].title == title
    assert suggest(titled, "zzzz") == []


def test_snippets_mark_what_folding_found(titled: Database) -> None:
    searcher = Searcher(titled)
    for typed, marked in (
        ("amelie", "<mark>Amélie</mark>"),
        ("strasse", "<mark>Straße</mark> der Träume"),
        ("spiderman", "<mark>Spider</mark>-<mark>Man</mark>"),
    ):
        hit = searcher.search(SearchRequest(q=typed, snippets=True)).hits[0]
        assert hit.snippets
        assert hit.snippets["title"] == marked


def test_python_folds_every_letter_as_sql_does(films_on_postgres: Database) -> None:
    with films_on_postgres.read() as connection:
        rows = connection.execute(statements["folded"]).all()
    differ = [
        hex(code)
        for code, alone, behind in rows
        if unicodedata.category(chr(code)) != "Cn"  # of a later Unicode than Python's
        and (fold(chr(code)), fold("x" + chr(code))) != (alone, behind)
    ]
    assert differ == []


@pytest.mark.parametrize(
    "text", ["Amélie & Ёлки", "Don't Look Now", "S.W.A.T.", "8½", "ﬁn", "千と千尋", "", "it’s"]
)
def test_python_cuts_titles_as_sql_does(films_on_postgres: Database, text: str) -> None:
    with films_on_postgres.read() as connection:
        assert connection.scalar(statements["words"], {"text": text}) == " ".join(typed_words(text))


@pytest.mark.parametrize(
    ("title", "numbers"),
    [
        ("Rocky II", "rocky2"),
        ("One Hundred and One Dalmatians", "101dalmatians"),
        ("2001: A Space Odyssey", "2001aspaceodyssey"),
        ("Two Thousand and One", "2001"),
        ("Twenty-One Grams", "21grams"),
        ("20,000 Leagues", "20000leagues"),
        ("Twenty Thousand Leagues", "20000leagues"),
        ("Friday the Thirteenth", "fridaythe13th"),
        ("Nineteen Eighty-Four", "1984"),
    ],
)
def test_numbers_are_one_however_written(
    films_on_postgres: Database, title: str, numbers: str
) -> None:
    with films_on_postgres.read() as connection:
        assert connection.scalar(statements["numbers"], {"text": title}) == numbers


def test_titles_follow_every_change(database: Database) -> None:
    add_films(database, [film(1, title="Lord"), film(2, title="King", original_title="Roi / Rey")])
    with database.begin() as connection:
        connection.execute(statements["rename"], {"id": 1, "title": "Ring", "original": "Ringu"})
        kept = connection.execute(statements["titles"]).all()
        assert [row.key for row in kept] == ["ring", "ringu", "king", "roi", "rey"]
        connection.execute(statements["refresh"])
        assert connection.execute(statements["titles"]).all() == kept
