"""The candidates of many queries, fetched once: what every ranking orders.

search() itself gives them, with every component, so that an order made here from its components
is the order search() gives; a test and a check in every run hold the two together.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learn.data import statements
from learn.guard import check_reads
from learn.models.interface import Model, places
from learn.queries import Query
from palate.contract import LEVELS
from rerank.features import COMPONENTS, FEATURES
from rerank.learned import FeatureMaker
from search.limits import Limits
from search.query import ParsedQuery, parse
from sql.database import Database

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Places = NDArray[np.int64]

BATCH = 200
"""Queries asked in one statement."""

_USERS = 256  # scored at once
_YEAR = 31_556_952.0  # seconds
_NO_FEATURES = np.zeros((0, len(FEATURES)))
_NO_ROW: Mapping[str, Any] = dict.fromkeys(
    ("movie_id", "bm25_score", *COMPONENTS, "level", "year"), ()
)


@dataclass(frozen=True, eq=False)
class CandidateLists:
    """q queries and their c candidates, list after list.

    ``numbers`` (c,) is each candidate's query; ``components`` are (c,) each, NaN where search()
    says NULL; ``bm25_score`` is what the engine gave, before scaling; ``levels`` (c,) are
    places in the contract's LEVELS, which no score crosses. ``years`` (c,) are when they came out,
    NaN where that is not known. ``features`` are (c, len(FEATURES)), where they were asked for.
    """

    queries: Sequence[Query]
    numbers: Places
    movie_ids: Places
    bm25_score: Floats
    components: Mapping[str, Floats]
    levels: Places
    years: Floats
    features: Floats = field(default_factory=lambda: _NO_FEATURES)

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
            np.concatenate([part.years for part in parts]),
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

    @cached_property
    def past(self) -> Mask:
        """(c,) whether a film had come out when the wanted one was rated, and so could be it; what
        is wanted had, whatever its year says."""
        asked_at = np.array([query.asked_at for query in self.queries])
        asked_in = 1970 + np.floor(asked_at / _YEAR)
        return ~(self.years > asked_in[self.numbers]) | self.wanted

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
            years=self.years[rows],
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
    With ``features`` those of the learned order are made. Raises LeakError when live rows are read.
    """
    maker = FeatureMaker()
    parts = [_list_of(_NO_ROW, _NO_FEATURES)]
    for start in range(0, len(queries), BATCH):
        asked = queries[start : start + BATCH]
        with database.begin(patient=True) as connection:
            rows = connection.execute(
                statements["candidates"], _parameters(database, asked, candidates, k)
            )
            found: dict[int, Any] = {row["number"]: row for row in rows.mappings()}
            rated: dict[int, Any] = {}
            if features:
                user_ids = sorted({query.user_id for query in asked})
                known = connection.execute(statements["latest_ratings"], {"user_ids": user_ids})
                rated = {row["user_id"]: row for row in known.mappings()}
            for number, query in enumerate(asked):
                row, made = found.get(number, _NO_ROW), _NO_FEATURES
                if features and query.user_id in rated and row is not _NO_ROW:
                    made = maker.matrix(connection, row, rated[query.user_id])
                elif features:
                    made = np.full((len(row["movie_id"]), len(FEATURES)), np.nan)
                parts.append(_list_of(row, made, query))
            check_reads(connection)
    return CandidateLists.join(parts)


def _list_of(row: Mapping[str, Any], features: Floats, *queries: Query) -> CandidateLists:
    """A query's candidates by movie_id; features only where they were made."""
    order = np.argsort(row["movie_id"])

    def column(name: str) -> Floats:
        return np.array(row[name], np.float64)[order]

    return CandidateLists(
        queries,
        np.zeros(len(order), np.int64),
        np.array(row["movie_id"], np.int64)[order],
        column("bm25_score"),
        {name: column(name) for name in COMPONENTS},
        np.array([LEVELS.index(level) for level in row["level"]], np.int64)[order],
        column("year"),
        features[order] if len(features) else features,
    )


def _parameters(
    database: Database, queries: Sequence[Query], candidates: int, k: int
) -> dict[str, Any]:
    """What the statement is asked, by the numbers of some queries."""
    read = [_parse(database, query.text) for query in queries]
    compiled = [database.search_engine.compile(one.tree) for one in read]
    return {
        "numbers": list(range(len(queries))),
        "user_ids": [query.user_id for query in queries],
        "queries": [json.dumps(one.query) for one in compiled],
        "looses": [json.dumps(one.loose) if one.loose else None for one in compiled],
        "typed": [one.typed for one in read],
        "candidates": candidates,
        "k": k,
    }


def _parse(database: Database, text: str) -> ParsedQuery:
    """The query as Searcher would read it."""
    limits = Limits.of(database.settings)
    return parse(text, limits=limits, fields=database.search_engine.fields)


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
