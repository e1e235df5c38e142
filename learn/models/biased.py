"""Matrix factorisation with biases: what stars a user would give a film."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from learn.models.epochs import tell_epoch
from learn.models.interface import Ids, Model, Movies, Ratings
from learn.models.stacked import known_sides
from palate.errors import MisuseError

Floats = NDArray[np.float64]

_START = 0.1  # standard deviation of the films' first factors
_BLOCK = 4096  # users or films solved at once
_CHECKED = 200_000  # ratings that an epoch's error is told of


@dataclass
class BiasedMf(Model):
    """Stars: mean + b(film) + b(user) + q(film) . p(user), fitted by alternating least squares.

    With the films fixed, a user's (b, p) is a ridge regression of the user's ratings, and the
    other way round, so that each step is exact and a user is folded in by one of them (Koren, Bell
    and Volinsky 2009, "Matrix factorization techniques for recommender systems"). The ridge is
    ``l2`` plus ``l2_per_rating`` times the ratings (Zhou et al. 2008, "Large-scale parallel
    collaborative filtering"), ``l2_bias`` for the biases. A film's (b, q) is drawn not to 0 but to
    what its genres and traits, year and text say (vectors of length ``genres``, ``years`` and
    ``text``) by a ridge regression (``l2_sides``) over all films, learned along, as in Agarwal and
    Chen 2009, "Regression-based latent factor models": a film that nobody rated has that alone.
    """

    name: ClassVar[str] = "biased-mf"
    predicts_ratings: ClassVar[bool] = True

    rank: int = 16
    l2: float = 5.0
    l2_per_rating: float = 0.1
    l2_bias: float = 5.0
    l2_sides: float = 1.0
    text: float = 0.5
    genres: float = 1.0
    years: float = 0.7
    epochs: int = 20
    seed: int = 0

    def _learn(self, ratings: Ratings, movies: Movies | None) -> None:
        if not len(ratings):
            raise MisuseError("There are no ratings to learn from. Nothing was learned.")
        self.mean: Floats = np.asarray(ratings.values.mean(dtype=np.float64))
        self.counts: NDArray[np.int64] = ratings.per_film
        left = ratings.values - self.mean
        sums = np.bincount(ratings.columns, left, len(self.counts))
        self.biases: Floats = sums / (self.counts + self.l2_bias)
        draw = np.random.default_rng(self.seed)
        self.factors: Floats = draw.normal(0, _START, (len(self.counts), self.rank))
        by_film = ratings.with_values(np.arange(len(ratings))).tocsc()
        sides = _Sides(self._known(movies, ratings.movie_ids), self.counts, self.l2_sides)
        expected: Floats = np.zeros((len(self.counts), 1 + self.rank))
        for epoch in range(self.epochs):
            users = self.users(ratings)
            films = _solve(
                by_film.indptr, by_film.indices, (left - users[ratings.rows, 0])[by_film.data],
                _regressors(users), self._ridge(self.counts), expected,
            )  # fmt: skip
            expected = sides.expected(films)
            films[self.counts == 0] = expected[self.counts == 0]
            self.biases, self.factors = films[:, 0].copy(), films[:, 1:].copy()
            some = slice(None, None, 1 + len(ratings) // _CHECKED)
            off = ratings.values[some] - self._fitted(
                ratings.rows[some], ratings.columns[some], users
            )
            tell_epoch(epoch + 1, rmse=float(np.sqrt(np.mean(off**2))))

    def users(self, ratings: Ratings) -> Floats:
        """The bias and the factors of these users, (n, 1 + rank); their columns are all films."""
        left = ratings.values - self.mean - self.biases[ratings.columns]
        films = np.column_stack([self.biases, self.factors])
        ridge = self._ridge(ratings.per_user)
        return _solve(
            ratings.starts, ratings.columns, left, _regressors(films), ridge, np.zeros_like(ridge)
        )

    def _known(self, movies: Movies | None, movie_ids: Ids) -> NDArray[np.float32]:
        """1 and what is known of each film, (m, f)."""
        known = known_sides(movies, movie_ids, self.text, self.genres, self.years)
        return np.hstack([np.ones((len(movie_ids), 1), np.float32), known])

    def stars(self, known: Ratings, asked: Ratings) -> Floats:
        """What ``asked``'s users would rate its films, (r,) in its order, by what is ``known`` of
        them; both name the same users and all films of the model."""
        return np.clip(self._fitted(asked.rows, asked.columns, self.users(known)), 0.5, 5)

    def _score_all(self, ratings: Ratings) -> NDArray[Any]:
        users = self.users(ratings)
        stars = users[:, 1:] @ self.factors.T
        stars += users[:, :1]
        stars += self.mean + self.biases
        return np.clip(stars, 0.5, 5, out=stars)

    def _ridge(self, counts: NDArray[np.int64]) -> Floats:
        """What is added to the diagonal for users or films of so many ratings, (n, 1 + rank)."""
        ridge = np.repeat((self.l2 + self.l2_per_rating * counts)[:, None], 1 + self.rank, axis=1)
        ridge[:, 0] = self.l2_bias
        return ridge

    def _fitted(self, rows: NDArray[Any], columns: NDArray[Any], users: Floats) -> Floats:
        """The stars of these users' and films' places, (r,)."""
        stars = self.mean + self.biases[columns] + users[rows, 0]
        stars += np.einsum("rk,rk->r", users[rows, 1:], self.factors[columns])
        return np.asarray(stars)


class _Sides:
    """The ridge regression of films' biases and factors on what is known of the films."""

    def __init__(self, sides: NDArray[np.float32], counts: NDArray[np.int64], l2: float) -> None:
        from scipy.linalg import cho_factor

        self._sides = sides.astype(np.float64)
        trust = counts / (counts + 5.0)  # few ratings say little about what a genre is like
        self._weighted = self._sides * trust[:, None]
        gram = self._weighted.T @ self._sides
        gram[np.diag_indices(len(gram))] += l2
        self._factored = cho_factor(gram)

    def expected(self, films: Floats) -> Floats:
        """What each film's row of ``films`` (m, k) would be by its sides alone."""
        from scipy.linalg import cho_solve

        weights = cho_solve(self._factored, self._weighted.T @ films)
        return np.asarray(self._sides @ weights)


def _regressors(fitted: Floats) -> Floats:
    """(1, factors): what the other side's bias and factors are multiplied by."""
    regressors = fitted.copy()
    regressors[:, 0] = 1
    return regressors


def _solve(
    starts: NDArray[np.int64], columns: NDArray[np.int32], targets: Floats,
    regressors: Floats, ridge: Floats, expected: Floats,
) -> Floats:  # fmt: skip
    """Each row's ridge regression of its targets on the regressors of its columns, (n, k).

    Row i has the ratings starts[i] to starts[i + 1]. It is drawn to ``expected`` (n, k) by
    ``ridge`` (n, k).
    """
    used, places = np.unique(columns, return_inverse=True)
    known = regressors[used]
    n, k = ridge.shape
    upper = np.triu_indices(k)
    products = known[:, upper[0]] * known[:, upper[1]]
    solved = np.empty((n, k))
    for start in range(0, n, _BLOCK):
        rows = slice(start, min(start + _BLOCK, n))
        pointers = starts[rows.start : rows.stop + 1]
        part = slice(pointers[0], pointers[-1])
        shape = rows.stop - rows.start, len(used)
        place = places[part], pointers - pointers[0]
        seen = sparse.csr_matrix((np.ones(len(place[0])), *place), shape)
        gram = np.empty((shape[0], k, k))
        gram[:, upper[0], upper[1]] = gram[:, upper[1], upper[0]] = seen @ products
        gram[:, np.arange(k), np.arange(k)] += ridge[rows]
        right = sparse.csr_matrix((targets[part], *place), shape) @ known
        right += ridge[rows] * expected[rows]
        solved[rows] = np.linalg.solve(gram, right[:, :, None])[:, :, 0]
    return solved
