"""`palate user`: profiles, ratings, and everything that is held about somebody."""

from itertools import zip_longest
from typing import Annotated

import typer
from typer import Argument, Option

from palate.contract import LARGEST_ID, Forgotten, TastePart, User
from palate.errors import MisuseError
from palate.items import as_items
from palate.person import called
from rerank import events as history
from rerank import people
from rerank import profile as profiles
from rerank.people import find_user, name_user
from rerank.profile import get_user, list_ratings
from search.names import CatalogNames
from serve.cli import user_event
from serve.cli.command import command
from serve.cli.options import Film, Json, Limit, Profile, UserId, Yes
from serve.cli.output import Done, confirm, out, present, print_json, say, warn
from serve.cli.session import Session
from serve.cli.tables import FILM, print_facts, print_table, rows
from serve.cli.text import count, line, number
from sql.database import Database

_GENRES_SHOWN = 12

app = typer.Typer(no_args_is_help=True)
app.add_typer(user_event.app, name="event")


def _print_user(found: User) -> None:
    vector = "yes" if found.has_vector else "no: searches are not personalised"
    print_facts(
        ("user", f"{found.user_id} ({found.profile})"),
        ("name", found.name),
        ("synthetic", "yes: counts in no statistic" if found.synthetic else None),
        ("ratings", found.rating_count),
        (as_items("films by events"), found.event_count or None),
        ("mean", number(found.mean_rating)),
        ("taste vector", vector),
        ("updated", found.updated_at),
    )
    if found.genres:
        print_table(found.genres[:_GENRES_SHOWN], "genre", "ratings>=count", "mean>:.2f")
    if len(found.genres) > _GENRES_SHOWN:
        out().print(f"and {len(found.genres) - _GENRES_SHOWN} more genres")
    parts = [
        (as_items(kind) if number == 0 else "", *pair)
        for kind in ("genres", "people", "films")
        for of_kind in [getattr(found.taste, kind)]
        for number, pair in enumerate(zip_longest(of_kind.towards, of_kind.away))
    ]
    if parts:
        print_table(
            parts,
            ("taste", lambda row: row[0]),
            ("draws to", lambda row: _part(row[1])),
            ("share>", lambda row: _share(row[1])),
            ("pushes from", lambda row: _part(row[2])),
            ("share>", lambda row: _share(row[2])),
        )


def _part(part: TastePart | None) -> str:
    return "" if part is None else part.name


def _share(part: TastePart | None) -> str:
    return "" if part is None else f"{abs(part.share):.1%}"


@command("palate user show 20001", "palate user show 20001 --json", show=_print_user)
def show(database: Database, user_id: UserId, profile: Profile = "main") -> User:
    """Show what is known of a user and what the taste is made of, with shares."""
    return get_user(database, find_user(database, user_id), profile)


_print_ratings = rows("rating>:.1f", "movie_id>", FILM, "rated at")


@command("palate user ratings 20001 --limit 5")
def ratings(
    database: Database,
    user_id: UserId,
    profile: Profile = "main",
    limit: Limit = 20,
    offset: Annotated[int, Option(min=0, max=LARGEST_ID, help="How many to pass over.")] = 0,
) -> Done:
    """List a user's ratings, the newest first."""
    found = list_ratings(database, find_user(database, user_id), profile, limit, offset)
    none = f"User {user_id} ({profile}) has no ratings here."
    return Done(found, lambda: _print_ratings(found) if found else out().print(none))


@command("palate user rate 1001 Shrek 4.5", "palate user rate 1001 Shrek --remove")
def rate(
    database: Database,
    user_id: UserId,
    movie: Film,
    rating: Annotated[float | None, Argument(help="0.5 to 5. Leave out with --remove.")] = None,
    remove: Annotated[bool, Option(help="Take the rating back.")] = False,
    profile: Profile = "main",
    json: Json = False,
) -> None:
    """Rate a film for a user; the next search knows it."""
    if remove == (rating is not None):
        raise typer.BadParameter("Give either a rating or --remove.", param_hint="RATING")
    film = CatalogNames(database).find(movie, as_written=True)
    if rating is None:
        whose = find_user(database, user_id)
        profiles.unrate(database, whose, film.movie_id, profile)
        taken = {"user_id": whose, "movie_id": film.movie_id, "rating": None}
        said = f"User {user_id} no longer rates {line(str(film))}."
        present(Done(taken, said), None, json=json)
        return
    whose = name_user(database, user_id)
    rated = profiles.rate(database, whose, film.movie_id, rating, profile)
    said = f"User {user_id} gives {rated.rating:.1f} to {line(str(film))}."
    present(Done(rated, said), None, json=json)
    if not json and not profiles.get_user(database, whose, profile).has_vector:
        warn("no taste vector follows yet: no film rated so far has an embedding.")


def _print_forgotten(found: Forgotten) -> None:
    print_table(found.tables, "table", "deleted>", "left>")
    say(
        f"User {called(found.user_id)} is forgotten, with {count(found.ratings_deleted, 'rating')}."
    )
    if found.statistics != "refreshed":
        warn("popularity holds the ratings until `palate db refresh`, which this role may not.")


@command("palate user forget 1001 --yes", show=_print_forgotten)
def forget(session: Session, user_id: UserId, yes: Yes = False) -> Forgotten:
    """Delete everything held about a user, and count what is left, table by table."""
    confirm(f"Delete everything that is held about user {user_id}?", yes=yes)
    with session.database() as database:
        return people.forget(database, find_user(database, user_id), refresh=True)


@command("palate user export 1001", "palate user export 1001 > held.json")
def export(database: Database, user_id: UserId) -> None:
    """Print everything held about a user as JSON, table by table."""
    print_json(people.export(database, find_user(database, user_id)))


def _print_weights(found: dict[str, float]) -> None:
    print_table(
        found.items(), ("event", lambda each: each[0]), ("weight>", lambda each: f"{each[1]:+.2f}")
    )


@command("palate user weights", "palate user weights watched=0.8 clicked=0.1", show=_print_weights)
def weights(
    database: Database,
    changed: Annotated[
        list[str] | None, Argument(metavar="TYPE=WEIGHT...", help="What counts otherwise.")
    ] = None,
) -> dict[str, float]:
    """Show or set what an event of each type counts in a taste; five stars count 1.75."""
    if changed:
        return history.set_weights(database, dict(map(_weight, changed)))
    return history.read_weights(database)


def _weight(pair: str) -> tuple[str, float]:
    name, _, text = pair.partition("=")
    try:
        return name.strip(), float(text)
    except ValueError:
        raise MisuseError(
            f"{pair!r} is no weight. Nothing was changed. Write TYPE=WEIGHT: clicked=0.1."
        ) from None


@command("palate user refresh")
def refresh(database: Database) -> Done:
    """Make every profile again from the ratings.

    Ratings reach profiles by themselves; this is for after work on the tables by hand.
    """
    made = profiles.refresh(database)
    return Done({"profiles": made}, f"{count(made, 'profile')} made again from the ratings.")
