"""Two-factor models: two vectors a film, from which SQL makes every user's by addition.

factors(user) = sum over the films rated of weight(rating) * factors_in(film)
affinity(user, film) = factors(user) . factors_out(film)

so that X @ factors_in @ factors_out.T approximates a full item-to-item model X @ B.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import svds

from palate.errors import MisuseError
from rerank.models.interface import Model, Movies, Ratings

Floats = NDArray[np.float32]


@dataclass
class FactorModel(Model):
    """What two-factor models share. A rating's weight is ``base + slope * (rating - 3.5)``."""

    learned: ClassVar[tuple[str, ...]] = ("factors_in", "factors_out")

    rank: int = 64
    base: float = 1.0
    slope: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        self.factors_in: Floats = np.zeros((0, self.rank), np.float32)  # (m, rank)
        self.factors_out: Floats = np.zeros((0, self.rank), np.float32)

    def _weighted(self, ratings: Ratings) -> sparse.csr_matrix:
        return ratings.with_values(self.base + self.slope * (ratings.values - 3.5))

    def _score_all(self, ratings: Ratings) -> NDArray[Any]:
        return np.asarray((self._weighted(ratings) @ self.factors_in) @ self.factors_out.T)


@dataclass
class Svd(FactorModel):
    """Truncated SVD of the weighted ratings, degrees of films normalised.

    With X the weights (n, m) and D the films' degrees, X D^-a = U S V' is cut at ``rank``;
    factors_in = D^-a V and factors_out = D^a V s^2 / (s^2 + t^2), where a is ``degree_exponent``
    and t is ``shrinkage`` times the largest singular value: less of the small, noisy ones. With
    a = 0 and t = 0 it is PureSVD (Cremonesi, Koren and Turrin 2010, "Performance of recommender
    algorithms on top-n recommendation tasks"); the normalisation is EigenRec's (Nikolakopoulos
    et al. 2019).
    Sparse: time and memory follow the ratings.
    """

    name: ClassVar[str] = "svd"

    degree_exponent: float = 0.4
    shrinkage: float = 0.4

    def _learn(self, ratings: Ratings, movies: Movies | None) -> None:  # noqa: ARG002
        degrees = np.bincount(ratings.columns, minlength=len(ratings.movie_ids)).clip(1)
        norm = (degrees**-self.degree_exponent).astype(np.float32)
        weighted = self._weighted(ratings)
        weighted.data *= norm[ratings.columns]
        spectrum, v = _svd(weighted, self.rank, self.seed)
        squared = spectrum**2
        shrunk = squared / (squared + (self.shrinkage * spectrum.max(initial=0)) ** 2 + 1e-12)
        self.factors_in = norm[:, None] * v
        self.factors_out = v * shrunk / norm[:, None]


@dataclass
class Ease(FactorModel):
    """EASE (Steck 2019, "Embarrassingly shallow autoencoders for sparse data"), factored.

    P = (X'X + l2 I)^-1 and B = I - P / diag(P) is the full item-to-item model; its truncated SVD
    gives the two factors. Exact and dense: for the ``most_films`` films with the most ratings,
    the others staying cold. Time is cubic in the films and memory 12 bytes times their square.
    """

    name: ClassVar[str] = "ease"

    rank: int = 256
    l2: float = 300.0
    most_films: int = 6000

    def _learn(self, ratings: Ratings, movies: Movies | None) -> None:  # noqa: ARG002
        kept = _most_rated(ratings, self.most_films)
        items = _item_weights(self._weighted(ratings)[:, kept], self.l2)
        u, s, vt = _truncated(items, self.rank, self.seed)
        root = np.sqrt(s)
        shape = len(ratings.movie_ids), len(s)
        self.factors_in, self.factors_out = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        self.factors_in[kept] = u * root
        self.factors_out[kept] = vt.T * root


@dataclass
class FullEase(Model):
    """EASE as it was published: every pair of films has a weight. What the factors are held to."""

    name: ClassVar[str] = "full-ease"
    learned: ClassVar[tuple[str, ...]] = ("kept", "items")

    base: float = 1.0
    slope: float = 0.5
    l2: float = 300.0
    most_films: int = 6000

    def __post_init__(self) -> None:
        self.kept: NDArray[np.int64] = np.zeros(0, np.int64)
        self.items: Floats = np.zeros((0, 0), np.float32)

    def _weighted(self, ratings: Ratings) -> sparse.csr_matrix:
        return ratings.with_values(self.base + self.slope * (ratings.values - 3.5))

    def _learn(self, ratings: Ratings, movies: Movies | None) -> None:  # noqa: ARG002
        self.kept = _most_rated(ratings, self.most_films)
        self.items = _item_weights(self._weighted(ratings)[:, self.kept], self.l2)

    def _score_all(self, ratings: Ratings) -> NDArray[Any]:
        scores = np.zeros((len(ratings.user_ids), len(ratings.movie_ids)), np.float32)
        scores[:, self.kept] = self._weighted(ratings)[:, self.kept] @ self.items
        return scores


def _most_rated(ratings: Ratings, most: int) -> NDArray[np.int64]:
    """Places of the films with the most ratings, sorted; films without ratings are left out."""
    counts = np.bincount(ratings.columns, minlength=len(ratings.movie_ids))
    order = np.argsort(-counts, kind="stable")[:most]
    kept: NDArray[np.int64] = np.sort(order[counts[order] > 0])
    return kept


def _item_weights(weighted: sparse.csr_matrix, l2: float) -> Floats:
    """B of EASE, (m, m), its diagonal 0."""
    gram = (weighted.T @ weighted).toarray().astype(np.float32)
    diagonal = np.diag_indices(len(gram))
    gram[diagonal] += l2
    inverse = np.linalg.inv(gram)
    inverse /= -np.diag(inverse)
    inverse[diagonal] = 0
    return np.asarray(inverse, np.float32)


def _svd(matrix: sparse.csr_matrix, rank: int, seed: int) -> tuple[Floats, Floats]:
    """The largest singular values (r,) and right vectors (m, r), r the rank or what there is."""
    _, s, vt = _truncated(matrix, rank, seed)
    return s, vt.T


def _truncated(matrix: Any, rank: int, seed: int) -> tuple[Floats, Floats, Floats]:
    """u (n, r), s (r,) and v' (r, m), the largest first, signs fixed."""
    if min(matrix.shape) == 0:
        raise MisuseError("There are no ratings to learn from. Nothing was learned.")
    least = min(matrix.shape)
    if rank >= least:
        dense = matrix.toarray() if sparse.issparse(matrix) else matrix
        u, s, vt = np.linalg.svd(dense, full_matrices=False)
    else:
        start = np.random.default_rng(seed).standard_normal(least).astype(matrix.dtype)
        u, s, vt = svds(matrix, k=rank, v0=start)
        u, s, vt = u[:, ::-1], s[::-1], vt[::-1]
    largest = np.abs(vt).argmax(axis=1)
    signs = np.sign(vt[np.arange(len(vt)), largest])
    signs[signs == 0] = 1
    return (
        np.ascontiguousarray(u * signs, np.float32),
        s.astype(np.float32),
        np.ascontiguousarray(vt * signs[:, None], np.float32),
    )
