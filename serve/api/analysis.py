"""``/v1/recommend``, ``/v1/predict``, ``/v1/compare`` and a user's preferences."""

from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query
from pydantic import BeforeValidator, Field
from starlette.requests import Request

from ask.compare import FEWEST, MOST, Comparison
from ask.compare import compare as compare_movies
from ask.prediction import Prediction
from ask.prediction import predict as predict_rating
from ask.preferences import Preferences, find_preferences
from ask.summaries import word_summary
from palate.contract import (
    PARTS,
    Recommendations,
    RecommendRequest,
    UserId,
    Words,
    known_user,
    parse_weights,
)
from palate.errors import NotFoundError
from rerank.recommend import recommend as find_recommendations
from rerank.trace import RecommendTrace, Trace
from serve.api.parameters import Film, UserPath, WhichTaste, WhoseWords, WrittenWeights
from serve.api.routes import GuardedRoute, read_body, scoped
from serve.api.services import services

T = TypeVar("T", Prediction, Comparison, Preferences)

router = APIRouter(route_class=GuardedRoute, tags=["analysis"])


_BODY_BYTES = 65_536


def _read_weights(value: Any) -> Any:
    return parse_weights(value, PARTS) if isinstance(value, str) else value


class RecommendParameters(RecommendRequest):
    """A request for recommendations as its address spells it."""

    weights: Annotated[WrittenWeights, BeforeValidator(_read_weights)] = Field(
        None,
        description="Weights of the mixer for this call, as part:weight with commas between; "
        f"parts: {', '.join(PARTS)}. The others stay as stored.",
        examples=["content:1,novelty:0.2"],
    )


class PredictParameters(WhichTaste, WhoseWords):
    """Whose rating, of what."""

    user_id: UserId = Field(description="Whose rating.", examples=[10001])
    movie: Film = Field(description="A movie_id or a title.", examples=["Shrek"])


class CompareParameters(WhoseWords):
    """Which films."""

    movie: list[Film] = Field(
        min_length=FEWEST,
        max_length=MOST,
        description="A movie_id or a title; two to ten of them.",
        examples=[["Jaws", "Jurassic Park"]],
        json_schema_extra={"uniqueItems": True},
    )


class PreferencesParameters(WhichTaste, WhoseWords):
    """Which taste, and in whose words."""


@router.get(
    "/v1/recommend",
    summary="Films for a user",
    **scoped("read", 400, 404),
)
def recommend(
    request: Request, parameters: Annotated[RecommendParameters, Query()]
) -> Recommendations:
    """Recommend films that the user has neither seen nor turned away, from several sources.

    Without `user_id`, or for a user of whom nothing is known, popular and trending films come and
    the answer says why.
    """
    return _recommend(request, parameters)


@router.post(
    "/v1/recommend",
    summary="Films for a user, asked for by a body",
    **scoped("read", 400, 404, body=RecommendRequest, max_body=_BODY_BYTES, own=True),
)
def recommend_by_body(request: Request) -> Recommendations:
    """The same, for long lists of films to leave out."""
    return _recommend(request, read_body(request, RecommendRequest))


def _recommend(request: Request, asked: RecommendRequest) -> Recommendations:
    database, searcher = services(request).database, services(request).searcher
    return find_recommendations(
        database, asked, reranker=searcher.reranker, cache=searcher.recommended
    )


@router.get(
    "/v1/debug/recommend", summary="How recommendations were made", **scoped("admin", 400, 404)
)
def trace_recommend(
    request: Request, parameters: Annotated[RecommendParameters, Query()]
) -> RecommendTrace:
    """The same recommendations, with what each stage took in, let through, left out and moved, why,
    and how long it took."""
    found, trace = services(request), Trace()
    made = find_recommendations(
        found.database, parameters, reranker=found.searcher.reranker, trace=trace
    )
    return trace.told(made)


@router.get(
    "/v1/predict",
    summary="What a user would give a film",
    **scoped("read", 400, 404, line="analysis"),
)
def predict(request: Request, parameters: Annotated[PredictParameters, Query()]) -> Prediction:
    """Predict a rating: the stars, an interval, how sure that is, and the ratings it rests on."""
    found = services(request)
    movie = found.asker.names.find(parameters.movie)
    user_id, profile = parameters.user_id, parameters.profile
    if known_user(user_id) is None:
        raise NotFoundError("The user is unknown: nothing was rated or sent yet.")
    made = predict_rating(found.database, user_id, movie.movie_id, profile)
    return _summarize(request, made, parameters.words)


@router.get(
    "/v1/compare",
    summary="Films side by side",
    **scoped("read", 400, 404, line="analysis", own=True),
)
def compare(request: Request, parameters: Annotated[CompareParameters, Query()]) -> Comparison:
    """Compare films: money, return, ratings, running time, enrichment, and who leads in what."""
    found = services(request)
    ids = [found.asker.names.find(movie).movie_id for movie in parameters.movie]
    return _summarize(request, compare_movies(found.database, ids), parameters.words)


@router.get(
    "/v1/users/{user_id}/preferences",
    summary="What a user likes",
    **scoped("read", 404, line="analysis"),
)
def preferences(
    request: Request, user_id: UserPath, parameters: Annotated[PreferencesParameters, Query()]
) -> Preferences:
    """Genres, decades, people and money in a user's ratings, against what the crowd gives."""
    found = services(request)
    made = find_preferences(found.database, user_id, parameters.profile)
    return _summarize(request, made, parameters.words)


def _summarize(request: Request, made: T, words: Words) -> T:
    writer = services(request).searcher.writer
    return made if words == "template" else word_summary(made, writer)[0]
