"""Implicit ALS: films' factors from who rated what, each rating a confidence (library implicit)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from learn.models.epochs import tell_epoch
from learn.models.factors import FactorModel
from learn.models.interface import Model, Movies, Ratings
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
class FullAls(Model):
    """Implicit ALS as it was published: each user's own equations are solved. What ``als`` is held
    to."""

    name: ClassVar[str] = "full-als"
    learned: ClassVar[tuple[str, ...]] = ("films",)

    rank: int = 64
    base: float = 1.0
    slope: float = 0.5
    l2: float = 20.0
    alpha: float = 2.0
    epochs: int = 15
    seed: int = 0

    def _confidence(self, ratings: Ratings) -> sparse.csr_matrix:
        return ratings.with_values(
            self.alpha * (self.base + self.slope * (ratings.values - 3.5)).astype(np.float32)
        )

    def _learn(self, ratings: Ratings, movies: Movies | None) -> None:  # noqa: ARG002
        confidence = self._confidence(ratings)
        self.films: Floats = _film_factors(confidence, self.rank, self.l2, self.epochs, self.seed)

    def _score_all(self, ratings: Ratings) -> NDArray[Any]:
        with _library_model(self.rank, self.l2, 0, self.seed) as model:
            model.item_factors = self.films
            everybody = np.arange(len(ratings.user_ids))
            users = model.recalculate_user(everybody, self._confidence(ratings))
        return np.asarray(users @ self.films.T)


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
    try:
        from implicit.cpu.als import AlternatingLeastSquares
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise not_installed("ALS") from error
    with threadpool_limits(1, "blas"):
        yield AlternatingLeastSquares(
            factors=rank, regularization=l2, iterations=epochs, random_state=seed
        )


def not_installed(what: str) -> NotInstalledError:
    """What to say where the library is missing."""
    return NotInstalledError(
        f"{what} needs the library implicit, which is not installed. Nothing was learned. "
        "Install it in Palate's folder: pip install -e '.[train]'."
    )
