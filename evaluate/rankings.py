"""Rankings that can be measured, by name: as scores of candidates, and as the search people make.

The scores are quick, the search is what production runs; ``check`` holds one to the other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from learn.candidates import CandidateLists
from learn.queries import Query
from learn.registry import statements as registry
from palate.contract import SearchRequest
from palate.errors import PalateError
from rerank.features import COMPONENTS
from rerank.learned import LearnedOrder
from rerank.search import Searcher
from sql.database import Database


class EvaluationError(PalateError):
    """A measurement cannot be trusted, so there is none."""

    title = "Evaluation failed"


class Ranking(Protocol):
    """An order of candidates."""

    @property
    def name(self) -> str:
        """What reports call it."""

    def scores(self, lists: CandidateLists) -> NDArray[np.float64]:
        """The score of every candidate, (c,)."""

    def request(self, query: Query, candidates: int) -> SearchRequest:
        """The search that gives this order."""


@dataclass(frozen=True)
class Weighted:
    """The blend in SQL, with these weights; those not named are 0."""

    name: str
    weights: Mapping[str, float]

    def scores(self, lists: CandidateLists) -> NDArray[np.float64]:
        """The weighted sum of the components."""
        return lists.blended(self.weights)

    def request(self, query: Query, candidates: int) -> SearchRequest:
        """The query as its user types it, films already rated left out."""
        return SearchRequest(
            q=query.text,
            user_id=query.user_id,
            candidates=candidates,
            seen="drop",
            weights={name: self.weights.get(name, 0.0) for name in COMPONENTS},
        )


@dataclass(frozen=True, eq=False)
class Learned:
    """The active learned order, over the features of the lists it is asked to score.

    Users of whom nothing is known get the blend, and ties are as the blend has them.
    """

    order: LearnedOrder
    weights: Mapping[str, float]
    name: str = "learned"

    def scores(self, lists: CandidateLists) -> NDArray[np.float64]:
        """Places in the learned order, from the last to the first."""
        content, collaborative = lists.components["content"], lists.components["collaborative"]
        unknown = np.isnan(content) & np.isnan(collaborative)
        learned = np.where(unknown, 0.0, self.order.scores(lists.features))
        blended = lists.blended(self.weights)
        order = np.lexsort((
            lists.movie_ids, -lists.bm25_score, -blended, -learned, -lists.levels, lists.numbers,
        ))  # fmt: skip
        places = np.empty(len(order))
        places[order] = -np.arange(len(order), dtype=np.float64)
        return places

    def request(self, query: Query, candidates: int) -> SearchRequest:
        """The query as its user types it, films already rated left out."""
        return SearchRequest(
            q=query.text, user_id=query.user_id, candidates=candidates, seen="drop"
        )


def active_order(database: Database) -> LearnedOrder | None:
    """The learned order that search uses, if there is one."""
    with database.read() as connection:
        row = connection.execute(registry["active_order"]).first()
    return None if row is None else LearnedOrder(row.id, f"{row.name} {row.version}", row.body)


def single_components() -> list[Weighted]:
    """Each component on its own: the baselines."""
    return [Weighted(name, {name: 1.0}) for name in COMPONENTS]


def check(
    searcher: Searcher,
    lists: CandidateLists,
    rankings: Sequence[Ranking],
    candidates: int,
    *,
    queries: int = 20,
    seed: int = 0,
) -> int:
    """Search for some of the queries as production does; returns how many pages were compared.

    Raises EvaluationError when a first page is not the one that the scores give.
    """
    n = len(lists.queries)
    chosen = np.sort(np.random.default_rng(seed).permutation(n)[:queries])
    for ranking in rankings:
        order = lists.order(ranking.scores(lists))
        for number in chosen:
            request = ranking.request(lists.queries[number], candidates)
            part = order[lists.starts[number] : lists.starts[number + 1]][: request.k]
            expected = lists.movie_ids[part].tolist()
            found = [hit.movie_id for hit in searcher.search(request).hits]
            if found != expected:
                raise EvaluationError(
                    f"{ranking.name}: search for {request.q!r} by user {request.user_id} gives "
                    f"{found}, the quick path {expected}. Nothing was reported, since one of them "
                    "is wrong. Please report this."
                )
    return len(chosen) * len(rankings)
