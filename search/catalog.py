"""Films by id, films like one film, and films at random."""

from collections.abc import Sequence

from palate.contract import Movie, SimilarMovie, Suggestion
from palate.errors import NotFoundError
from palate.statements import Statements
from sql.database import Database

_statements = Statements.beside(__file__, "catalog")


def get_movie(database: Database, movie_id: int) -> Movie:
    """One film. Raises NotFoundError."""
    found = get_movies(database, [movie_id])
    if not found:
        raise NotFoundError(
            f"There is no film {movie_id}. `GET /v1/movies` lists those that there are."
        )
    return found[0]


def find_movie(database: Database, id: int | str) -> int:
    """The number of the film that an id names, be it a number or a text of the catalog's own.

    Raises NotFoundError for a text that no film is called by.
    """
    with database.read() as connection:
        found: int | None = connection.execute(_statements["named"], {"id": str(id)}).scalar()
    if found is None:
        raise NotFoundError(f"There is no film {id!r}. Nothing was done.")
    return found


def get_movies(database: Database, movie_ids: Sequence[int]) -> list[Movie]:
    """Those of these films that there are, in this order."""
    with database.read() as connection:
        rows = connection.execute(_statements["movies"], {"movie_ids": list(movie_ids)}).mappings()
        return [Movie(**row) for row in rows]


def random_movies(database: Database, n: int = 1) -> list[Movie]:
    """``n`` films at random; fewer when the catalog has fewer."""
    with database.read() as connection:
        ids = connection.execute(_statements["random_movies"], {"n": n}).scalars().all()
    return get_movies(database, ids)


def similar(
    database: Database,
    movie_id: int,
    k: int = 10,
    user_id: int | None = None,
    profile: str = "main",
) -> list[SimilarMovie]:
    """The ``k`` films nearest to one film by the cosine of centred text embeddings.

    With a user who has a taste vector, the hundred nearest are ordered by the mean of that cosine
    and the user's own. Empty when the film has no embedding. Raises NotFoundError.
    """
    parameters = {"movie_id": movie_id, "k": k, "user_id": user_id, "profile": profile}
    with database.read() as connection:
        rows = connection.execute(_statements["similar"], parameters).mappings().all()
    if not rows:
        get_movie(database, movie_id)
    return [SimilarMovie(**row) for row in rows]


def suggest(
    database: Database,
    prefix: str,
    k: int = 10,
    user_id: int | None = None,
    profile: str = "main",
) -> list[Suggestion]:
    """Titles that start as typed, the best first; of equally known ones those the user likes."""
    typed = prefix.replace("\0", " ")  # which PostgreSQL's text cannot hold
    with database.read() as connection:
        rows = connection.execute(_statements["suggest"], {
            "prefix": typed, "k": k, "user_id": user_id, "profile": profile,
        })  # fmt: skip
        return [Suggestion(**row) for row in rows.mappings()]
