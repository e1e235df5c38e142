"""Models of the library implicit: ALS, each rating a confidence, and BPR, from pairs of films."""

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from learn.models.epochs import tell_epoch
from learn.models.factors import FactorModel
from learn.models.interface import Movies, Ratings, WeightedModel
from palate.errors import MisuseError, NotInstalledError

Floats = NDArray[np.float32]


@dataclass
class Als(FactorModel):
    """Implicit ALS, its users made by one addition a rating.

    Weighted matrix factorisation (Hu, Koren and Volinsky 2008, "Collaborative filtering for
    implicit feedback datasets"): confidence c = ``alpha`` times the rating's weight, 1 for what was
    not rated; a weight below 0 says that the film was not liked. With Y the films' factors a user
    is (Y'Y + sum of (|c| - 1) y y' + l2 I)^-1 times the sum of c y. Only the matrix differs from
    user to user; here everybody has the mean one, M, so that factors_in = alpha Y M^-1 and
    factors_out = Y. ``full-als`` solves each user's own.
    """

    name: ClassVar[str] = "als"

    l2: float = 20.0
    alpha: float = 2.0
    epochs: int = 15

    def _learn(self, ratings: Ratings, movies: Movies | None) -> None:  # noqa: ARG002
        weighted = self.alpha * self._weighted(ratings)
        films = _film_factors(weighted, self.rank, self.l2, self.epochs, self.seed)
        beyond = np.bincount(ratings.columns, np.abs(weighted.data) - 1, len(films))
        equations = mean_equations(films, beyond / len(ratings.user_ids))
        self.factors_in = inward(films, equations, self.l2, self.alpha)
        self.factors_out = films


def mean_equations(films: NDArray[Any], beyond: NDArray[np.float64]) -> NDArray[Any]:
    """M of ``als`` without the ridge, (rank, rank): a sum over films, so that parts of them add up.

    ``films`` (m, rank); ``beyond`` (m,) is the sum of |c| - 1 over each film's ratings, by users.
    """
    return np.asarray(films.T @ (films * (1 + beyond)[:, None]))


def inward(films: NDArray[Any], equations: NDArray[Any], l2: float, alpha: float) -> Floats:
    """``factors_in`` of ``als`` for some films (m, rank), from everybody's equations."""
    mean = equations + l2 * np.eye(films.shape[1])
    return np.asarray(alpha * np.linalg.solve(mean, films.T).T, np.float32)


@dataclass
class FullAls(Als):
    """Implicit ALS as it was published: each user's own equations are solved. What ``als`` is held
    to."""

    name: ClassVar[str] = "full-als"

    def _score_all(self, ratings: Ratings) -> NDArray[Any]:
        with _library_model(self.rank, self.l2, 0, self.seed) as model:
            model.item_factors = self.factors_out
            everybody = np.arange(len(ratings.user_ids))
            users = model.recalculate_user(everybody, self.alpha * self._weighted(ratings))
        return np.asarray(users @ self.factors_out.T)


def _film_factors(
    confidence: sparse.csr_matrix, rank: int, l2: float, epochs: int, seed: int
) -> Floats:
    """The films' factors (m, rank)."""
    if not confidence.nnz:
        raise MisuseError("There are no ratings to learn from. Nothing was learned.")
    with _library_model(rank, l2, epochs, seed) as model:
        model.fit(
            confidence,
            show_progress=False,
            callback=lambda epoch, *_: tell_epoch(epoch + 1),
        )
        return np.ascontiguousarray(model.item_factors, np.float32)


@contextmanager
def _library_model(rank: int, l2: float, epochs: int, seed: int) -> Iterator[Any]:
    """The library's model, which has threads of its own: those of BLAS rest meanwhile."""
    _check_installed()
    from implicit.cpu.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"):
        yield AlternatingLeastSquares(
            factors=rank, regularization=l2, iterations=epochs, random_state=seed
        )


def _check_installed() -> None:
    """Raises NotInstalledError where the library is missing."""
    if importlib.util.find_spec("implicit") is None:
        raise NotInstalledError(
            "ALS and BPR need the library implicit, which is not installed. Nothing was learned. "
            "Install it in Palate's folder: pip install -e '.[train]'."
        )


@dataclass
class Bpr(WeightedModel):
    """BPR matrix factorisation (Rendle et al. 2009, library implicit): x = p(user) . q(film) + b.

    Stochastic gradient steps of ``learning_rate`` over ``epochs`` passes, in one thread, so that a
    seed repeats. It has no closed form for a user. Users are therefore made by the linear map from
    the sum of weight(rating) * q(film) over the films rated that comes nearest to the factors that
    BPR gave its users, in least squares: a newcomer's are made as everybody's.
    """

    name: ClassVar[str] = "bpr"

    rank: int = 32
    l2: float = 0.01
    learning_rate: float = 0.05
    epochs: int = 60

    def _learn(self, ratings: Ratings, movies: Movies | None) -> None:  # noqa: ARG002
        model = self._fitted(ratings)
        users = model.user_factors[:, :-1]
        self.films: Floats = np.ascontiguousarray(model.item_factors[:, :-1], np.float32)
        self.biases: Floats = model.item_factors[:, -1].astype(np.float32)
        sums = self._weighted(ratings) @ self.films
        gram = sums.T @ sums + np.eye(self.rank)
        self.factors_in: Floats = np.asarray(
            self.films @ np.linalg.solve(gram, sums.T @ users), np.float32
        )

    def _fitted(self, ratings: Ratings) -> Any:
        if not len(ratings):
            raise MisuseError("There are no ratings to learn from. Nothing was learned.")
        _check_installed()
        from implicit.cpu.bpr import BayesianPersonalizedRanking

        model = BayesianPersonalizedRanking(
            factors=self.rank, learning_rate=self.learning_rate, regularization=self.l2,
            iterations=self.epochs, num_threads=1, random_state=self.seed,
        )  # fmt: skip
        model.fit(
            ratings.with_values(np.ones(len(ratings), np.float32)),
            show_progress=False,
            callback=lambda epoch, *_: tell_epoch(epoch + 1),
        )
        return model

    def _score_all(self, ratings: Ratings) -> NDArray[Any]:
        users = self._weighted(ratings) @ self.factors_in
        return np.asarray(users @ self.films.T + self.biases)
