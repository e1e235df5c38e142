"""`palate random`: films at random."""

from collections.abc import Sequence
from typing import Annotated

import typer

from palate.contract import Movie
from search.catalog import random_movies
from serve.cli.options import Json
from serve.cli.output import EMPTY_CATALOG, examples, present
from serve.cli.session import session
from serve.cli.tables import FILM, GENRES, print_table
from serve.cli.text import number

app = typer.Typer()


@app.command(epilog=examples("palate random 5"))
def random(
    context: typer.Context,
    n: Annotated[int, typer.Argument(min=1, max=1000, help="How many films.")] = 1,
    json: Json = False,
) -> None:
    """Show films at random."""
    with session(context).database() as database:
        found = random_movies(database, n)
    present(found, _print, json=json, nothing=EMPTY_CATALOG)


def _print(found: Sequence[Movie]) -> None:
    print_table(
        found,
        ("movie_id>", lambda each: each.movie_id),
        FILM,
        GENRES,
        ("rating>", lambda each: number(each.avg_rating)),
    )
