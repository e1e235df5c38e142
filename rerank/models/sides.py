"""What is known of films besides ratings, as one matrix: for films that few or none have rated."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rerank.models.interface import Ids, Movies

Floats = NDArray[np.float32]

_FIRST_DECADE, _LAST_DECADE = 1900, 2030
_TEXT = 0.5  # weight of the text vector's numbers beside a genre's 1; measured on validation


def side_matrix(movies: Movies | None, movie_ids: Ids) -> Floats:
    """Rows follow ``movie_ids`` (m,): 1, genres, decade, traits, text vector, (m, f).

    Only the 1 for a film that ``movies`` does not name.
    """
    if movies is None:
        return np.ones((len(movie_ids), 1), np.float32)
    named = [*_one_hot(movies.genres), *_one_hot(movies.traits)]
    known = np.column_stack([
        *named, *_decades(movies.years),
        *([] if movies.vectors is None else [_TEXT * movies.vectors]),
        np.zeros((len(movies.movie_ids), 0), np.float32),
    ])  # fmt: skip
    sides = np.zeros((len(movie_ids), 1 + known.shape[1]), np.float32)
    sides[:, 0] = 1
    there = np.isin(movies.movie_ids, movie_ids)
    sides[np.searchsorted(movie_ids, movies.movie_ids[there]), 1:] = known[there]
    return sides


def _one_hot(words: Sequence[tuple[str, ...]]) -> list[Floats]:
    """A column for each word that any film has; none where nothing is known."""
    places = {word: i for i, word in enumerate(sorted({w for film in words for w in film}))}
    if not places:
        return []
    matrix = np.zeros((len(words), len(places)), np.float32)
    for row, film in zip(matrix, words, strict=True):
        row[[places[word] for word in film]] = 1
    return [matrix]


def _decades(years: Floats | None) -> list[Floats]:
    """A column for each decade; a film of an unknown year is in none."""
    if years is None:
        return []
    decades = np.arange(_FIRST_DECADE, _LAST_DECADE + 1, 10)
    first = np.clip(np.nan_to_num(years, nan=0) // 10 * 10, decades[0], decades[-1])
    matrix = (first[:, None] == decades) & ~np.isnan(years)[:, None]
    return [matrix.astype(np.float32)]
