"""Recommendations: films that a user has not rated, by the blend without a query."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from palate.contract import Profile, Rerank, Reranking, Seen, UserId
from palate.errors import MisuseError
from palate.metrics import stage
from palate.statements import Statements
from rerank.reranking import Film, Reranker, placed, reorder
from sql.database import Database
from sql.syntax import Node

_statements = Statements(Path(__file__).parent / "statements" / "recommend.sql")

PARTS = ("content", "collaborative", "popularity")
"""The components of the blend that need no query."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RecommendRequest(_Frozen):
    """Films for one user; ``k`` are returned, chosen among the ``candidates`` best of each part."""

    user_id: UserId | None = Field(None, description="Whose taste orders them.")
    profile: Profile = Field("main", description="Which taste.")
    k: int = Field(10, ge=1, description="Films returned.")
    candidates: int = Field(
        100, ge=1, description="Best films of each of popularity, content and collaborative."
    )
    seen: Seen = Field("drop", description="Films the user rated: drop, or keep and mark them.")
    rerank: Rerank = Field(
        "none",
        description="Judge the first 40 films again: llm by the language model, small by a local "
        "text model.",
    )


class Recommendation(_Frozen):
    """One film, where it stands and why: the contributions add up to the score."""

    rank: int
    movie_id: int
    title: str
    year: int | None
    genres: tuple[str, ...]
    director: str | None
    overview: str | None
    runtime_minutes: int | None
    poster_url: str | None
    avg_rating: float | None
    rating_count: int
    score: float
    components: dict[str, float | None] = Field(description="Each in [0, 1]; null: not used.")
    contributions: dict[str, float] = Field(description="Weight times component; sum: score.")
    unpersonalized_rank: int
    moved: int = Field(description="Places gained (positive) or lost against unpersonalised.")
    rating: float | None = Field(description="The user's own rating of this film.")
    rerank_score: float | None = Field(
        None, description="0 to 10, from whoever reranked it; null: not judged."
    )
    rerank_reason: str | None = None
    rank_before: int | None = Field(None, description="Its place before it was reranked.")


class Recommendations(Reranking):
    """Films for one user, the best first."""

    user_id: int | None
    profile: str
    personalized: bool
    why_not_personalized: str | None
    weights: dict[str, float]
    movies: tuple[Recommendation, ...]


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
    _check(database, request)
    judged = 0 if reranker is None or request.rerank == "none" else reranker.window
    filter_ = None if only is None else database.search_engine.compile(only).query
    parameters = {
        "user_id": request.user_id,
        "profile": request.profile,
        "k": max(request.k, judged),
        "candidates": request.candidates,
        "weights": None,
        "seen": request.seen,
        "filter": None if filter_ is None else json.dumps(filter_),
    }
    with database.read() as connection, stage("rank"):
        found = connection.execute(_statements["recommend"], parameters).mappings()
        rows = [dict(row) for row in found]
    head = rows[0]
    movies = tuple(_movie(row) for row in rows if row["movie_id"] is not None)
    personalized = bool(head["personalized"])
    movies, about = _reranked(request, movies, reranker)
    return Recommendations(
        **about.model_dump(),
        user_id=request.user_id,
        profile=request.profile,
        personalized=personalized,
        why_not_personalized=None if personalized else _why_not(request, head, bool(movies)),
        weights={part: head[f"weight_{part}"] for part in PARTS},
        movies=movies,
    )


def _reranked(
    request: RecommendRequest, movies: tuple[Recommendation, ...], reranker: Reranker | None
) -> tuple[tuple[Recommendation, ...], Reranking]:
    """The k first films, in another order where one was asked for and found."""
    if request.rerank == "none":
        return movies, Reranking()
    if reranker is None:
        return movies[: request.k], Reranking(why_not_reranked="nobody is there to judge")
    films = [Film.of(movie) for movie in movies]
    verdict = reranker.judge(request.rerank, films, None, request.user_id, request.profile)
    if verdict.about.reranked:
        ordered = reorder(movies, lambda movie: movie.movie_id, verdict, reranker.places)
        movies = tuple(
            movie.model_copy(update=placed(movie, rank, verdict))
            for rank, movie in enumerate(ordered, 1)
        )
    return movies[: request.k], verdict.about


def _check(database: Database, request: RecommendRequest) -> None:
    for name, limit in (
        ("k", database.settings.max_k),
        ("candidates", database.settings.max_candidates),
    ):
        if getattr(request, name) > limit:
            raise MisuseError(
                f"{name} is {getattr(request, name)}; at most {limit} are allowed. Ask for "
                f"fewer, or raise PALATE_MAX_{name.upper()}."
            )


_MADE = {
    "genres", "components", "contributions", "rerank_score", "rerank_reason", "rank_before",
}  # fmt: skip


def _movie(row: Mapping[str, Any]) -> Recommendation:
    names = set(Recommendation.model_fields) - _MADE
    return Recommendation(
        **{name: row[name] for name in names},
        genres=tuple(row["genres"]),
        components={part: row[part] for part in PARTS},
        contributions={part: row[f"{part}_contribution"] for part in PARTS},
    )


def _why_not(request: RecommendRequest, head: Mapping[str, Any], found: bool) -> str:
    who = f"user {request.user_id} ({request.profile})"
    reasons: tuple[tuple[bool, str], ...] = (
        (request.user_id is None, "no user_id was given"),
        (not head["user_known"], f"{who} is unknown: nothing was rated yet"),
        (head["user_ratings"] == 0, f"{who} has no ratings"),
        (not found, "no film is left to recommend"),
    )
    no_vector = f"{who} has no taste vector: the films rated have no embeddings, or cancel out"
    return next((said for holds, said in reasons if holds), no_vector)
