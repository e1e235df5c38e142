"""The user tower, approximated by additions, so that SQL can fold ratings in."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from learn.models.interface import Ratings

Floats = NDArray[np.float32]

_PASSES = 60
_CLOSE = 1e-4  # of the residual, where solving ends


def fold_map(
    ratings: Ratings,
    weigh: Callable[[Ratings], sparse.csr_matrix],
    vectors_of: Callable[[Ratings], Floats],
    films: Floats,
    *,
    l2: float,
    copies: int,
    most: int,
    seed: int,
) -> Floats:
    """factors_in (m, rank): what to add for a film rated so that sums point where the tower does.

    For users with weights W (n, m), each row divided by its number of ratings, and their vectors U
    from the tower it makes |W F - U|^2 + l2 |F - films A|^2 small, where A, the ridge regression of
    U on W films, says what is expected of a film by its own vector: all there is for one that
    nobody rated. Dividing a user's row changes the length of the sum, not the order of films.
    The users (at most ``most``) are there with all their ratings and ``copies`` times with a
    random part of them, so that the first ratings of a newcomer are learned, too.
    """
    examples = _examples(ratings, copies, most, seed)
    weights = sparse.vstack([_averages(weigh(part)) for part in examples], "csr")
    vectors = np.concatenate([vectors_of(part) for part in examples])
    means = weights @ films
    gram = means.T @ means
    gram[np.diag_indices(len(gram))] += 1e-3 * np.trace(gram) / len(gram) + 1e-9
    expected = films @ np.linalg.solve(gram, means.T @ vectors)
    more = _ridge(weights, vectors - weights @ expected, l2)
    return np.asarray(expected + more, np.float32)


def _examples(ratings: Ratings, copies: int, most: int, seed: int) -> list[Ratings]:
    """Users with all their ratings, and with parts of any size, small ones as often as large."""
    draw = np.random.default_rng(seed)
    counts = ratings.per_user
    there = np.flatnonzero(counts)
    chosen = ratings.take(np.sort(draw.permutation(there)[:most]))
    counts = chosen.per_user
    parts = [chosen]
    for _ in range(copies):
        share = counts ** -draw.random(len(counts))
        part = chosen.where(draw.random(len(chosen)) < share[chosen.rows])
        parts.append(part.take(np.flatnonzero(part.per_user)))
    return parts


def _averages(weights: sparse.csr_matrix) -> sparse.csr_matrix:
    counts = np.diff(weights.indptr).clip(1)
    return sparse.diags(1 / counts).dot(weights).tocsr().astype(np.float32)


def _ridge(rows: sparse.csr_matrix, targets: Floats, l2: float) -> NDArray[np.float64]:
    """The F (m, rank) that makes |rows F - targets|^2 + l2 |F|^2 small, by conjugate gradients."""
    transposed = rows.T.tocsr()
    found = np.zeros((rows.shape[1], targets.shape[1]))
    residual = np.asarray(transposed @ targets, np.float64)
    direction = residual.copy()
    size = (residual**2).sum(axis=0)
    enough = _CLOSE**2 * size.sum()
    for _ in range(_PASSES):
        if size.sum() <= enough:
            break
        pushed = transposed @ (rows @ direction) + l2 * direction
        step = size / (direction * pushed).sum(axis=0).clip(1e-30)
        found += step * direction
        residual -= step * pushed
        before, size = size, (residual**2).sum(axis=0)
        direction = residual + size / before.clip(1e-30) * direction
    return found
