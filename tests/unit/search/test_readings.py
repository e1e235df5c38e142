"""Other readings of a text, made of a small catalog's words and titles."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.readings import correct, readings
from search.titles import Catalog, Title, typed_words

TITLES = {
    "Star Wars": 900,
    "Star Wars: A New Hope": 500,
    "Spider-Man": 400,
    "S.W.A.T.": 50,
    "S.W.A.T.: Firefight": 5,
    "Rocky II": 60,
    "The Godfather": 800,
    "Angel Eyes": 20,
    "Spiderwoman": 3,
    "Rio": 30,
    "Equilibrium": 90,
    "Monsters University": 100,
    "Stranger than Paradise": 40,
    "Alien": 700,
    "Alice": 10,
    "The House": 5,
    "The Hours": 80,
    "Frozen": 300,
    "Oldboy": 90,
    "Old Boy": 120,
    "Coat": 60,
    "Goat": 5,
    "The Lord of the Rings": 600,
    "Lost of the Realm": 3,
    "Kill Bill: Vol. 2": 300,
    "Dr. Strangelove": 200,
    "Back to the Future": 500,
    "Back to the Future Part II": 300,
    "Back to the Future Part III": 200,
    "Pirates of the Caribbean": 400,
}


def catalog() -> Catalog:
    words: dict[str, int] = {"stallone": 9}
    titles: dict[str, list[Title]] = {}
    for title, ratings in TITLES.items():
        words_of = typed_words(title)
        key = words_of[words_of[0] == "the" :]
        titles.setdefault("".join(key), []).append(Title(" ".join(key), title.lower(), ratings))
        for word in key:
            words[word] = words.get(word, 0) + 1
    return Catalog(words, titles)


def first(
    text: str, *, alike: str = "", mistakes: bool = True, title: bool = False
) -> tuple[str, str] | None:
    for found in readings(
        text,
        catalog(),
        lambda _: False,
        lambda _: True,
        alike=lambda _: alike.split(),
        mistakes=mistakes,
        title=title,
    ):
        return found.kind, found.text
    return None


@pytest.mark.parametrize(
    ("typed", "kind", "text"),
    [
        ("starwars", "split", "star wars"),
        ("spiderman stallone", "split", "spider man stallone"),
        ("swat firefight", "initials", "s w a t firefight"),
        ("spider woman", "joined", "spiderwoman"),
        ("rocky 2 stallone", "numerals", "rocky ii stallone"),
        ("godfahter", "typos", "the godfather"),
        ("stranger tahn paradise stallone", "typos", "stranger than paradise stallone"),
        ("Roi", "typos", "rio"),
        ("Angle Eyes", "typos", "angel eyes"),
        ("Angle Eyes (2001)", "typos", "angel eyes 2001"),
        ("eqsiljbrium", "typos", "equilibrium"),
        ("strangr than paradise stallone", "typos", "stranger than paradise stallone"),
        ("monsters uni", "beginning", "monsters university"),
        ("pirat", "beginning", "pirates of the caribbean"),
        ("thegodfather stallone", "split", "the godfather stallone"),
        ("kill bill volume two", "abbreviations", "kill bill vol 2"),
        ("doctor strangelove", "abbreviations", "dr strangelove"),
        ("back 2 the future", "abbreviations", "back to the future"),
        ("lotr", "initials", "the lord of the rings"),
        ("potc", "initials", "pirates of the caribbean"),
        ("pirates of the carribean", "typos", "pirates of the caribbean"),
        ("bttf 2", "initials", "back to the future part ii"),
        ("bttf", "initials", "back to the future"),
        ("th ehouse", "split", "the house"),
        ("fr0zen", "typos", "frozen"),
        ("акщяут", "typos", "frozen"),  # on the keys of a Cyrillic keyboard
        ("gtpxrm", "typos", "frozen"),  # the hand one key to the right
        ("frozennnn", "typos", "frozen"),
        ("pirattes of the caribean", "typos", "pirates of the caribbean"),
        ("kill blil", "typos", "kill bill"),  # a beginning
        ("bakc to the fut", "typos", "back to the future"),
        ("froyen", "typos", "frozen"),  # on the keys of a German keyboard
        ("anh", "initials", "star wars: a new hope"),  # of its last part
        ("sw new hope", "initials", "star wars: a new hope"),
        ("monster university stallone", "typos", "monsters university stallone"),
    ],
)
def test_the_closest_reading_comes_first(typed: str, kind: str, text: str) -> None:
    assert first(typed) == (kind, text)


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("aliec", "alice"),  # two letters swapped, rather than the wrong one of Alien
        ("the houes", "the house"),
        ("frozzen", "frozen"),
        ("oldoy", "oldboy"),  # as many words as were typed, rather than the better known Old Boy
        ("old oy", "old boy"),
        ("goot", "goat"),  # the first letter is seldom wrong
        (
            "back to the futture part iii",
            "back to the future part iii",
        ),  # no letter of III is one too many
    ],
)
def test_the_likelier_mistake_counts_more_than_fame(typed: str, text: str) -> None:
    assert first(typed) == ("typos", text)


@pytest.mark.parametrize(
    ("text", "may_be"),
    [
        ("rio goat", False),
        ("strange stars", True),
        ("swatting", True),
        ("hous", True),
        ("alien 1979", False),
        ("star of the house", True),  # its words are known; a long title may be another's, mistyped
    ],
)
def test_a_text_may_be_mistyped_that_has_an_unknown_word_or_is_long(
    text: str, may_be: bool
) -> None:
    assert catalog().may_be_mistyped(text) is may_be


def test_titles_that_are_as_near_are_one_reading_the_most_rated_first() -> None:
    assert first("aliek") == ("typos", "alien")
    assert first("roat") == ("typos", "coat OR goat")
    assert first("froz") == ("beginning", "frozen")
    assert first("raowt", alike="rio") == ("typos", "rio")  # what sounds so comes behind
    assert first("roat", alike="rio") == ("typos", "coat OR goat OR rio")
    assert first("roat 1990") == ("typos", "coat 1990")  # the year decides


def test_what_only_stems_found_is_read_as_a_title_mistyped_once() -> None:
    assert first("huose", title=True) == ("typos", "the house")
    assert first("aelic", title=True) is None


def test_a_digit_is_no_mistake() -> None:
    assert first("rockyii2") is None
    assert first("alien5") is None


def test_short_words_have_no_mistakes() -> None:
    assert first("rjo") is None


def test_a_number_is_written_otherwise_only_where_a_title_has_it_so() -> None:
    assert first("stallone 2", mistakes=False) is None


def test_without_mistakes_only_other_ways_to_write_the_same() -> None:
    assert first("godfahter", mistakes=False) is None
    assert first("starwars", mistakes=False) == ("split", "star wars")


def test_a_word_that_the_catalog_has_elsewhere_is_no_mistake() -> None:
    def knows(word: str) -> bool:
        return word == "rocki"

    assert next(readings("rocki stallone", catalog(), knows, lambda _: True), None) is None


def test_a_reading_finds_films_under_the_filters_or_is_none() -> None:
    assert next(readings("godfahter", catalog(), lambda _: False, lambda _: False), None) is None


def test_a_suggestion_replaces_only_words_that_nothing_has() -> None:
    def asked(text: str) -> str | None:
        words = ["godfahter", "monsters", "overview"]
        return correct(text, words, catalog(), lambda w: w == "overview", lambda _: True)

    assert asked("title:godfahter OR monsters OR overview") == (
        "title:godfather OR monsters OR overview"
    )
    assert asked("title:GODFATHER") is None


@given(st.text(max_size=40))
def test_any_text_has_readings_or_none(text: str) -> None:
    for reading in readings(text, catalog(), lambda _: False, lambda _: True):
        assert reading.text.strip()
