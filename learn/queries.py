"""Queries that people who liked a held-out film could have typed, and the film each asks for."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal
from zlib import crc32

import numpy as np

from learn.data import Film
from learn.models.interface import Ratings
from learn.split import Mask
from sql.syntax import STOP_WORDS, split_words
from sql.text import fold

QuerySet = Literal["one-word", "any-word", "two-words", "genre-decade"]

LIKED = 4.0
"""Stars from which a held-out film is one that the user was looking for."""

FEWEST, MOST = 5, 300
"""In how many titles (or films, for a genre and decade) what is asked for is found: fewer leave
nothing to order, more than the 200 candidates leave it to BM25."""


@dataclass(frozen=True, slots=True)
class Query:
    """A text, who types it and which film is wanted.

    ``asked_at``, seconds since 1970, is when the film was rated. ``person`` is who ``user_id``, of
    whom less is known, is a copy of.
    """

    user_id: int
    movie_id: int
    text: str
    asked_at: float = 0.0
    person: int | None = None


def title_words(title: str) -> list[str]:
    """A title's words without stop words and single letters, each once, in order."""
    words = (word.lower() for word in split_words(fold(title)))
    return list(dict.fromkeys(w for w in words if len(w) > 1 and w not in STOP_WORDS))


def make_queries(
    name: QuerySet, films: Sequence[Film], ratings: Ratings, held_out: Mask
) -> list[Query]:
    """One query for each held-out film rated LIKED or better for which the set has a text.

    ``one-word``: the title's most frequent usable word; ``any-word``: one of its words, drawn by
    the film, however many titles have it; ``two-words``: its two most frequent, in the title's
    order; ``genre-decade``: its rarest genre in its decade. Usable is what FEWEST to
    MOST films have; ties go to the first in the alphabet.
    """
    text_of = _MAKERS[name](films)
    texts = {film.movie_id: text for film in films if (text := text_of(film)) is not None}
    liked = np.flatnonzero(held_out & (ratings.values >= LIKED))
    users = ratings.user_ids[ratings.rows[liked]].tolist()
    movies = ratings.movie_ids[ratings.columns[liked]].tolist()
    times = ratings.times[liked].tolist()
    return [
        Query(user, movie, texts[movie], time)
        for user, movie, time in zip(users, movies, times, strict=True)
        if movie in texts
    ]


def _usable(found: Iterable[str], counts: Counter[str]) -> list[str]:
    """What enough and not too many films have, the most frequent first."""
    return sorted((w for w in found if FEWEST <= counts[w] <= MOST), key=lambda w: (-counts[w], w))


def _words(films: Sequence[Film], count: int) -> Callable[[Film], str | None]:
    counts = Counter(word for film in films for word in title_words(film.title))

    def text(film: Film) -> str | None:
        words = title_words(film.title)
        chosen = _usable(words, counts)[:count]
        return " ".join(sorted(chosen, key=words.index)) if len(chosen) == count else None

    return text


def _any_word(film: Film) -> str | None:
    words = title_words(film.title)
    return words[crc32(str(film.movie_id).encode()) % len(words)] if words else None


def _genre_decade(films: Sequence[Film]) -> Callable[[Film], str | None]:
    counts = Counter(text for film in films for text in _genre_decades(film))

    def text(film: Film) -> str | None:
        usable = _usable(_genre_decades(film), counts)
        return usable[-1] if usable else None

    return text


def _genre_decades(film: Film) -> list[str]:
    if film.year is None:
        return []
    first = film.year // 10 * 10
    return [f'genres:"{genre}" AND year:[{first} TO {first + 9}]' for genre in film.genres]


_MAKERS: dict[QuerySet, Callable[[Sequence[Film]], Callable[[Film], str | None]]] = {
    "one-word": lambda films: _words(films, 1),
    "any-word": lambda _: _any_word,
    "two-words": lambda films: _words(films, 2),
    "genre-decade": _genre_decade,
}
