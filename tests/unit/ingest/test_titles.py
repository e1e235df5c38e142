"""Catalog titles split into title, other names and year."""

import unicodedata
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.titles import restore_article, split_title

CATALOG = [
    ("Toy Story (1995)", "Toy Story", None, 1995),
    ("Lord of the Rings, The (2001)", "The Lord of the Rings", None, 2001),
    (
        "City of Lost Children, The (Cité des enfants perdus, La) (1995)",
        "The City of Lost Children",
        "La Cité des enfants perdus",
        1995,
    ),
    ("Seven (a.k.a. Se7en) (1995)", "Seven", "Se7en", 1995),
    ("Asterix in America (a.k.a Asterix) (1994)", "Asterix in America", "Asterix", 1994),
    ("European Vacation (aka National Vacation)", "European Vacation", "National Vacation", None),
    (
        "Shanghai Triad (Yao a yao yao dao waipo qiao) (1995)",
        "Shanghai Triad",
        "Yao a yao yao dao waipo qiao",
        1995,
    ),
    (
        "Bicycle Thieves (a.k.a. The Bicycle Thief) (a.k.a. The Bicycle Thieves) "
        "(Ladri di biciclette) (1948)",
        "Bicycle Thieves",
        "The Bicycle Thief / The Bicycle Thieves / Ladri di biciclette",
        1948,
    ),
    ("Avventura, L' (Adventure, The) (1960)", "L'Avventura", "The Adventure", 1960),
    ("Boot, Das (Boat, The) (1981)", "Das Boot", "The Boat", 1981),
    ("Vitelloni, I (1953)", "I Vitelloni", None, 1953),
    ("Me, Myself, I (2000)", "Me, Myself, I", None, 2000),
    ("Spy Who Loved Me, The (1977)", "The Spy Who Loved Me", None, 1977),
    (
        "Good, the Bad and the Ugly, The (Buono, il brutto, il cattivo, Il) (1966)",
        "The Good, the Bad and the Ugly",
        "Il Buono, il brutto, il cattivo",
        1966,
    ),
    ("(500) Days of Summer (2009)", "(500) Days of Summer", None, 2009),
    ("Frontière(s) (2007)", "Frontière(s)", None, 2007),
    ("Evangelion: 3.0 You Can (Not) Redo (2012)", "Evangelion: 3.0 You Can (Not) Redo", None, 2012),
    (
        "Birdman: Or (The Unexpected Virtue of Ignorance) (2014)",
        "Birdman: Or (The Unexpected Virtue of Ignorance)",
        None,
        2014,
    ),
    ("Babylon 5", "Babylon 5", None, None),
    ("1984 (Nineteen Eighty-Four) (1984)", "1984", "Nineteen Eighty-Four", 1984),
    ("2012 (2009)", "2012", None, 2009),
    ("(1984)", "(1984)", None, None),
    ("11'09\"01 - September 11 (2002)", "11'09\"01 - September 11", None, 2002),
    ("Death Note: Desu nôto (2006–2007)", "Death Note: Desu nôto", None, 2006),
    ("Diplomatic Immunity (2009– )", "Diplomatic Immunity", None, 2009),
    ("The Return of Jafar (1994) (V)", "The Return of Jafar", None, 1994),
    ("Terrible Joe Moran (TV) (1984)", "Terrible Joe Moran", None, 1984),
    ("Paris, Texas (1984)", "Paris, Texas", None, 1984),
    ("I, Robot (2004)", "I, Robot", None, 2004),
    ("  Seven   Samurai\t(1954) \n", "Seven Samurai", None, 1954),
    ("千と千尋の神隠し (2001)", "千と千尋の神隠し", None, 2001),
    ("Ame\u0301lie (2001)", "Amélie", None, 2001),
]


@pytest.mark.parametrize(("text", "title", "original_title", "year"), CATALOG)
def test_titles_of_real_catalogs(
    text: str, title: str, original_title: str | None, year: int | None
) -> None:
    assert split_title(text) == (title, original_title, year)


WORD = st.text("abcdefghijklmnopqrstuvwxyzéßñåøABC0123456789'", min_size=1, max_size=8).filter(
    lambda word: word.lower() not in ("or", "part", "vol", "volume", "chapter", "season", "episode")
)
NAME = st.lists(WORD, min_size=1, max_size=5).map(" ".join)
YEAR = st.integers(1870, 2099)


@given(NAME, st.sampled_from(["The", "A", "La", "Les", "Der", "El", "Il", "Det"]), YEAR)
def test_the_article_comes_back(name: str, article: str, year: int) -> None:
    assert split_title(f"{name}, {article} ({year})") == (f"{article} {name}", None, year)


@given(NAME, st.lists(NAME, max_size=3, unique=True), YEAR)
def test_names_in_parentheses_become_other_names(name: str, others: list[str], year: int) -> None:
    text = " ".join([name, *(f"({other})" for other in others), f"({year})"])
    found = split_title(text)
    assert (found.title, found.year) == (name, year)
    kept = [other for other in others if other != name]
    assert found.original_title == (" / ".join(kept) or None)


@given(st.text(max_size=80))
def test_any_text_is_split_and_nothing_is_made_up(text: str) -> None:
    found = split_title(text)
    assert bool(found.title) == bool(text.split())
    read = Counter(unicodedata.normalize("NFC", text))
    shown = Counter(f"{found.title}{found.original_title or ''}{found.year or ''}")
    assert not {c for c in shown - read if c not in " /"}


@given(NAME)
def test_a_restored_title_stays(name: str) -> None:
    assert restore_article(name) == name
