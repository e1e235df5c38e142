"""`palate user`: profiles and ratings."""

from collections.abc import Sequence
from typing import Annotated

import typer

from palate.contract import LARGEST_ID, Rating, User
from rerank import profile as profiles
from rerank.profile import get_user, list_ratings
from serve.cli.options import Json, MovieId, Profile, UserId, Yes
from serve.cli.output import confirm, examples, out, present, print_json, say, warn
from serve.cli.session import session
from serve.cli.tables import FILM, print_facts, print_table
from serve.cli.text import count, line, number

_GENRES_SHOWN = 12

app = typer.Typer(no_args_is_help=True, help="Users: their ratings and the taste made of them.")


@app.command(epilog=examples("palate user show 20001", "palate user show 20001 --json"))
def show(
    context: typer.Context, user_id: UserId, profile: Profile = "main", json: Json = False
) -> None:
    """Show how much a user rated, each genre's mean, and whether taste can order a search."""
    with session(context).database() as database:
        found = get_user(database, user_id, profile)
    present(found, _print_user, json=json)


def _print_user(found: User) -> None:
    vector = "yes" if found.has_vector else "no: searches are not personalised"
    print_facts(
        [
            ("user", f"{found.user_id} ({found.profile})"),
            ("synthetic", "yes: counts in no statistic" if found.synthetic else None),
            ("ratings", found.rating_count),
            ("mean", number(found.mean_rating)),
            ("taste vector", vector),
            ("updated", found.updated_at),
        ]
    )
    if found.genres:
        print_table(
            found.genres[:_GENRES_SHOWN],
            ("genre", lambda each: each.genre),
            ("ratings>", lambda each: each.count),
            ("mean>", lambda each: number(each.mean)),
        )
    if len(found.genres) > _GENRES_SHOWN:
        out().print(f"and {len(found.genres) - _GENRES_SHOWN} more genres")


@app.command(epilog=examples("palate user ratings 20001 --limit 5"))
def ratings(
    context: typer.Context,
    user_id: UserId,
    profile: Profile = "main",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Most to show.")] = 20,
    offset: Annotated[int, typer.Option(min=0, max=LARGEST_ID, help="How many to pass over.")] = 0,
    json: Json = False,
) -> None:
    """List a user's ratings, the newest first."""
    with session(context).database() as database:
        found = list_ratings(database, user_id, profile, limit, offset)
    if json or found:
        present(found, _print_ratings, json=json)
    else:
        out().print(f"User {user_id} ({profile}) has no ratings here.")


def _print_ratings(found: Sequence[Rating]) -> None:
    print_table(
        found,
        ("rating>", lambda each: number(each.rating, 1)),
        ("movie_id>", lambda each: each.movie_id),
        FILM,
        ("rated at", lambda each: each.rated_at),
    )


@app.command(
    epilog=examples("palate user rate 1001 1234 4.5", "palate user rate 1001 1234 --remove")
)
def rate(
    context: typer.Context,
    user_id: UserId,
    movie_id: MovieId,
    rating: Annotated[
        float | None, typer.Argument(help="0.5 to 5. Leave out with --remove.")
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take the rating back.")] = False,
    profile: Profile = "main",
    json: Json = False,
) -> None:
    """Rate a film for a user; the next search knows it."""
    if remove == (rating is not None):
        raise typer.BadParameter("Give either a rating or --remove.", param_hint="RATING")
    with session(context).database() as database:
        if rating is None:
            profiles.unrate(database, user_id, movie_id, profile)
            present(
                {"user_id": user_id, "movie_id": movie_id, "rating": None},
                f"User {user_id} no longer rates film {movie_id}.",
                json=json,
            )
            return
        rated = profiles.rate(database, user_id, movie_id, rating, profile)
        known = profiles.get_user(database, user_id, profile)
    if json:
        print_json(rated)
        return
    say(f"User {user_id} gives {rated.rating:.1f} to {line(rated.title)}.")
    if not known.has_vector:
        warn("no taste vector follows yet: no film rated so far has an embedding.")


@app.command(epilog=examples("palate user forget 1001 --yes"))
def forget(context: typer.Context, user_id: UserId, yes: Yes = False, json: Json = False) -> None:
    """Delete everything known of a user: profiles, ratings and tags."""
    confirm(f"Delete every rating, tag and profile of user {user_id}?", yes=yes)
    with session(context).database() as database:
        deleted = profiles.forget(database, user_id)
    present(
        {"user_id": user_id, "ratings_deleted": deleted},
        f"User {user_id} is forgotten, with {count(deleted, 'rating')}.",
        json=json,
    )


@app.command(epilog=examples("palate user refresh"))
def refresh(context: typer.Context, json: Json = False) -> None:
    """Make every profile again from the ratings.

    Ratings reach profiles by themselves; this is for after work on the tables by hand.
    """
    with session(context).database() as database:
        refreshed = profiles.refresh(database)
    present(
        {"profiles": refreshed},
        f"{count(refreshed, 'profile')} made again from the ratings.",
        json=json,
    )
