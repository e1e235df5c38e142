"""The candidates of many queries, fetched once: what every ranking orders.

search() itself gives them, with every component, so that an order made here from its components
is the order search() gives; a test and a check in every run hold the two together.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sqlalchemy
from numpy.typing import NDArray

from learn.data import statements
from learn.guard import check_reads
from learn.models.interface import Model, places
from learn.queries import Query
from search.grammar import Limits
from search.query import parse
from sql.database import Database
from sql.engines import CompiledQuery

Floats = NDArray[np.float64]
Places = NDArray[np.int64]

PERSONAL = ("bm25", "content", "collaborative", "popularity")
"""The components of a lexical search, in the order in which search() adds them up."""

BATCH = 200
"""Queries asked in one statement."""

_USERS = 256  # scored at once


@dataclass(frozen=True, eq=False)
class CandidateLists:
    """q queries and their c candidates, list after list.

    ``numbers`` (c,) is each candidate's query; ``components`` are (c,) each, NaN where search()
    says NULL; ``bm25_score`` is what the engine gave, before scaling; ``relaxed`` (c,) is True for
    films that lack words of a query for which too few films have all.
    """

    queries: Sequence[Query]
    numbers: Places
    movie_ids: Places
    bm25_score: Floats
    components: Mapping[str, Floats]
    relaxed: NDArray[np.bool_]

    @cached_property
    def starts(self) -> Places:
        """(q + 1,): query i's candidates are starts[i] to starts[i + 1]."""
        return np.searchsorted(self.numbers, np.arange(len(self.queries) + 1))

    def where(self, chosen: NDArray[np.bool_]) -> "CandidateLists":
        """The lists of the queries where ``chosen`` (q,) holds."""
        rows = chosen[self.numbers]
        return CandidateLists(
            [query for query, keep in zip(self.queries, chosen, strict=True) if keep],
            (np.cumsum(chosen) - 1)[self.numbers[rows]],
            self.movie_ids[rows],
            self.bm25_score[rows],
            {name: column[rows] for name, column in self.components.items()},
            self.relaxed[rows],
        )

    def order(self, scores: Floats) -> Places:
        """(c,) candidates by query, the best first; ties as in search(): BM25, then movie_id."""
        return np.lexsort((self.movie_ids, -self.bm25_score, -scores, self.numbers))

    def target_ranks(self, scores: Floats) -> Places:
        """(q,) the rank of each query's film under these scores (c,), from 1; 0: not found."""
        targets = np.array([query.movie_id for query in self.queries], np.int64)
        ordered = self.order(scores)
        hit = np.flatnonzero(self.movie_ids[ordered] == targets[self.numbers])
        ranks = np.zeros(len(self.queries), np.int64)
        ranks[self.numbers[hit]] = hit - self.starts[self.numbers[hit]] + 1
        return ranks

    def blended(self, weights: Mapping[str, float]) -> Floats:
        """(c,) scores of the blend, added up as search() does; a missing component adds nothing."""
        total = np.zeros(len(self.numbers))
        for name in PERSONAL:
            total = total + np.nan_to_num(weights.get(name, 0.0) * self.components[name])
        return total


def fetch_candidates(
    database: Database,
    queries: Sequence[Query],
    *,
    candidates: int = 200,
    k: int = 10,
) -> CandidateLists:
    """Ask search() for every query's candidates, less the films that its user has rated.

    ``k`` is the page that people see: fewer films than that relax a query of several words.
    Raises LeakError when live rows are read.
    """
    rows = [
        row
        for start in range(0, len(queries), BATCH)
        for row in ask(
            database, statements["candidates"], queries[start : start + BATCH], start, candidates, k
        )
    ]
    table = np.array(rows, np.float64).reshape(-1, 8)
    numbers, movie_ids = (table[:, i].astype(np.int64) for i in (0, 1))
    order = np.lexsort((movie_ids, numbers))
    return CandidateLists(
        queries,
        numbers[order],
        movie_ids[order],
        table[order, 2],
        {name: table[order, i] for i, name in enumerate(PERSONAL, 4)},
        table[order, 3] > 0,
    )


def candidate_scores(model: Model, lists: CandidateLists) -> NDArray[np.float64]:
    """(c,) the model's own score of every candidate, for its query's user."""
    users = np.array([query.user_id for query in lists.queries], np.int64)[lists.numbers]
    columns = places(model.movie_ids, lists.movie_ids, "film")
    asked, rows = np.unique(users, return_inverse=True)
    scores = np.zeros(len(users))
    for start in range(0, len(asked), _USERS):
        block = model.score(asked[start : start + _USERS], model.movie_ids)
        here = (rows >= start) & (rows < start + _USERS)
        scores[here] = block[rows[here] - start, columns[here]]
    return scores


def ask(
    database: Database,
    statement: sqlalchemy.TextClause,
    queries: Sequence[Query],
    first: int,
    candidates: int,
    k: int,
) -> Sequence[sqlalchemy.Row[*tuple[Any, ...]]]:
    """Rows of a statement that searches for many queries, which it numbers from ``first``.

    Raises LeakError when it reads live rows.
    """
    compiled = [_compile(database, query.text) for query in queries]
    parameters = {
        "numbers": list(range(first, first + len(queries))),
        "user_ids": [query.user_id for query in queries],
        "queries": [json.dumps(one.query) for one in compiled],
        "looses": [json.dumps(one.loose) if one.loose else None for one in compiled],
        "candidates": candidates,
        "k": k,
    }
    with database.begin(patient=True) as connection:
        found = connection.execute(statement, parameters).all()
        check_reads(connection)
    return found


def _compile(database: Database, text: str) -> CompiledQuery:
    """The query as Searcher would compile it."""
    parsed = parse(text, limits=Limits.of(database.settings))
    return database.search_engine.compile(parsed.tree)


def read_weights(database: Database) -> dict[str, float]:
    """The stored weights of the blend."""
    with database.read() as connection:
        return dict(connection.execute(statements["weights"]).mappings().one())
