"""``/v1/movies``: films like one film."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request

from palate.contract import Frozen, SimilarMovie
from search.catalog import similar
from serve.api.parameters import MoviePath, WhoseTaste
from serve.api.routes import GuardedRoute, scoped
from serve.api.services import services

router = APIRouter(route_class=GuardedRoute, tags=["movies"])


class SimilarMovies(Frozen):
    """Films like one film, nearest first."""

    movie_id: int
    movies: tuple[SimilarMovie, ...]


class SimilarParameters(WhoseTaste):
    """How many, and for whom."""

    k: int = Field(10, ge=1, le=100, description="Films returned.")


@router.get("/v1/movies/{movie_id}/similar", summary="Films like one film", **scoped("read", 404))
def similar_movies(
    request: Request, movie_id: MoviePath, parameters: Annotated[SimilarParameters, Query()]
) -> SimilarMovies:
    """The films nearest to this one by what is told of them; with `user_id`, also by taste."""
    movies = similar(services(request).database, movie_id, **parameters.model_dump())
    return SimilarMovies(movie_id=movie_id, movies=tuple(movies))
