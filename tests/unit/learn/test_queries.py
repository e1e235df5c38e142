"""Queries that a title gives."""

import numpy as np

from learn.data import Film
from learn.models.interface import Ratings
from learn.queries import Query, make_queries, title_words


def films(*titles: str) -> list[Film]:
    return [Film(i, title, 1994, ("Drama",)) for i, title in enumerate(titles, 1)]


def liked(movie_id: int, rating: float = 4.0) -> tuple[Ratings, np.ndarray]:
    return Ratings.of([7], [movie_id], [rating]), np.array([True])


def test_the_words_of_a_title() -> None:
    assert title_words("The Lord of the Rings: Amélie's X-Men 2") == [
        "lord", "rings", "amelie", "men"
    ]  # fmt: skip


def test_one_word_is_the_most_frequent_that_five_titles_have() -> None:
    catalog = films(*["Dark Night"] * 5, *["Night"] * 2, "The Rare Dark Night of it")
    assert make_queries("one-word", catalog, *liked(8)) == [Query(7, 8, "night")]
    assert make_queries("two-words", catalog, *liked(8)) == [Query(7, 8, "dark night")]


def test_any_word_is_one_of_the_title_s_however_few_titles_have_it() -> None:
    catalog = films("The Rare Dark Night", "M", *["Night"] * 400)
    (query,) = make_queries("any-word", catalog, *liked(1))
    assert query.text in {"rare", "dark", "night"}
    assert make_queries("any-word", catalog, *liked(1)) == [query]
    assert make_queries("any-word", catalog, *liked(2)) == []


def test_words_of_hardly_any_or_too_many_titles_are_not_used() -> None:
    assert make_queries("one-word", films(*["Night"] * 4), *liked(1)) == []
    assert make_queries("one-word", films(*["Night"] * 301), *liked(1)) == []
    assert make_queries("one-word", films(*["Night"] * 300), *liked(1)) == [Query(7, 1, "night")]


def test_ties_go_to_the_first_in_the_alphabet() -> None:
    assert make_queries("one-word", films(*["Night Dark"] * 5), *liked(1)) == [Query(7, 1, "dark")]


def test_only_films_that_were_liked_and_held_out_are_asked_for() -> None:
    catalog = films(*["Night"] * 5)
    assert make_queries("one-word", catalog, *liked(1, 3.5)) == []
    ratings, mask = liked(1)
    assert make_queries("one-word", catalog, ratings, ~mask) == []


def test_a_genre_and_decade_is_the_rarest_that_five_films_have() -> None:
    catalog = [Film(i, "Film", 1990 + i, ("Drama", "War") if i < 5 else ("Drama",))
               for i in range(8)]  # fmt: skip
    expected = [Query(7, 1, 'genres:"War" AND year:[1990 TO 1999]')]
    assert make_queries("genre-decade", catalog, *liked(1)) == expected
    assert make_queries("genre-decade", [Film(1, "Film", None, ("War",))], *liked(1)) == []
