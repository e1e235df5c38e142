"""Users: what they rated, what their profile holds, and how to change it."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy
from psycopg.errors import CheckViolation

from palate.contract import (
    NOBODY_GIVEN,
    UNKNOWN_USER,
    GenreMean,
    Rating,
    RecommendRequest,
    SearchRequest,
    Taste,
    TastePart,
    TasteParts,
    User,
)
from palate.errors import MisuseError, NotFoundError
from palate.person import called
from palate.statements import Statements
from sql.database import Database
from sql.faults import again

_statements = Statements.beside(__file__, "profile")

_STRONGEST = 5
"""Parts of a taste that are told, of each kind and in each direction."""


def get_user(database: Database, user_id: int, profile: str = "main") -> User:
    """One profile of a user, with what its taste is made of. Raises NotFoundError."""
    who = {"user_id": user_id, "profile": profile}
    with database.read() as connection:
        row = connection.execute(_statements["user"], who).mappings().first()
        if row is None:
            raise NotFoundError(
                f"There is no user {user_id} with the profile {profile!r}. "
                "The first rating or event makes one."
            )
        genres = connection.execute(_statements["genre_means"], who).mappings().all()
        parts = connection.execute(_statements["taste"], who | {"strongest": _STRONGEST}).all()
    return User(
        **row, genres=tuple(GenreMean(**genre) for genre in genres), taste=_read_taste(parts)
    )


def _read_taste(rows: Sequence[Any]) -> Taste:
    def parts(kind: str) -> TasteParts:
        found = [
            TastePart(name=row.name, movie_id=row.movie_id, share=row.share, films=row.films)
            for row in rows
            if row.kind == kind
        ]
        return TasteParts(
            towards=tuple(part for part in found if part.share > 0),
            away=tuple(part for part in found if part.share < 0),
        )

    return Taste(genres=parts("genre"), people=parts("person"), films=parts("film"))


def list_ratings(
    database: Database, user_id: int, profile: str = "main", limit: int = 100, offset: int = 0
) -> list[Rating]:
    """A user's ratings, the newest first; empty for a user who has none."""
    page = {"user_id": user_id, "profile": profile, "limit": limit, "offset": offset}
    with database.read() as connection:
        rows = connection.execute(_statements["ratings"], page).mappings().all()
    return [Rating(**row) for row in rows]


def get_rating(database: Database, user_id: int, movie_id: int, profile: str = "main") -> Rating:
    """A user's rating of one film. Raises NotFoundError when there is none."""
    values = {"user_id": user_id, "profile": profile, "movie_id": movie_id}
    with database.read() as connection:
        row = connection.execute(_statements["rating"], values).mappings().first()
    if row is None:
        raise NotFoundError(f"User {called(user_id)} ({profile}) has not rated film {movie_id}.")
    return Rating(**row)


@again
def rate(
    database: Database, user_id: int, movie_id: int, rating: float, profile: str = "main"
) -> Rating:
    """Set a user's rating of a film; the next search knows it.

    Raises NotFoundError for an unknown film and MisuseError for a rating off the scale 0.5 to 5.
    """
    if not 0.5 <= rating <= 5:
        raise MisuseError(
            f"The rating {rating:g} is off the scale. Nothing was changed. Use 0.5 to 5."
        )
    if user_id == UNKNOWN_USER:
        raise NotFoundError(f"No user can be called {user_id}. Nothing was changed.")
    values = {"user_id": user_id, "profile": profile, "movie_id": movie_id, "rating": rating}
    try:
        with database.begin() as connection:
            row = connection.execute(_statements["rate"], values).mappings().first()
    except sqlalchemy.exc.IntegrityError as error:
        if isinstance(error.orig, CheckViolation):
            raise MisuseError(
                f"No user or profile can be called {user_id}, {profile!r}. Nothing was changed. "
                "Ids are 0 or more; profiles are made of a-z, 0-9, - and _."
            ) from error
        raise
    if row is None:
        raise NotFoundError(f"There is no film {movie_id}. Nothing was changed.")
    return Rating(**row)


@again
def unrate(database: Database, user_id: int, movie_id: int, profile: str = "main") -> None:
    """Take a rating back. Raises NotFoundError when there is none."""
    values = {"user_id": user_id, "profile": profile, "movie_id": movie_id}
    with database.begin() as connection:
        if connection.execute(_statements["unrate"], values).rowcount == 0:
            raise NotFoundError(
                f"User {called(user_id)} ({profile}) has not rated film {movie_id}. Nothing was "
                "changed."
            )


def refresh(database: Database) -> int:
    """Make every profile again from the ratings. Returns how many there are."""
    with database.begin(patient=True) as connection:
        refreshed: int = connection.execute(_statements["refresh_profiles"]).scalar_one()
    return refreshed


def explain_unpersonalized(who: SearchRequest | RecommendRequest, head: Mapping[str, Any]) -> str:
    """Why nobody's taste ordered the films; ``head`` is a row of search_context()."""
    user = f"user {called(who.user_id)} ({who.profile})"
    if who.user_id is None:
        return NOBODY_GIVEN
    if who.user_id == UNKNOWN_USER:
        return "the user is unknown: nothing was rated or sent yet"
    if not head["user_known"]:
        return f"{user} is unknown: nothing was rated yet"
    if head["user_ratings"] == 0:
        return f"{user} has no ratings or events"
    return f"{user} has no taste vector: the films have no embeddings, or ratings cancel out"
