"""Factors of films, fetched as they are needed and kept: a stored model's never change."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from palate.statements import Statements

_statements = Statements.beside(__file__, "learned")

Floats = NDArray[np.float64]
Vectors = NDArray[np.float32]

_MOST_KEPT = 100_000
_HEADER = 4  # bytes before the numbers of a vector as pgvector sends it


class FilmFactors:
    """The two factors of a model's films, of each film met: 1 kB at rank 128. Thread-safe."""

    def __init__(self, model_id: int, parameters: Mapping[str, Any]) -> None:
        self.id = model_id
        self.base = float(parameters.get("base", 1.0))
        self.slope = float(parameters.get("slope", 0.0))
        self.recent = float(parameters.get("recent", 2.0))
        self.away = bool(parameters.get("away", True))
        self._kept: dict[int, Vectors | None] = {}  # (2, rank); None: the model has none

    def fetch(self, connection: Connection, movie_ids: Sequence[int]) -> None:
        """Learn the factors of those films that were not met before."""
        if len(self._kept) > _MOST_KEPT:
            self._kept = {}
        missing = [each for each in set(movie_ids) if each not in self._kept]
        if not missing:
            return
        rows = _statements.fetch(connection, "factors", {"id": self.id, "movie_ids": missing})
        self._kept |= dict.fromkeys(missing) | {
            row["movie_id"]: np.stack([read_vector(row["inward"]), read_vector(row["outward"])])
            for row in rows
        }

    def affinities(self, weights: Floats, rated: Sequence[int], movie_ids: Sequence[int]) -> Floats:
        """(s, n) of s sums over the films ``rated`` (h), weighed by ``weights`` (s, h), with each
        of n films; NaN where the model does not know the film."""
        made = np.full((len(weights), len(movie_ids)), np.nan)
        rated_at, inward = self._known(rated, 0)
        found_at, outward = self._known(movie_ids, 1)
        if rated_at and found_at:
            sums = weights[:, rated_at].astype(np.float32) @ np.stack(inward)
            made[:, found_at] = sums @ np.stack(outward).T
        return made

    def _known(self, movie_ids: Sequence[int], side: int) -> tuple[list[int], list[Vectors]]:
        """Places of the films that the model knows, and their factors of one side."""
        kept = [(i, self._kept.get(each)) for i, each in enumerate(movie_ids)]
        known = [(i, both[side]) for i, both in kept if both is not None]
        return [i for i, _ in known], [vector for _, vector in known]


def read_vector(sent: bytes) -> Vectors:
    """A vector as pgvector's vector_send() gives it."""
    return np.frombuffer(sent, ">f4", offset=_HEADER).astype(np.float32)
