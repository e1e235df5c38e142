"""Events: what users do beside rating, written, listed and undone; the next answer knows them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from itsdangerous import BadSignature, URLSafeSerializer
from pydantic import ValidationError

from palate.contract import (
    UNKNOWN_USER,
    Event,
    EventLine,
    EventReport,
    EventType,
    History,
    KnownEvent,
)
from palate.errors import MisuseError, NotFoundError
from palate.person import called
from palate.statements import Statements
from palate.text import first_wrong
from rerank.profile import refresh
from search.cursor import signing_key
from sql.database import Database
from sql.faults import again

_statements = Statements.beside(__file__, "events")

MOST_EVENTS = 10_000
"""Events of one call."""


@again
def add_events(
    database: Database, user_id: int, events: Sequence[Any], profile: str = "main"
) -> EventReport:
    """Write a user's events, in one transaction; a line that is wrong is refused by itself.

    ``events`` are objects as `Event` describes them. Raises MisuseError where they are too many.
    """
    if user_id == UNKNOWN_USER:
        raise NotFoundError(f"No user can be called {user_id}. Nothing was written.")
    if len(events) > MOST_EVENTS:
        raise MisuseError(
            f"{len(events):,} events are more than {MOST_EVENTS:,}. Nothing was written. Send them "
            "in several calls."
        )
    lines: dict[int, EventLine] = {}
    sound: list[tuple[int, str]] = []
    for number, event in enumerate(events, 1):
        try:
            read = event if isinstance(event, Event) else Event.model_validate(event)
            sound.append((number, read.model_dump_json(exclude_none=True)))
        except ValidationError as error:
            lines[number] = _refused(number, event, error)
    asked = {"user_id": user_id, "profile": profile}
    body = f"[{','.join(text for _, text in sound)}]"
    with database.begin() as connection:
        rows = connection.execute(_statements["add"], asked | {"events": body}).mappings().all()
    for (number, _), row in zip(sound, rows, strict=True):
        lines[number] = EventLine(**{**row, "line": number})
    outcomes = Counter(line.outcome for line in lines.values())
    return EventReport(
        **asked,
        accepted=outcomes["accepted"],
        known=outcomes["known"],
        refused=outcomes["refused"],
        lines=tuple(lines[number] for number in sorted(lines)),
    )


def _refused(number: int, event: object, error: ValidationError) -> EventLine:
    event_id = event.get("event_id") if isinstance(event, Mapping) else None
    return EventLine(
        line=number,
        event_id=event_id if isinstance(event_id, str) else None,
        outcome="refused",
        reason=first_wrong(error),
    )


class Cursors:
    """Where a walk through somebody's events stands, signed."""

    def __init__(self, database: Database) -> None:
        self._serializer = URLSafeSerializer(signing_key(database.settings), salt="palate.events")

    def write(self, whose: Sequence[Any], last: KnownEvent) -> str:
        """A cursor behind the last event of a page."""
        return str(self._serializer.dumps([*whose, last.happened_at, last.event_id]))

    def read(self, text: str, whose: Sequence[Any]) -> tuple[str, str]:
        """The time and the id of the last event. Raises MisuseError."""
        try:
            *given, happened_at, event_id = self._serializer.loads(text)
        except (BadSignature, ValueError) as error:
            raise MisuseError(
                "The cursor is not one of ours, or the server that gave it has restarted without "
                "PALATE_CURSOR_SECRET. Ask again from the first page."
            ) from error
        if given != list(whose):
            raise MisuseError("The cursor belongs to other events. Ask again from the first page.")
        return happened_at, event_id


def list_events(
    database: Database,
    user_id: int,
    profile: str = "main",
    *,
    type: EventType | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> History:
    """A page of a user's events, the newest first; none for an unknown user. Raises MisuseError."""
    whose, cursors = (user_id, profile, type), Cursors(database)
    before = cursors.read(cursor, whose) if cursor else (None, None)
    asked = dict(zip(("user_id", "profile", "type"), whose, strict=True))
    page = {"limit": limit + 1, "before": before[0], "before_id": before[1]}
    with database.read() as connection:
        rows = connection.execute(_statements["page"], asked | page).mappings().all()
    events = tuple(KnownEvent(**row) for row in rows[:limit])
    more = cursors.write(whose, events[-1]) if len(rows) > limit else None
    return History(user_id=user_id, profile=profile, events=events, next_cursor=more)


@again
def undo(database: Database, user_id: int, event_id: str, profile: str = "main") -> None:
    """Take one event back, as if it had not been. Raises NotFoundError."""
    asked = {"user_id": user_id, "event_id": event_id}
    with database.begin() as connection:
        connection.execute(_statements["lock_user"], {"user_id": user_id})
        gone = connection.execute(_statements["undo"], asked).rowcount
        if not gone:
            asked["profile"] = profile
            gone = connection.execute(_statements["undo_rating"], asked).rowcount
    if not gone:
        raise NotFoundError(
            f"User {called(user_id)} has no event {event_id!r}. Nothing was changed."
        )


@again
def undo_all(
    database: Database, user_id: int, profile: str = "main", type: EventType | None = None
) -> int:
    """Take all events of a profile back, or those of one type; returns how many."""
    asked = {"user_id": user_id, "profile": profile}
    with database.begin() as connection:
        connection.execute(_statements["lock_user"], {"user_id": user_id})
        gone = connection.execute(_statements["undo_events"], asked | {"type": type}).rowcount
        if type in (None, "rated"):
            gone += connection.execute(_statements["undo_ratings"], asked).rowcount
    return int(gone)


def read_weights(database: Database) -> dict[str, float]:
    """What an event of each type counts in a taste."""
    with database.read() as connection:
        return {row.type: row.weight for row in connection.execute(_statements["weights"])}


def set_weights(database: Database, weights: Mapping[str, float]) -> dict[str, float]:
    """Let events of these types count otherwise, and make every taste again. Raises MisuseError."""
    known = read_weights(database)
    for name, weight in weights.items():
        if name not in known:
            raise MisuseError(
                f"Events of type {name!r} have no weight. Nothing was changed. Types are "
                f"{', '.join(known)}; what a rating counts, its stars say."
            )
        if not -10 <= weight <= 10:
            raise MisuseError(f"The weight {weight:g} is off -10 to 10. Nothing was changed.")
    with database.begin() as connection:
        for name, weight in weights.items():
            connection.execute(_statements["set_weight"], {"type": name, "weight": weight})
    refresh(database)
    with database.begin(patient=True) as connection:
        connection.execute(_statements["refresh_factors"])
    return read_weights(database)
