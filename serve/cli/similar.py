"""`palate similar`: the films most like one film."""

from collections.abc import Sequence
from typing import Annotated

from typer import Option

from palate.contract import SimilarMovie
from rerank.people import find_taste
from search.catalog import similar as find
from search.names import CatalogNames
from serve.cli.command import command
from serve.cli.options import Film, Profile, User
from serve.cli.output import Done, out, say
from serve.cli.tables import FILM, GENRES, print_table
from serve.cli.text import line
from sql.database import Database


@command("palate similar Shrek", "palate similar 1234 --user 20001 -k 5")
def similar(
    database: Database,
    movie: Film,
    user: User = None,
    profile: Profile = "main",
    k: Annotated[int, Option("--k", "-k", min=1, max=1000, help="Films to show.")] = 10,
) -> Done:
    """Show the films most like one film, by the cosine of their texts' embeddings."""
    film = CatalogNames(database).find(movie)
    found = find(database, film.movie_id, k, find_taste(database, user), profile)
    return Done(found, lambda: _print(str(film), found))


def _print(film: str, found: Sequence[SimilarMovie]) -> None:
    say(f"Like {line(film)}:")
    if not found:
        out().print(
            "This film has no embedding, so nothing is known to be like it. "
            "`palate embed generate` makes what is missing."
        )
        return
    taste = ["taste>=content:.2f"] if any(each.content is not None for each in found) else []
    print_table(found, "#>=rank", "movie_id>", FILM, GENRES, "similar>=similarity:.2f", *taste)
