"""The candidates of many queries, fetched once: what every ranking orders.

search() itself gives them, with every component, so that an order made here from its components
is the order search() gives; a test and a check in every run hold the two together.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from learn.data import statements
from learn.guard import check_reads
from learn.models.interface import Model, places
from learn.queries import Query
from rerank.learned import COMPONENTS, FEATURES, READ, feature_matrix
from search.grammar import Limits
from search.query import ParsedQuery, parse
from sql.database import Database

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Places = NDArray[np.int64]

BATCH = 200
"""Queries asked in one statement."""

_USERS = 256  # scored at once
_KEYS = ("number", "movie_id", "bm25_score", "level_place")


@dataclass(frozen=True, eq=False)
class CandidateLists:
    """q queries and their c candidates, list after list.

    ``numbers`` (c,) is each candidate's query; ``components`` are (c,) each, NaN where search()
    says NULL; ``bm25_score`` is what the engine gave, before scaling; ``levels`` (c,) are
    places in the contract's LEVELS, which no score crosses. ``features`` are
    (c, len(FEATURES)), where they were asked for.
    """

    queries: Sequence[Query]
    numbers: Places
    movie_ids: Places
    bm25_score: Floats
    components: Mapping[str, Floats]
    levels: Places
    features: Floats = field(default_factory=lambda: np.zeros((0, len(FEATURES))))

    @classmethod
    def join(cls, parts: Sequence["CandidateLists"]) -> "CandidateLists":
        """Lists of several sets of queries, at least one, as one."""
        first = np.cumsum([0] + [len(part.queries) for part in parts])
        return cls(
            [query for part in parts for query in part.queries],
            np.concatenate([part.numbers + n for part, n in zip(parts, first, strict=False)]),
            np.concatenate([part.movie_ids for part in parts]),
            np.concatenate([part.bm25_score for part in parts]),
            {name: np.concatenate([part.components[name] for part in parts])
             for name in COMPONENTS},
            np.concatenate([part.levels for part in parts]),
            np.concatenate([part.features for part in parts]),
        )  # fmt: skip

    @cached_property
    def starts(self) -> Places:
        """(q + 1,): query i's candidates are starts[i] to starts[i + 1]."""
        return np.searchsorted(self.numbers, np.arange(len(self.queries) + 1))

    @cached_property
    def user_ids(self) -> Places:
        """(q,) who asks."""
        return np.array([query.user_id for query in self.queries], np.int64)

    @cached_property
    def people(self) -> Places:
        """(q,) who asks, or whom the one who asks is a copy of."""
        return np.array(
            [q.user_id if q.person is None else q.person for q in self.queries], np.int64
        )

    @cached_property
    def targets(self) -> Places:
        """(q,) the film that is wanted."""
        return np.array([query.movie_id for query in self.queries], np.int64)

    @cached_property
    def wanted(self) -> Mask:
        """(c,) whether a candidate is its query's film."""
        return np.asarray(self.movie_ids == self.targets[self.numbers])

    def where(self, chosen: Mask) -> "CandidateLists":
        """The lists of the queries where ``chosen`` (q,) holds."""
        kept = self.keep(chosen[self.numbers])
        queries = [query for query, keep in zip(self.queries, chosen, strict=True) if keep]
        numbers = (np.cumsum(chosen) - 1)[kept.numbers]
        return dataclasses.replace(kept, queries=queries, numbers=numbers)

    def keep(self, rows: Mask) -> "CandidateLists":
        """The same queries with the candidates where ``rows`` (c,) holds."""
        return dataclasses.replace(
            self,
            numbers=self.numbers[rows],
            movie_ids=self.movie_ids[rows],
            bm25_score=self.bm25_score[rows],
            components={name: column[rows] for name, column in self.components.items()},
            levels=self.levels[rows],
            features=self.features[rows] if len(self.features) else self.features,
        )

    def order(self, scores: Floats) -> Places:
        """(c,) candidates by query and level, the best first; ties as in search(): BM25, then
        movie_id."""
        return np.lexsort((self.movie_ids, -self.bm25_score, -scores, -self.levels, self.numbers))

    def target_ranks(self, scores: Floats) -> Places:
        """(q,) the rank of each query's film under these scores (c,), from 1; 0: not found."""
        ordered = self.order(scores)
        hit = np.flatnonzero(self.wanted[ordered])
        ranks = np.zeros(len(self.queries), np.int64)
        ranks[self.numbers[hit]] = hit - self.starts[self.numbers[hit]] + 1
        return ranks

    def blended(self, weights: Mapping[str, float]) -> Floats:
        """(c,) scores of the blend, added up as search() does; a missing component adds nothing."""
        total = np.zeros(len(self.numbers))
        for name in COMPONENTS:
            total = total + np.nan_to_num(weights.get(name, 0.0) * self.components[name])
        return total


