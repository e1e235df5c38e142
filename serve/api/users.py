"""``/v1/users``: what is known of a user, and the ratings that it is known from."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from palate.contract import Export, Forgotten, Frozen, Rating, User
from rerank import people
from rerank import profile as profiles
from serve.api.parameters import MoviePath, TasteQuery, UserPath, WhichTaste
from serve.api.routes import GuardedRoute, read_body, scoped
from serve.api.services import services

router = APIRouter(route_class=GuardedRoute, tags=["users"])

_RATING_BYTES = 1024


class RatingsParameters(WhichTaste):
    """Which ratings."""

    limit: int = Field(50, ge=1, le=500, description="Ratings returned.")
    offset: int = Field(0, ge=0, le=2**31 - 1, description="Ratings skipped.")


class Ratings(Frozen):
    """A user's ratings, newest first."""

    user_id: int
    profile: str
    limit: int
    offset: int
    ratings: tuple[Rating, ...]


class NewRating(Frozen):
    """What a user thinks of a film."""

    rating: float = Field(
        ge=0.5, le=5, strict=True, allow_inf_nan=False, description="From 0.5 to 5."
    )


@router.get("/v1/users/{user_id}", summary="A profile", **scoped("read", 404))
def user(request: Request, user_id: UserPath, parameters: TasteQuery) -> User:
    """What is known of a user, and what the taste is made of.

    The genres, people and films that count most, those that draw and those that push away, each
    with its share.
    """
    return profiles.get_user(services(request).database, user_id, parameters.profile)


@router.delete("/v1/users/{user_id}", summary="Forget a user", **scoped("admin", 404, line="write"))
def forget(request: Request, user_id: UserPath) -> Forgotten:
    """Delete everything that is held about a user, and count what is left of it, table by table.

    Popularity and filters hold the user's ratings until the next `palate db refresh`.
    """
    return people.forget(services(request).database, user_id)


@router.get(
    "/v1/users/{user_id}/export",
    summary="Everything held about a user",
    **scoped("admin", 404, line="analysis"),
)
def export(request: Request, user_id: UserPath) -> Export:
    """The rows of every table that tells of a user, as they are."""
    return people.export(services(request).database, user_id)


@router.get("/v1/users/{user_id}/ratings", summary="A user's ratings", **scoped("read", 404))
def ratings(
    request: Request, user_id: UserPath, parameters: Annotated[RatingsParameters, Query()]
) -> Ratings:
    """The ratings of one profile, newest first; none for an unknown user."""
    which = parameters.model_dump()
    rows = profiles.list_ratings(services(request).database, user_id, **which)
    return Ratings(user_id=user_id, **which, ratings=tuple(rows))


@router.get(
    "/v1/users/{user_id}/ratings/{movie_id}",
    summary="A user's rating of a film",
    **scoped("read", 404),
)
def rating(
    request: Request, user_id: UserPath, movie_id: MoviePath, parameters: TasteQuery
) -> Rating:
    """What one user gave one film."""
    database = services(request).database
    return profiles.get_rating(database, user_id, movie_id, parameters.profile)


@router.put(
    "/v1/users/{user_id}/ratings/{movie_id}",
    summary="Rate a film",
    **scoped("write", 400, 404, line="write", body=NewRating, max_body=_RATING_BYTES),
)
def rate(
    request: Request, user_id: UserPath, movie_id: MoviePath, parameters: TasteQuery
) -> Rating:
    """Set the user's rating of a film; the next search already knows it.

    Sending the same again changes nothing. The user need not exist before.
    """
    rating = read_body(request, NewRating).rating
    database = services(request).database
    return profiles.rate(database, user_id, movie_id, rating, parameters.profile)


@router.delete(
    "/v1/users/{user_id}/ratings/{movie_id}",
    summary="Take a rating back",
    status_code=204,
    response_class=Response,
    **scoped("write", 404, line="write"),
)
def unrate(
    request: Request, user_id: UserPath, movie_id: MoviePath, parameters: TasteQuery
) -> Response:
    """Delete the user's rating of a film; the next search no longer knows it."""
    profiles.unrate(services(request).database, user_id, movie_id, parameters.profile)
    return Response(status_code=204)
