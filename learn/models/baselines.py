"""What every model has to beat."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from learn.models.interface import Model, Movies, Ratings, weigh_taste

Floats = NDArray[np.float32]

_DAY = 86_400.0


@dataclass
class Random(Model):
    """Any films: each user's own, the same every time for one ``seed``."""

    name: ClassVar[str] = "random"
    personal: ClassVar[bool] = False

    seed: int = 0

    def _learn(self, ratings: Ratings, movies: Movies | None) -> None:
        """There is nothing to learn."""

    def _score_all(self, ratings: Ratings) -> NDArray[Any]:
        m = len(ratings.movie_ids)
        return np.stack([
            np.random.default_rng([self.seed, *divmod(int(user) % 2**63, 2**32)]).random(m)
            for user in ratings.user_ids
        ])  # fmt: skip


@dataclass
class Popularity(Model):
    """ln(1 + ratings) of the film, each halved for every ``half_life_days`` before the newest."""

    name: ClassVar[str] = "popularity"
    personal: ClassVar[bool] = False

    half_life_days: float = float("inf")

    def _learn(self, ratings: Ratings, movies: Movies | None) -> None:  # noqa: ARG002
        age = (ratings.times.max(initial=0) - ratings.times) / _DAY
        decayed = np.bincount(
            ratings.columns, 0.5 ** (age / self.half_life_days), len(ratings.movie_ids)
        )
        self.popularity: Floats = np.log1p(decayed).astype(np.float32)

    def _score_all(self, ratings: Ratings) -> NDArray[Any]:
        return np.broadcast_to(self.popularity, (len(ratings.user_ids), len(self.popularity)))


@dataclass
class DecayedPopularity(Popularity):
    """Popularity of late, as search() has it."""

    name: ClassVar[str] = "decayed-popularity"

    half_life_days: float = 730.5


@dataclass
class Bias(Model):
    """Stars: the mean of all, plus the film's and the user's difference from it.

    Damped means: b(film) = sum(r - mean) / (n + l2), then b(user) of what is left likewise
    (Koren, Bell and Volinsky 2009, "Matrix factorization techniques").
    """

    name: ClassVar[str] = "bias"
    personal: ClassVar[bool] = False  # users differ in stars, not in order
    predicts_ratings: ClassVar[bool] = True

    l2: float = 5.0

    def _learn(self, ratings: Ratings, movies: Movies | None) -> None:  # noqa: ARG002
        self.mean: Floats = np.asarray(ratings.values.mean() if len(ratings) else 3.5, np.float32)
        sums = np.bincount(ratings.columns, ratings.values - self.mean, len(ratings.movie_ids))
        self.films: Floats = (sums / (ratings.per_film + self.l2)).astype(np.float32)

    def _score_all(self, ratings: Ratings) -> NDArray[Any]:
        left = ratings.values - self.mean - self.films[ratings.columns]
        sums = np.bincount(ratings.rows, left, len(ratings.user_ids))
        users = sums / (ratings.per_user + self.l2)
        return np.asarray(np.clip(users[:, None] + (self.mean + self.films), 0.5, 5))


@dataclass
class ItemKnn(Model):
    """Cosine of films by who rated them, the ``neighbours`` nearest of each film.

    A user's score of a film is the sum of its similarities to the films rated, weighted by
    1 + (stars - 3.5) / 2 (Deshpande and Karypis 2004, "Item-based top-n recommendation").
    Similarities are damped by ``l2`` co-ratings, so that few of them prove little.
    """

    name: ClassVar[str] = "item-knn"

    neighbours: int = 50
    l2: float = 10.0

    def _learn(self, ratings: Ratings, movies: Movies | None) -> None:  # noqa: ARG002
        seen = ratings.with_values(np.ones(len(ratings), np.float32)).tocsc()
        norm = np.sqrt(ratings.per_film).astype(np.float32) + 1e-9
        m = len(ratings.movie_ids)
        blocks = [
            self._nearest(seen, norm, np.arange(start, min(start + 1000, m)))
            for start in range(0, m, 1000)
        ]
        similar = sparse.vstack(blocks, "csr")
        self.data: Floats = similar.data.astype(np.float32)
        self.indices: NDArray[np.int32] = similar.indices.astype(np.int32)
        self.indptr: NDArray[np.int64] = similar.indptr.astype(np.int64)

    def _nearest(self, seen: Any, norm: Floats, films: NDArray[np.int64]) -> Any:
        """Similarities of some films to their nearest ones, (len(films), m)."""
        both = (seen[:, films].T @ seen).toarray()
        similar = both / (norm[films, None] * norm) * both / (both + self.l2)
        similar[np.arange(len(films)), films] = 0
        if self.neighbours < similar.shape[1]:
            least = np.partition(similar, -self.neighbours, axis=1)[:, -self.neighbours]
            similar[similar < least[:, None]] = 0
        return sparse.csr_matrix(similar)

    def _score_all(self, ratings: Ratings) -> NDArray[Any]:
        m = len(ratings.movie_ids)
        similar = sparse.csr_matrix((self.data, self.indices, self.indptr), (m, m))
        weighted = ratings.with_values(1 + (ratings.values - 3.5) / 2)
        return np.asarray((weighted @ similar.T).toarray())


@dataclass
class Content(Model):
    """Cosine of the film's centred text vector and the user's, made as the profiles in SQL are."""

    name: ClassVar[str] = "content"

    def _learn(self, ratings: Ratings, movies: Movies | None) -> None:
        m = len(ratings.movie_ids)
        self.vectors: Floats = np.zeros((m, 1), np.float32)
        if movies is None or movies.vectors is None:
            return
        norms = np.linalg.norm(movies.vectors, axis=1, keepdims=True)
        self.vectors = np.zeros((m, movies.vectors.shape[1]), np.float32)
        places = np.searchsorted(ratings.movie_ids, movies.movie_ids)
        self.vectors[places] = movies.vectors / np.maximum(norms, 1e-9)

    def _score_all(self, ratings: Ratings) -> NDArray[Any]:
        taste = ratings.with_values(weigh_taste(ratings)) @ self.vectors
        norms = np.linalg.norm(taste, axis=1, keepdims=True)
        return np.asarray((taste / np.maximum(norms, 1e-9)) @ self.vectors.T)
