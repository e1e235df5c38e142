"""``/v1/movies``: one film, and films like it."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from palate.contract import LARGEST_ID, Movie, Profile, SimilarMovie, UserId
from search.catalog import get_movie, similar
from serve.api.routes import GuardedRoute, scoped
from serve.api.services import answer, services

router = APIRouter(route_class=GuardedRoute, tags=["movies"])

MovieId = Annotated[
    int, Path(ge=0, le=LARGEST_ID, description="The film's id in this catalog.", examples=[1])
]


class SimilarMovies(BaseModel):
    """Films like one film, nearest first."""

    model_config = ConfigDict(frozen=True)

    movie_id: int
    movies: tuple[SimilarMovie, ...]


class SimilarParameters(BaseModel):
    """How many, and for whom."""

    k: int = Field(10, ge=1, le=100, description="Films returned.")
    user_id: UserId | None = Field(None, description="Whose taste joins in ordering them.")
    profile: Profile = Field("main", description="Which taste of the user.")


@router.get(
    "/v1/movies/{movie_id}", summary="One film", response_model=Movie, **scoped("read", 404)
)
def movie(request: Request, movie_id: MovieId) -> Response:
    """Everything the catalog knows of one film."""
    return answer(get_movie(services(request).database, movie_id))


@router.get(
    "/v1/movies/{movie_id}/similar",
    summary="Films like one film",
    response_model=SimilarMovies,
    **scoped("read", 404),
)
def similar_movies(
    request: Request, movie_id: MovieId, parameters: Annotated[SimilarParameters, Query()]
) -> Response:
    """The films nearest to this one by what is told of them; with `user_id`, also by taste."""
    movies = similar(
        services(request).database,
        movie_id,
        parameters.k,
        user_id=parameters.user_id,
        profile=parameters.profile,
    )
    return answer(SimilarMovies(movie_id=movie_id, movies=tuple(movies)))
