"""Candidates with everything the learned order is told of them: what it is trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from learn.candidates import BATCH, CandidateLists, ask
from learn.queries import Query
from palate.statements import Statements
from rerank.learned import COMPONENTS, SQL_FEATURES, Matrix, feature_matrix
from sql.database import Database

_statements = Statements(Path(__file__).parent / "statements" / "features.sql")


@dataclass(frozen=True, eq=False)
class FeatureLists:
    """Candidates of q queries and their features, (c, len(FEATURES)), list after list."""

    lists: CandidateLists
    matrix: NDArray[np.float32]


def fetch_features(
    database: Database, queries: Sequence[Query], *, candidates: int = 200, k: int = 10
) -> FeatureLists:
    """Ask search_features() for every query's candidates, less the films that its user rated."""
    parts = [
        _batch(database, queries[start : start + BATCH], start, candidates, k)
        for start in range(0, len(queries), BATCH)
    ]
    table = np.concatenate(parts) if parts else np.zeros((0, 4 + len(COMPONENTS + SQL_FEATURES)))
    table = table[np.lexsort((table[:, 1], table[:, 0]))]
    components, features = np.split(table[:, 4:], [len(COMPONENTS)], axis=1)
    lists = CandidateLists(
        queries,
        table[:, 0].astype(np.int64),
        table[:, 1].astype(np.int64),
        table[:, 2],
        {name: components[:, i] for i, name in enumerate(COMPONENTS)},
        table[:, 3].astype(np.int64),
    )
    made = [
        feature_matrix(components[a:b], features[a:b]).astype(np.float32)
        for a, b in zip(lists.starts[:-1], lists.starts[1:], strict=True)
    ]
    return FeatureLists(lists, np.concatenate(made) if made else np.zeros((0, 0), np.float32))


def _batch(
    database: Database, queries: Sequence[Query], first: int, candidates: int, k: int
) -> Matrix:
    rows = ask(database, _statements["features"], queries, first, candidates, k)
    return np.array([(*row[:-1], *row[-1]) for row in rows], np.float64).reshape(
        -1, 4 + len(COMPONENTS + SQL_FEATURES)
    )
