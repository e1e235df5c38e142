"""`palate random`: films at random."""

from typing import Annotated

from typer import Argument

from palate.contract import Movie
from search.catalog import random_movies
from serve.cli.command import command
from serve.cli.output import EMPTY_CATALOG
from serve.cli.tables import FILM, GENRES, rows
from sql.database import Database

_print = rows("movie_id>", FILM, GENRES, "rating>=avg_rating:.2f")


@command("palate random 5", show=_print, nothing=EMPTY_CATALOG)
def random(
    database: Database,
    n: Annotated[int, Argument(min=1, max=1000, help="How many films.")] = 1,
) -> list[Movie]:
    """Show films at random."""
    return random_movies(database, n)
