"""Text from outside, as it may be printed and put into sentences."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palate.errors import NotFoundError
from palate.items import as_items
from palate.settings import Settings
from palate.text import name_film, neutral, one_line

STEERING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert neutral("\x1b[2JWiped\x07") == "�[2JWiped�"
    assert neutral("two\nlines\tand a tab") == "two\nlines\tand a tab"
    assert one_line(" two\nlines\r\n ") == "two lines�"


@pytest.mark.parametrize("mark", STEERING)
def test_no_mark_turns_letters_round(mark: str) -> None:
    assert name_film(f"Al{mark}ien", 1979) == "Alien (1979)"
    assert str(NotFoundError(f"There is no film Al{mark}ien.")) == "There is no film Alien."


@pytest.mark.parametrize(
    ("setting", "said", "says"),
    [
        ("film", "There is no film 5.", "There is no film 5."),
        ("book", "Films are movies; a film's title.", "Books are books; a book's title."),
        ("item", "A film without a title.", "An item without a title."),
        ("dish,dishes", "2 films, 1 film", "2 dishes, 1 dish"),
        ("book", "no 'Film', “film” or `palate movie`", "no 'Film', “film” or `palate movie`"),
        ("book", "films.csv, movie_id, /v1/movies", "films.csv, movie_id, /v1/movies"),
    ],
)  # fmt: skip
def test_the_catalogs_word_stands_for_film_but_in_names_and_quotations(
    monkeypatch: pytest.MonkeyPatch, setting: str, said: str, says: str
) -> None:
    monkeypatch.setattr("palate.settings.get_settings", lambda: Settings(item_word=setting))
    assert as_items(said) == says


@given(st.text())
def test_neutral_text_steers_nothing(text: str) -> None:
    made = neutral(text)
    assert not any(unicodedata.category(c) == "Cc" and c not in "\n\t" for c in made)
    assert not set(made) & set(STEERING)
    assert neutral(made) == made


@pytest.mark.parametrize("text", ["שלום", "مرحبا", "می‌خواهم", "👩‍🚀", "Amélie", "千と千尋"])
def test_every_script_stays_as_it_is(text: str) -> None:
    assert neutral(text) == text
