"""`palate user`: profiles, ratings, and everything that is held about somebody."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Annotated

import typer

from palate.contract import LARGEST_ID, Forgotten, Rating, TastePart, TasteParts, User
from palate.errors import MisuseError
from rerank import events as history
from rerank import people
from rerank import profile as profiles
from rerank.people import find_user, name_user
from rerank.profile import get_user, list_ratings
from search.names import CatalogNames
from serve.cli import user_event
from serve.cli.options import Film, Json, Profile, UserId, Yes
from serve.cli.output import confirm, examples, out, present, print_json, say, warn
from serve.cli.session import session
from serve.cli.tables import FILM, print_facts, print_table
from serve.cli.text import count, line, number

_GENRES_SHOWN = 12

app = typer.Typer(
    no_args_is_help=True, help="Users: what they do and rate, and the taste made of it."
)
app.add_typer(user_event.app, name="event")


@app.command(epilog=examples("palate user show 20001", "palate user show 20001 --json"))
def show(
    context: typer.Context, user_id: UserId, profile: Profile = "main", json: Json = False
) -> None:
    """Show what is known of a user and what the taste is made of, with shares."""
    with session(context).database() as database:
        found = get_user(database, find_user(database, user_id), profile)
    present(found, _print_user, json=json)


def _print_user(found: User) -> None:
    vector = "yes" if found.has_vector else "no: searches are not personalised"
    print_facts(
        [
            ("user", f"{found.user_id} ({found.profile})"),
            ("name", found.name),
            ("synthetic", "yes: counts in no statistic" if found.synthetic else None),
            ("ratings", found.rating_count),
            ("films by events", found.event_count or None),
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
    rows = [
        (kind if number == 0 else "", *pair)
        for kind in ("genres", "people", "films")
        for number, pair in enumerate(_pairs(getattr(found.taste, kind)))
    ]
    if rows:
        print_table(
            rows,
            ("taste", lambda row: row[0]),
            ("draws to", lambda row: _part(row[1])),
            ("share>", lambda row: _share(row[1])),
            ("pushes from", lambda row: _part(row[2])),
            ("share>", lambda row: _share(row[2])),
        )


def _pairs(parts: TasteParts) -> Iterator[tuple[TastePart | None, TastePart | None]]:
    return zip_longest(parts.towards, parts.away)


def _part(part: TastePart | None) -> str:
    return "" if part is None else part.name


def _share(part: TastePart | None) -> str:
    return "" if part is None else f"{abs(part.share):.1%}"


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
        whose = find_user(database, user_id)
        found = list_ratings(database, whose, profile, limit, offset)
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
    epilog=examples("palate user rate 1001 Shrek 4.5", "palate user rate 1001 Shrek --remove")
)
def rate(
    context: typer.Context,
    user_id: UserId,
    movie: Film,
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
        film = CatalogNames(database).find(movie)
        if rating is None:
            whose = find_user(database, user_id)
            profiles.unrate(database, whose, film.movie_id, profile)
            present(
                {"user_id": whose, "movie_id": film.movie_id, "rating": None},
                f"User {user_id} no longer rates {line(str(film))}.",
                json=json,
            )
            return
        whose = name_user(database, user_id)
        rated = profiles.rate(database, whose, film.movie_id, rating, profile)
        known = profiles.get_user(database, whose, profile)
    if json:
        print_json(rated)
        return
    say(f"User {user_id} gives {rated.rating:.1f} to {line(str(film))}.")
    if not known.has_vector:
        warn("no taste vector follows yet: no film rated so far has an embedding.")


@app.command(epilog=examples("palate user forget 1001 --yes"))
def forget(context: typer.Context, user_id: UserId, yes: Yes = False, json: Json = False) -> None:
    """Delete everything held about a user, and count what is left, table by table."""
    confirm(f"Delete everything that is held about user {user_id}?", yes=yes)
    with session(context).database() as database:
        found = people.forget(database, find_user(database, user_id), refresh=True)
    present(found, _print_forgotten, json=json)


def _print_forgotten(found: Forgotten) -> None:
    print_table(
        found.tables,
        ("table", lambda each: each.table),
        ("deleted>", lambda each: each.deleted),
        ("left>", lambda each: each.left),
    )
    say(f"User {found.user_id} is forgotten, with {count(found.ratings_deleted, 'rating')}.")
    if found.statistics != "refreshed":
        warn("popularity holds the ratings until `palate db refresh`, which this role may not.")


@app.command(epilog=examples("palate user export 1001", "palate user export 1001 > held.json"))
def export(context: typer.Context, user_id: UserId) -> None:
    """Print everything held about a user as JSON, table by table."""
    with session(context).database() as database:
        print_json(people.export(database, find_user(database, user_id)))


@app.command(epilog=examples("palate user weights", "palate user weights watched=0.8 clicked=0.1"))
def weights(
    context: typer.Context,
    changed: Annotated[
        list[str] | None, typer.Argument(metavar="TYPE=WEIGHT...", help="What counts otherwise.")
    ] = None,
    json: Json = False,
) -> None:
    """Show or set what an event of each type counts in a taste; five stars count 1.75."""
    with session(context).database() as database:
        if changed:
            found = history.set_weights(database, dict(map(_weight, changed)))
        else:
            found = history.read_weights(database)
    present(found, _print_weights, json=json)


def _weight(pair: str) -> tuple[str, float]:
    name, _, text = pair.partition("=")
    try:
        return name.strip(), float(text)
    except ValueError:
        raise MisuseError(
            f"{pair!r} is no weight. Nothing was changed. Write TYPE=WEIGHT: clicked=0.1."
        ) from None


def _print_weights(found: dict[str, float]) -> None:
    print_table(
        found.items(), ("event", lambda each: each[0]), ("weight>", lambda each: f"{each[1]:+.2f}")
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
