"""Recommendations: films that a user has not rated, by the blend without a query."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from palate.contract import (
    PARTS,
    Recommendation,
    Recommendations,
    RecommendRequest,
    Reranking,
    check_request,
)
from palate.metrics import stage
from palate.statements import Statements
from rerank.feedback import make_answer_id
from rerank.profile import explain_unpersonalized
from rerank.reranking import Reranker
from sql.database import Database
from sql.syntax import Node

_statements = Statements(Path(__file__).parent / "statements" / "recommend.sql")

_MADE = {
    "genres", "components", "contributions", "rerank_score", "rerank_reason", "rank_before",
}  # fmt: skip
READ = tuple(name for name in Recommendation.model_fields if name not in _MADE)
"""Fields of a recommendation that are columns of the statement, by the same names."""


def recommend(
    database: Database,
    request: RecommendRequest,
    only: Node | None = None,
    reranker: Reranker | None = None,
) -> Recommendations:
    """Films for a user by content, collaborative factors and popularity, as SQL's recommend().

    ``only``: a tree that the films match; ``reranker`` judges them again where that is asked for.
    An unknown user gets the popular films and is told so. Raises MisuseError for a limit that is
    passed, and DatabaseUnavailableError.
    """
    check_request(database.settings, request)
    judged = 0 if reranker is None or request.rerank == "none" else reranker.window
    filter_ = None if only is None else database.search_engine.compile(only).query
    bound = {
        "user_id": request.user_id,
        "profile": request.profile,
        "k": max(request.k, judged),
        "candidates": request.candidates,
        "weights": None,
        "seen": request.seen,
        "filter": None if filter_ is None else json.dumps(filter_),
    }
    with database.read() as connection, stage("rank"):
        found = connection.execute(_statements["recommend"], bound).mappings()
        rows = [dict(row) for row in found]
    head = rows[0]
    movies = tuple(_movie(row) for row in rows if row["movie_id"] is not None)
    personalized = bool(head["personalized"])
    movies, about = _rerank(request, movies, reranker)
    return Recommendations(
        **about.model_dump(),
        answer_id=make_answer_id("recommend", "reranked" if about.reranked else "blend"),
        user_id=request.user_id,
        profile=request.profile,
        personalized=personalized,
        why_not_personalized=None if personalized else _explain(request, head, bool(movies)),
        weights={part: head["weights"][part] for part in PARTS},
        movies=movies,
    )


def _rerank(
    request: RecommendRequest, movies: tuple[Recommendation, ...], reranker: Reranker | None
) -> tuple[tuple[Recommendation, ...], Reranking]:
    """The k first films, in another order where one was asked for and found."""
    if request.rerank == "none":
        return movies, Reranking()
    if reranker is None:
        return movies[: request.k], Reranking(why_not_reranked="nobody is there to judge")
    return reranker.rerank(request, movies, query=None)


def _movie(row: Mapping[str, Any]) -> Recommendation:
    return Recommendation(
        **{name: row[name] for name in READ},
        genres=tuple(row["genres"]),
        components={part: row[part] for part in PARTS},
        contributions={part: row[f"{part}_contribution"] for part in PARTS},
    )


def _explain(request: RecommendRequest, head: Mapping[str, Any], found: bool) -> str:
    if not found and head["user_ratings"]:
        return "no film is left to recommend"
    return explain_unpersonalized(request, head)
