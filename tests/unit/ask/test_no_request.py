"""What asks for no films, and what only looks so."""

import pytest

from ask.no_request import is_not_english

TITLES = {"les quatre cents coups", "une femme est une femme", "como agua para chocolate"}


@pytest.mark.parametrize(
    ("text", "foreign"),
    [
        ("ich suche einen Western ohne John Wayne", True),
        ("quiero una comedia de los noventa", True),
        ("una pelicula como Como agua para chocolate", True),
        ("compare Les quatre cents coups and Une femme est une femme", False),
        ("Como agua para chocolate", False),
        ("films by the director of Une femme est une femme", False),
    ],
)
def test_titles_in_another_language_make_no_other_language(text: str, foreign: bool) -> None:
    assert is_not_english(text, lambda title: title.lower() in TITLES) == foreign
