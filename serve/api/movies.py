"""``/v1/movies``: films listed, one film, films like one film."""

import hashlib
import re
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from ingest.catalog import version_of
from palate.contract import Frozen, Movie, SimilarMovie
from search.browse import BrowseRequest, MovieList, browse
from search.catalog import get_movie, similar
from serve.api.parameters import MoviePath, WhoseTaste
from serve.api.routes import GuardedRoute, scoped
from serve.api.services import answer, services

router = APIRouter(route_class=GuardedRoute, tags=["movies"])


class SimilarMovies(Frozen):
    """Films like one film, nearest first."""

    movie_id: int
    movies: tuple[SimilarMovie, ...]


class SimilarParameters(WhoseTaste):
    """How many, and for whom."""

    k: int = Field(10, ge=1, le=100, description="Films returned.")


def show_movie(request: Request, movie_id: int, *, status: int = 200) -> Response:
    """One film with what names its version, which a change of it holds, and all of the answer."""
    found = get_movie(services(request).database, movie_id)
    response = answer(request, found)
    response.status_code = status
    told = hashlib.sha256(response.body).hexdigest()[:16]
    response.headers["etag"] = f'"{version_of(found)}.{told}"'
    response.headers["cache-control"] = "private, no-cache"
    return response


_READ = scoped("read", 404, own=True)
_READ["responses"][304] = {"description": "Nothing of the answer changed since If-None-Match."}


@router.get("/v1/movies", summary="List films", **scoped("read", 400, own=True))
def list_movies(request: Request, parameters: Annotated[BrowseRequest, Query()]) -> MovieList:
    """Films that match, in the order of a column, a page at a time, and how many there are.

    `facets` counts the values of columns over all of them.
    """
    return browse(services(request).database, parameters)


@router.get(
    "/v1/movies/{movie_id}",
    summary="One film",
    response_model=Movie,
    **_READ,
)
def read_movie(request: Request, movie_id: MoviePath) -> Response:
    """Everything the catalog knows of one film.

    `ETag` names this answer: sent as `If-None-Match`, 304 says that nothing of it changed. Sent as
    `If-Match` with a change, what was written of the film has to be the same; ratings do not count.
    """
    response = show_movie(request, movie_id)
    known = request.headers.get("if-none-match", "")
    if known.strip() == "*" or response.headers["etag"] in re.findall(r'"[^"]*"', known):
        response.status_code, response.body = 304, b""
        del response.headers["content-length"]
    return response


@router.get("/v1/movies/{movie_id}/similar", summary="Films like one film", **scoped("read", 404))
def similar_movies(
    request: Request, movie_id: MoviePath, parameters: Annotated[SimilarParameters, Query()]
) -> SimilarMovies:
    """The films nearest to this one by what is told of them; with `user_id`, also by taste."""
    movies = similar(services(request).database, movie_id, **parameters.model_dump())
    return SimilarMovies(movie_id=movie_id, movies=tuple(movies))
