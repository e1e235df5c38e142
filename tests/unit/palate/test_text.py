"""Text from outside, as it may be printed and put into sentences."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palate.errors import NotFoundError
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


@given(st.text())
def test_neutral_text_steers_nothing(text: str) -> None:
    made = neutral(text)
    assert not any(unicodedata.category(c) == "Cc" and c not in "\n\t" for c in made)
    assert not set(made) & set(STEERING)
    assert neutral(made) == made


@pytest.mark.parametrize("text", ["שלום", "مرحبا", "می‌خواهم", "👩‍🚀", "Amélie", "千と千尋"])
def test_every_script_stays_as_it_is(text: str) -> None:
    assert neutral(text) == text
