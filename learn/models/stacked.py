"""Ratings with what is known of films below them, as one matrix for a singular value decomposition.

Nothing is joined: the ratings stay sparse, what is known of films dense.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import LinearOperator

from learn.models.interface import Ids, Movies, Ratings

Floats = NDArray[np.float32]

_YEARS = np.arange(1900, 2041, 5)
_YEARS_NEAR = 4.0  # standard deviation of how far a year counts as the same time


class Stacked(LinearOperator):  # type: ignore[misc]  # scipy has no types
    """The rows of ``ratings`` (n, m), sparse, over those of ``known`` (f, m)."""

    def __init__(self, ratings: sparse.csr_matrix, known: Floats) -> None:
        super().__init__(np.float32, (ratings.shape[0] + len(known), ratings.shape[1]))
        self.ratings, self.known = ratings, known

    def toarray(self) -> Floats:
        """All of it, dense."""
        return np.concatenate([self.ratings.toarray(), self.known])

    def _matmat(self, x: NDArray[Any]) -> NDArray[Any]:
        return np.concatenate([self.ratings @ x, self.known @ x])

    def _matvec(self, x: NDArray[Any]) -> NDArray[Any]:
        return self._matmat(x)

    def _rmatmat(self, x: NDArray[Any]) -> NDArray[Any]:
        n = self.ratings.shape[0]
        return np.asarray(self.ratings.T @ x[:n] + self.known.T @ x[n:])

    def _rmatvec(self, x: NDArray[Any]) -> NDArray[Any]:
        return self._rmatmat(x)


def with_windows(ratings: Ratings, weighted: sparse.csr_matrix, size: int) -> sparse.csr_matrix:
    """``weighted`` (n, m), the weights of ``ratings``, over each user's in runs of ``size`` (w, m).

    Runs are counted from the latest rating back. A user whose ratings are all of one time has one
    run; with ``size`` 0 there are none.
    """
    if not size:
        return weighted
    order = np.lexsort((ratings.movie_ids[ratings.columns], -ratings.times, ratings.rows))
    rows, times = ratings.rows[order], ratings.times[order]
    begins, ends = ratings.starts[:-1][rows], ratings.starts[1:][rows]
    nth = np.arange(len(order)) - begins
    dated = times[begins] > times[ends - 1]
    first = (nth == 0) | (dated & (nth % size == 0))
    runs = np.cumsum(first) - 1
    shape = int(first.sum()), weighted.shape[1]
    cut = sparse.csr_matrix((weighted.data[order], (runs, ratings.columns[order])), shape)
    return sparse.vstack([weighted, cut], format="csr", dtype=np.float32)


def known_sides(
    movies: Movies | None, movie_ids: Ids, text: float, genres: float, years: float
) -> Floats:
    """What is known of each film, (m, f): its text vector, its genres and traits, its year.

    Each of the three is of length ``text``, ``genres`` or ``years`` where it is known, and 0
    where not. A year is bells around every fifth one, so that near years are alike.
    """
    if movies is None:
        return np.zeros((len(movie_ids), 0), np.float32)
    parts = [np.zeros((len(movies.movie_ids), 0), np.float32)]
    if movies.vectors is not None:
        parts.append(text * _unit(movies.vectors))
    nothing: list[tuple[str, ...]] = [()] * len(movies.movie_ids)
    named = zip(movies.genres or nothing, movies.traits or nothing, strict=True)
    words = [(*of_film, *more) for of_film, more in named]
    parts.append(genres * _unit(_one_hot(words)))
    if movies.years is not None:
        away = (np.nan_to_num(movies.years, nan=-1e6)[:, None] - _YEARS) / _YEARS_NEAR
        parts.append(years * _unit(np.exp(-0.5 * away**2)))
    sides = np.zeros((len(movie_ids), sum(part.shape[1] for part in parts)), np.float32)
    there = np.isin(movies.movie_ids, movie_ids)
    sides[np.searchsorted(movie_ids, movies.movie_ids[there])] = np.hstack(parts)[there]
    return sides


def _one_hot(words: list[tuple[str, ...]]) -> Floats:
    places = {word: i for i, word in enumerate(sorted({w for film in words for w in film}))}
    matrix = np.zeros((len(words), len(places)), np.float32)
    for row, film in zip(matrix, words, strict=True):
        row[[places[word] for word in film]] = 1
    return matrix


def _unit(rows: NDArray[Any]) -> Floats:
    """Each row of length 1; rows of nothing stay."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(norms, 1e-9), np.float32)
