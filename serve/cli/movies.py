"""`palate movie`, `palate random` and `palate similar`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from serve.cli.output import (
    EMPTY_CATALOG,
    count,
    film,
    line,
    number,
    out,
    print_facts,
    print_json,
    say,
    table,
)
from serve.cli.session import LARGEST_ID, Json, MovieId, Profile, examples, session

if TYPE_CHECKING:
    from palate.contract import Movie

MOVIE_EXAMPLES = examples("palate movie 1234", "palate movie 1234 --json")
RANDOM_EXAMPLES = examples("palate random 5")
SIMILAR_EXAMPLES = examples("palate similar 1234", "palate similar 1234 --user 20001 -k 5")


def movie(context: typer.Context, movie_id: MovieId, json: Json = False) -> None:
    """Show what is known of one film."""
    from search.catalog import get_movie

    with session(context).database() as database:
        found = get_movie(database, movie_id)
    if json:
        print_json(found)
        return
    out().print(film(found.title, found.year), style="bold")
    print_facts(_facts(found))


def _facts(found: Movie) -> list[tuple[str, object]]:
    rated = f"{number(found.avg_rating)} from {count(found.rating_count, 'rating')}"
    return [
        ("movie_id", found.movie_id),
        ("also called", found.original_title),
        ("genres", ", ".join(found.genres)),
        ("director", found.director),
        ("actors", ", ".join(found.actors)),
        ("released", found.release_date),
        ("runtime", f"{found.runtime_minutes} minutes" if found.runtime_minutes else None),
        ("rated", rated if found.rating_count else "by nobody"),
        ("budget", f"${found.budget:,}" if found.budget else None),
        ("revenue", f"${found.revenue:,}" if found.revenue else None),
        ("tone", found.sentiment),
        ("made for", found.target_audience),
        ("budget tier", _tier(found, "budget_tier")),
        ("revenue tier", _tier(found, "revenue_tier")),
        ("effectiveness", found.effectiveness),
        ("keywords", ", ".join(found.keywords)),
        ("overview", found.overview),
        ("imdb_id", found.imdb_id),
        ("tmdb_id", found.tmdb_id),
        ("poster", found.poster_url),
        ("embedding", "yes" if found.has_embedding else "no: taste cannot move this film"),
    ]


def _tier(found: Movie, name: str) -> str | None:
    """A tier, marked where a model guessed it."""
    tier: str | None = getattr(found, name)
    return f"{tier} (estimated)" if tier and name in found.estimated else tier


def random(
    context: typer.Context,
    n: Annotated[int, typer.Argument(min=1, max=1000, help="How many films.")] = 1,
    json: Json = False,
) -> None:
    """Show films at random."""
    from search.catalog import random_movies

    with session(context).database() as database:
        found = random_movies(database, n)
    if json:
        print_json(found)
        return
    if not found:
        say(EMPTY_CATALOG)
        return
    rows = table(("movie_id", "right"), "film", "genres", ("rating", "right"))
    for each in found:
        rating = number(each.avg_rating)
        rows.add_row(
            str(each.movie_id), film(each.title, each.year), line(", ".join(each.genres)), rating
        )
    out().print(rows)


def similar(
    context: typer.Context,
    movie_id: MovieId,
    user: Annotated[
        int | None,
        typer.Option("--user", "-u", min=0, max=LARGEST_ID, help="Whose taste weighs in."),
    ] = None,
    profile: Profile = "main",
    k: Annotated[int, typer.Option("--k", "-k", min=1, max=1000, help="Films to show.")] = 10,
    json: Json = False,
) -> None:
    """Show the films most like one film, by the cosine of their texts' embeddings."""
    from search.catalog import similar as find_similar

    with session(context).database() as database:
        found = find_similar(database, movie_id, k, user, profile)
    if json:
        print_json(found)
        return
    if not found:
        out().print("This film has no embedding, so nothing is known to be like it.")
        return
    tasted = any(each.content is not None for each in found)
    rows = table(("#", "right"), ("movie_id", "right"), "film", "genres", ("similar", "right"))
    if tasted:
        rows.add_column("taste", justify="right")
    for each in found:
        rows.add_row(
            str(each.rank),
            str(each.movie_id),
            film(each.title, each.year),
            line(", ".join(each.genres)),
            number(each.similarity),
            *([number(each.content)] if tasted else []),
        )
    out().print(rows)
