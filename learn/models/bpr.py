"""Bayesian personalised ranking: films' factors from pairs, a film rated before one not rated."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from learn.models.als import not_installed
from learn.models.epochs import tell_epoch
from learn.models.interface import Model, Movies, Ratings
from palate.errors import MisuseError

Floats = NDArray[np.float32]


@dataclass
class Bpr(Model):
    """BPR matrix factorisation (Rendle et al. 2009, library implicit): x = p(user) . q(film) + b.

    Stochastic gradient steps of ``learning_rate`` over ``epochs`` passes, in one thread, so that a
    seed repeats. It has no closed form for a user. Users are therefore made by the linear map from
    the sum of weight(rating) * q(film) over the films rated that comes nearest to the factors that
    BPR gave its users, in least squares: a newcomer's are made as everybody's.
    """

    name: ClassVar[str] = "bpr"
    learned: ClassVar[tuple[str, ...]] = ("factors_in", "films", "biases")

    rank: int = 32
    base: float = 1.0
    slope: float = 0.5
    l2: float = 0.01
    learning_rate: float = 0.05
    epochs: int = 60
    seed: int = 0

    def _weighted(self, ratings: Ratings) -> sparse.csr_matrix:
        return ratings.with_values(self.base + self.slope * (ratings.values - 3.5))

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
        try:
            from implicit.cpu.bpr import BayesianPersonalizedRanking
        except ImportError as error:
            raise not_installed("BPR") from error
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
