"""`palate user event`: what a user does beside rating."""

from datetime import datetime
from typing import Annotated

import typer
from typer import Argument, Option

from palate.contract import Event, EventType, History
from palate.errors import MisuseError
from palate.person import called
from rerank import events as history
from rerank.people import find_user, name_user
from search.names import CatalogNames
from serve.cli.command import command
from serve.cli.options import Limit, Profile, UserId
from serve.cli.output import Done, say
from serve.cli.tables import print_table
from serve.cli.text import count, film, line
from sql.database import Database

app = typer.Typer(no_args_is_help=True, help="What a user does: watches, likes, turns away.")

Type = Annotated[EventType, Argument(help="What the user does.")]
OnlyType = Annotated[EventType | None, Argument(help="Only events of this type.")]


@command(
    "palate user event add 1001 watched Shrek",
    "palate user event add ann@example.org rated 'King Kong (2005)' --rating 4.5",
    "palate user event add 1001 muted --genre Horror",
)
def add(
    database: Database,
    user_id: UserId,
    type: Type,
    movie: Annotated[str | None, Argument(metavar="FILM", help="A movie_id or a title.")] = None,
    genre: Annotated[str | None, Option(help="Instead of a film, of `pinned` and `muted`.")] = None,
    rating: Annotated[float | None, Option(help="Of `rated`: 0.5 to 5.")] = None,
    at: Annotated[
        str | None, Option(metavar="TIME", help="When, as 2026-01-31T20:15:00Z; else now.")
    ] = None,
    source: Annotated[str | None, Option(help="Where it comes from, in your words.")] = None,
    id: Annotated[
        str | None, Option("--id", help="An id of yours: sent twice, it counts once.")
    ] = None,
    profile: Profile = "main",
) -> Done:
    """Write down what a user does; the next answer knows it."""
    meant = CatalogNames(database).find(movie, as_written=True) if movie else None
    event = Event.model_construct(
        type=type, movie_id=meant.movie_id if meant else None, genre=genre, rating=rating,
        happened_at=_time(at), source=source, event_id=id,
    )  # fmt: skip
    given = event.model_dump(exclude_none=True, warnings=False)
    report = history.add_events(database, name_user(database, user_id), [given], profile)
    (one,) = report.lines
    if report.refused:
        raise MisuseError(f"{one.reason}. Nothing was written.")
    if one.outcome == "known":
        return Done(report, f"The event {one.event_id} was there already; nothing changed.")
    what = f"{type} {line(str(meant or genre))}"
    said = f"Written as {one.event_id}: {what}. `palate user event undo` takes it back."
    return Done(report, said)


def _time(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        raise MisuseError(
            f"--at: {text!r} is no time. Nothing was written. Write 2026-01-31T20:15:00Z."
        ) from None


def _print_history(found: History) -> None:
    if not found.events:
        say(f"User {called(found.user_id)} ({found.profile}) has no events here.")
        return
    print_table(
        found.events,
        ("happened at", lambda each: each.happened_at[:19].replace("T", " ")),
        "event=type",
        ("about", lambda each: film(each.title, each.year) if each.title else each.genre),
        "rating>:.1f",
        "source",
        "id=event_id",
    )


@command(
    "palate user event list 20001 --limit 5",
    "palate user event list 20001 liked",
    name="list",
    show=_print_history,
)
def list_(
    database: Database,
    user_id: UserId,
    type: OnlyType = None,
    profile: Profile = "main",
    limit: Limit = 20,
) -> History:
    """List a user's events and ratings, the newest first."""
    whose = find_user(database, user_id)
    return history.list_events(database, whose, profile, type=type, limit=limit)


@command("palate user event undo 1001 rated-1")
def undo(
    database: Database,
    user_id: UserId,
    event_id: Annotated[str, Argument(help="The event's id, as `list` shows it.")],
    profile: Profile = "main",
) -> Done:
    """Take an event back, as if it had not been."""
    whose = find_user(database, user_id)
    history.undo(database, whose, event_id, profile)
    undone = {"user_id": whose, "event_id": event_id, "undone": True}
    return Done(undone, f"The event {event_id} is taken back.")


@command("palate user event clear 1001 clicked")
def clear(
    database: Database, user_id: UserId, type: OnlyType = None, profile: Profile = "main"
) -> Done:
    """Take all events of a profile back, ratings too, or those of one type."""
    whose = find_user(database, user_id)
    undone = history.undo_all(database, whose, profile, type)
    return Done({"user_id": whose, "undone": undone}, f"{count(undone, 'event')} taken back.")
