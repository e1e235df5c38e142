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

from learn.models.interface import Movies, Ratings, WeightedModel
from learn.models.stacked import Stacked, known_sides, with_windows
from palate.errors import MisuseError

Floats = NDArray[np.float32]

_SIDES = 1000  # more rows than what is known of films makes
_SPREAD_OVER = 500  # users: more make the spread of scores no better known
_NEAR, _NEAR_RANK = 20, 64  # ratings a run of what was rated together, and numbers a film of it
_SHORT, _SMALL = 3000, 100_000_000  # the shorter side and the cells of what is decomposed exactly


@dataclass
class FactorModel(WeightedModel):
    """What two-factor models share."""

    def __post_init__(self) -> None:
        self.factors_in: Floats = np.zeros((0, self.rank), np.float32)  # (m, rank)
        self.factors_out: Floats = np.zeros((0, self.rank), np.float32)

    def _score_all(self, ratings: Ratings) -> NDArray[Any]:
        return np.asarray((self._tastes(ratings) @ self.factors_in) @ self.factors_out.T)

    def _add(self, ratings: Ratings, other: tuple[Floats, Floats], share: float, rank: int) -> None:
        """Add the scores of another model's factors, with ``share`` of the spread of this one's,
        and cut the factors of the sum at its ``rank`` largest singular values."""
        tastes = self._tastes(ratings.take(np.flatnonzero(ratings.per_user)[:_SPREAD_OVER]))
        both = (self.factors_in, self.factors_out), other
        own, others = (float(np.std(tastes @ inward @ outward.T)) for inward, outward in both)
        # Of what nothing is known the factors stay 0.
        known = np.hstack([self.factors_out, other[1]]).any(axis=1, keepdims=True)
        left, r = np.linalg.qr(np.hstack([self.factors_in, other[0]]))
        right, s = np.linalg.qr(
            np.hstack([self.factors_out, share * own / (others + 1e-9) * other[1]])
        )
        u, spectrum, vt = np.linalg.svd(r @ s.T)
        root = np.sqrt(spectrum[:rank])
        self.factors_in = (left @ u[:, :rank] * root * known).astype(np.float32)
        self.factors_out = (right @ vt[:rank].T * root * known).astype(np.float32)


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
        degrees = ratings.per_film.clip(1)
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
    """EASE over ratings and over what is known of films, factored.

    EASE (Steck 2019, "Embarrassingly shallow autoencoders for sparse data"): P = (Y'Y + l2 I)^-1
    and B = I - P / diag(P). Y is the weighted ratings, a film's column divided by its degree to the
    ``degree_exponent`` (a ridge that grows with popularity), and below them rows of what is known
    of each film (CEASE: Jeunen, Van Balen and Goethals 2020, "Closed-form models for collaborative
    filtering with side-information"): genres, years and the text vector, each with its weight;
    so films that nobody rated have factors, too. Each user's ratings are there once more, cut into
    runs of ``window`` in order of time (0: not), so that films rated near each other are nearer
    than films that somebody rated years apart. With Y = U S V',

        B = V S^2 / (S^2 + l2) V' / (1 - q)   but for its diagonal, 0
        q = diag(V S^2 / (S^2 + l2) V')

    so that for films not rated EASE is two factors, and cutting the SVD at ``rank`` shortens them.
    ``l2`` is a share of the largest squared singular value.

    What was rated in one run of _NEAR draws each other once more, without a ridge: scores of the
    SVD of these runs, with ``near`` of the spread of EASE's, are added, and both cut at ``rank``.
    Sparse: time and memory follow the ratings and the films.
    """

    name: ClassVar[str] = "ease"

    rank: int = 128
    l2: float = 0.1
    degree_exponent: float = 0.2
    text: float = 1.0
    genres: float = 0.5
    years: float = 0.5
    window: int = 50
    near: float = 0.3

    def _learn(self, ratings: Ratings, movies: Movies | None) -> None:
        weighted = with_windows(ratings, self._weighted(ratings), self.window)
        self._factor(weighted, ratings, movies, self.rank)
        if self.near:
            ones = ratings.with_values(np.ones(len(ratings), np.float32))
            runs = with_windows(ratings, ones, _NEAR)[len(ratings.user_ids) :]
            norm = (1 / np.sqrt(ratings.per_film + 5)).astype(np.float32)
            spectrum, v = _svd(runs @ sparse.diags(norm), _NEAR_RANK, self.seed)
            self._add(ratings, (v, v * spectrum**2), self.near, self.rank)

    def _factor(
        self, weighted: sparse.csr_matrix, ratings: Ratings, movies: Movies | None, rank: int
    ) -> None:
        """Set both factors (m, r) and ``own`` (m,), B's diagonal, were it not 0."""
        degrees = ratings.per_film.clip(1)
        norm = (degrees**-self.degree_exponent).astype(np.float32)
        scaled = (weighted @ sparse.diags(norm)).tocsr()
        size = np.sqrt((scaled.data**2).sum() / max(len(norm), 1))  # a film's column, on average
        sides = known_sides(movies, ratings.movie_ids, self.text, self.genres, self.years)
        spectrum, v = _svd(Stacked(scaled, size * sides.T), rank, 0)
        squared = spectrum**2
        shrunk = squared / (squared + self.l2 * squared.max(initial=0) + 1e-12)
        itself = (v**2 * shrunk).sum(axis=1)
        alone = np.maximum(1 - itself, 1e-6)
        self.factors_in = norm[:, None] * v
        self.factors_out = v * shrunk / (norm * alone)[:, None]
        self.own: Floats = itself / alone