def fetch_candidates(
    database: Database,
    queries: Sequence[Query],
    *,
    candidates: int = 200,
    k: int = 10,
    features: bool = False,
) -> CandidateLists:
    """Ask search() for every query's candidates, less the films that its user has rated.

    ``k`` is the page that people see: fewer films than that relax a query of several words.
    With ``features`` search_features() is asked. Raises LeakError when live rows are read.
    """
    names = _KEYS + (READ if features else COMPONENTS)
    parts = [
        _ask(database, names, queries[start : start + BATCH], start, candidates, k, features)
        for start in range(0, len(queries), BATCH)
    ]
    table = np.concatenate([np.zeros((0, len(names))), *parts])
    columns = dict(zip(names, table[np.lexsort((table[:, 1], table[:, 0]))].T, strict=True))
    lists = CandidateLists(
        queries,
        columns["number"].astype(np.int64),
        columns["movie_id"].astype(np.int64),
        columns["bm25_score"],
        {name: columns[name] for name in COMPONENTS},
        columns["level_place"].astype(np.int64),
    )
    if not features:
        return lists
    made = [
        feature_matrix({name: columns[name][start:end] for name in READ})
        for start, end in zip(lists.starts[:-1], lists.starts[1:], strict=True)
    ]
    return dataclasses.replace(lists, features=np.concatenate([lists.features, *made]))


def _ask(
    database: Database,
    names: Sequence[str],
    queries: Sequence[Query],
    first: int,
    candidates: int,
    k: int,
    features: bool,
) -> Floats:
    """The columns ``names`` of the candidates of some queries, which are numbered from ``first``.

    Raises LeakError when live rows are read.
    """
    read = [_parse(database, query.text) for query in queries]
    compiled = [database.search_engine.compile(one.tree) for one in read]
    parameters = {
        "numbers": list(range(first, first + len(queries))),
        "user_ids": [query.user_id for query in queries],
        "queries": [json.dumps(one.query) for one in compiled],
        "looses": [json.dumps(one.loose) if one.loose else None for one in compiled],
        "typed": [one.typed for one in read],
        "candidates": candidates,
        "k": k,
    }
    statement = statements["features" if features else "candidates"]
    with database.begin(patient=True) as connection:
        found = connection.execute(statement, parameters)
        columns = dict(zip(found.keys(), zip(*found, strict=True), strict=False))
        check_reads(connection)
    return np.array([columns.get(name, ()) for name in names], np.float64).T


def _parse(database: Database, text: str) -> ParsedQuery:
    """The query as Searcher would read it."""
    return parse(text, limits=Limits.of(database.settings))


def score_candidates(model: Model, lists: CandidateLists) -> Floats:
    """(c,) the model's own score of every candidate, for its query's user."""
    columns = places(model.movie_ids, lists.movie_ids, "film")
    asked, rows = np.unique(lists.user_ids[lists.numbers], return_inverse=True)
    scores = np.zeros(len(rows))
    for start in range(0, len(asked), _USERS):
        block = model.score(asked[start : start + _USERS], model.movie_ids)
        here = (rows >= start) & (rows < start + _USERS)
        scores[here] = block[rows[here] - start, columns[here]]
    return scores


def read_weights(database: Database) -> dict[str, float]:
    """The stored weights of the blend."""
    with database.read() as connection:
        return dict(connection.execute(statements["weights"]).mappings().one())
