"""Four synthetic users whose taste is known: lovers and haters of fantasy.

The basic pair rates the 50 most rated fantasy films, the extreme pair every one; the lovers at
5.0, the haters at 1.0. They are marked synthetic, so their ratings count in no statistic.
"""

from dataclasses import dataclass

import sqlalchemy

from palate.errors import ConflictError, NotFoundError
from palate.statements import Statements
from sql.database import Database

LOVED, HATED = 5.0, 1.0
_statements = Statements.beside(__file__, "tasters")


@dataclass(frozen=True)
class Taster:
    """A synthetic user: who, at which rating, and how many films at most (None: all)."""

    user_id: int
    name: str
    rating: float
    films: int | None


TASTERS = (
    Taster(10001, "fantasy lover", LOVED, 50),
    Taster(10002, "fantasy hater", HATED, 50),
    Taster(20001, "extreme fantasy lover", LOVED, None),
    Taster(20002, "extreme fantasy hater", HATED, None),
)


@dataclass(frozen=True)
class Created:
    """One taster as it now stands in the database."""

    user_id: int
    name: str
    rating: float
    films: int
    has_vector: bool


def create_tasters(database: Database, offset: int = 0) -> list[Created]:
    """Make the tasters, or bring those there are up to the loaded catalog.

    Raises ConflictError when ``offset`` + a taster's id belongs to a real user, or when the
    catalog has no fantasy film.
    """
    with database.begin(patient=True) as connection:
        connection.execute(_statements["lock"])
        _refuse_real_people(connection, offset)
        films = {taster: _fantasy_films(connection, taster.films) for taster in TASTERS}
        if not films[TASTERS[0]]:
            raise ConflictError(
                "The catalog has no film of the genre Fantasy, so there is nothing for the test "
                "users to rate. Nothing was changed. Load the sample (`palate ingest sample`) or "
                "MovieLens (`palate ingest movielens`)."
            )
        connection.execute(_statements["add_users"], {"user_ids": list_ids(offset)})
        for taster, movie_ids in films.items():
            rated = {"user_id": taster.user_id + offset, "movie_ids": movie_ids}
            connection.execute(_statements["drop_other_ratings"], rated)
            connection.execute(_statements["rate"], rated | {"rating": taster.rating})
        vectors = _vectors(connection, offset)
    return [
        Created(t.user_id + offset, t.name, t.rating, len(films[t]), vectors[t.user_id + offset])
        for t in TASTERS
    ]


def remove_tasters(database: Database, offset: int = 0) -> int:
    """Delete the tasters and their ratings; returns how many users went.

    Raises ConflictError when one of the ids belongs to a real user.
    """
    with database.begin(patient=True) as connection:
        connection.execute(_statements["lock"])
        _refuse_real_people(connection, offset)
        connection.execute(_statements["remove_ratings"], {"user_ids": list_ids(offset)})
        return connection.execute(
            _statements["remove_users"], {"user_ids": list_ids(offset)}
        ).rowcount


def require_tasters(connection: sqlalchemy.Connection, offset: int = 0) -> None:
    """Raise unless every taster is there and has a taste vector."""
    vectors = _vectors(connection, offset)
    flag = f" --offset {offset}" if offset else ""
    if len(vectors) < len(TASTERS):
        raise NotFoundError(
            f"The test users are not there. Run `palate test-users create{flag}` first."
        )
    if not all(vectors.values()):
        raise ConflictError(
            "The test users have no taste vectors, because the films they rated have no "
            "embeddings. Nothing was checked. Make some with `palate embed generate` and load "
            "them with `palate ingest embeddings`."
        )


def list_ids(offset: int = 0) -> list[int]:
    """The user ids of the tasters."""
    return [taster.user_id + offset for taster in TASTERS]


def _refuse_real_people(connection: sqlalchemy.Connection, offset: int) -> None:
    query = {"user_ids": list_ids(offset)}
    taken = connection.execute(_statements["real_people"], query).scalars().all()
    if taken:
        raise ConflictError(
            f"User {', '.join(map(str, taken))} is a real user of this database. Nothing was "
            "changed. Give the test users other ids, for example with `--offset 1000000000`."
        )


def _fantasy_films(connection: sqlalchemy.Connection, films: int | None) -> list[int]:
    found = connection.execute(_statements["fantasy_films"], {"films": films}).scalars()
    return list(found)


def _vectors(connection: sqlalchemy.Connection, offset: int) -> dict[int, bool]:
    rows = connection.execute(_statements["vectors"], {"user_ids": list_ids(offset)})
    return {row.user_id: row.has_vector for row in rows}