@dataclass
class FullEase(Ease):
    """EASE with every singular value, whatever the rank, a film saying nothing of itself. What
    ``ease`` is held to.

    Where rows and films are both more than ``most_films``, only the most rated films are known.
    """

    name: ClassVar[str] = "full-ease"

    most_films: int = 6000

    def _learn(self, ratings: Ratings, movies: Movies | None) -> None:
        weighted = with_windows(ratings, self._weighted(ratings), self.window)
        if min(weighted.shape) > self.most_films:
            counts = ratings.per_film
            rare = np.argsort(-counts, kind="stable")[self.most_films :]
            weighted = weighted @ sparse.diags(~np.isin(np.arange(len(counts)), rare), dtype="f4")
        self._factor(weighted, ratings, movies, min(weighted.shape) + _SIDES)

    def _score_all(self, ratings: Ratings) -> NDArray[Any]:
        scores = super()._score_all(ratings)
        scores[ratings.rows, ratings.columns] -= (
            self._tastes(ratings).data * self.own[ratings.columns]
        )
        return scores


def _svd(matrix: Any, rank: int, seed: int) -> tuple[Floats, Floats]:
    """The largest singular values (r,) and right vectors (m, r), r the rank or what there is.

    ``matrix`` is a LinearOperator or sparse. Small ones are decomposed exactly, through the
    product of the shorter side; others by Lanczos. Signs are fixed.
    """
    least = min(matrix.shape)
    if least == 0:
        raise MisuseError("There are no ratings to learn from. Nothing was learned.")
    if rank >= least or (least <= _SHORT and np.prod(matrix.shape) <= _SMALL):
        s, v = _by_gram(matrix.toarray())
        s, v = s[:rank], v[:, :rank]
    else:
        start = np.random.default_rng(seed).standard_normal(least).astype(matrix.dtype)
        _, s, vt = svds(matrix, k=rank, v0=start)
        s, v = s[::-1], vt[::-1].T
    signs = np.sign(v[np.abs(v).argmax(axis=0), np.arange(v.shape[1])])
    signs[signs == 0] = 1
    return s.astype(np.float32), np.ascontiguousarray(v * signs, np.float32)


def _by_gram(dense: Floats) -> tuple[Floats, Floats]:
    """All singular values above rounding, and their right vectors."""
    n, m = dense.shape
    gram = dense @ dense.T if n < m else dense.T @ dense
    squared, vectors = np.linalg.eigh(gram.astype(np.float64))
    kept = squared > squared.max(initial=0) * 1e-7
    s = np.sqrt(squared[kept])[::-1]
    v = vectors[:, kept][:, ::-1].astype(np.float32)
    return s, (dense.T @ v / s.astype(np.float32) if n < m else v)
