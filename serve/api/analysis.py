"""``/v1/recommend``, ``/v1/predict``, ``/v1/compare`` and a user's preferences."""

from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from ask.answer import Prediction
from ask.answer import predict as predict_rating
from ask.compare import FEWEST, MOST, Comparison
from ask.compare import compare as compare_movies
from ask.preferences import Preferences, find_preferences
from ask.summaries import word_summary
from palate.contract import Recommendations, RecommendRequest, UserId, Words
from rerank.recommend import recommend as find_recommendations
from serve.api.parameters import Film, UserPath, WhichTaste, WhoseWords
from serve.api.routes import GuardedRoute, scoped
from serve.api.services import Services, answer, in_thread, services

T = TypeVar("T", Prediction, Comparison, Preferences)

router = APIRouter(route_class=GuardedRoute, tags=["analysis"])


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
    summary="Films that a user has not rated",
    response_model=Recommendations,
    **scoped("read", 400),
)
async def recommend(request: Request, parameters: Annotated[RecommendRequest, Query()]) -> Response:
    """Recommend films by taste, by people with the same ratings, and by popularity.

    Without `user_id`, or for a user of whom nothing is known, popularity alone orders them and
    the answer says why.
    """
    found = services(request)

    def find() -> Response:
        reranker = found.searcher.reranker
        return answer(find_recommendations(found.database, parameters, reranker=reranker))

    return await in_thread(request, find, patient=parameters.rerank == "llm")


@router.get(
    "/v1/predict",
    summary="What a user would give a film",
    response_model=Prediction,
    **scoped("read", 400, 404),
)
async def predict(request: Request, parameters: Annotated[PredictParameters, Query()]) -> Response:
    """Predict a rating: the stars, an interval, how sure that is, and the ratings it rests on."""

    def make(found: Services) -> Prediction:
        movie = found.asker.names.find(parameters.movie)
        user_id, profile = parameters.user_id, parameters.profile
        return predict_rating(found.database, user_id, movie.movie_id, profile)

    return await _summarize(request, make, parameters.words)


@router.get(
    "/v1/compare",
    summary="Films side by side",
    response_model=Comparison,
    **scoped("read", 400, 404),
)
async def compare(request: Request, parameters: Annotated[CompareParameters, Query()]) -> Response:
    """Compare films: money, return, ratings, running time, enrichment, and who leads in what."""

    def make(found: Services) -> Comparison:
        ids = [found.asker.names.find(movie).movie_id for movie in parameters.movie]
        return compare_movies(found.database, ids)

    return await _summarize(request, make, parameters.words)


@router.get(
    "/v1/users/{user_id}/preferences",
    summary="What a user likes",
    response_model=Preferences,
    **scoped("read", 404),
)
async def preferences(
    request: Request, user_id: UserPath, parameters: Annotated[PreferencesParameters, Query()]
) -> Response:
    """Genres, decades, people and money in a user's ratings, against what the crowd gives."""

    def make(found: Services) -> Preferences:
        return find_preferences(found.database, user_id, parameters.profile)

    return await _summarize(request, make, parameters.words)


async def _summarize(request: Request, make: Callable[[Services], T], words: Words) -> Response:
    """What ``make`` finds, its summary in these words."""
    found = services(request)

    def work() -> Response:
        made = make(found)
        return answer(made if words == "template" else word_summary(made, found.searcher.writer)[0])

    return await in_thread(request, work, patient=words == "llm")
