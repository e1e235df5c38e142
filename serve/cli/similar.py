"""`palate similar`: the films most like one film."""

from collections.abc import Sequence
from typing import Annotated

import typer

from palate.contract import SimilarMovie
from rerank.people import find_taste
from search.catalog import similar as find
from search.names import CatalogNames
from serve.cli.options import Film, Json, Profile, User
from serve.cli.output import examples, out, present, say
from serve.cli.session import session
from serve.cli.tables import FILM, GENRES, Column, print_table
from serve.cli.text import line, number

app = typer.Typer()


@app.command(epilog=examples("palate similar Shrek", "palate similar 1234 --user 20001 -k 5"))
def similar(
    context: typer.Context,
    movie: Film,
    user: User = None,
    profile: Profile = "main",
    k: Annotated[int, typer.Option("--k", "-k", min=1, max=1000, help="Films to show.")] = 10,
    json: Json = False,
) -> None:
    """Show the films most like one film, by the cosine of their texts' embeddings."""
    with session(context).database() as database:
        film = CatalogNames(database).find(movie)
        found = find(database, film.movie_id, k, find_taste(database, user), profile)
    if not json:
        say(f"Like {line(str(film))}:")
    present(found, _print, json=json)


def _print(found: Sequence[SimilarMovie]) -> None:
    if not found:
        out().print(
            "This film has no embedding, so nothing is known to be like it. "
            "`palate embed generate` makes what is missing."
        )
        return
    columns: list[Column[SimilarMovie]] = [
        ("#>", lambda each: each.rank),
        ("movie_id>", lambda each: each.movie_id),
        FILM,
        GENRES,
        ("similar>", lambda each: number(each.similarity)),
    ]
    if any(each.content is not None for each in found):
        columns.append(("taste>", lambda each: number(each.content)))
    print_table(found, *columns)
