"""What people do, and what became of what was told of it."""

from typing import Annotated, Literal

from pydantic import Field

from palate.contract.names import EventType, Frozen, ItemId, Moment, MovieId, UserKey


class Event(Frozen):
    """What a user did: with a film, or for `pinned` and `muted` with a genre."""

    type: EventType
    movie_id: MovieId | None = None
    genre: str | None = Field(None, pattern=r"^[^\x00-\x1f\x7f]{1,100}$")
    rating: float | None = Field(None, ge=0.5, le=5, description="Of `rated`: 0.5 to 5.")
    happened_at: Moment | None = Field(None, description="When; left out: now.")
    source: str | None = Field(
        None, pattern=r"^[^\x00-\x1f\x7f]{0,100}$", description="Where it came from."
    )
    event_id: str | None = Field(
        None,
        pattern=r"^[^\s/\x00-\x1f\x7f-\x9f]{1,200}$",
        description="An id of yours: what is sent twice under one id counts once.",
    )


class KnownEvent(Frozen):
    """An event of a user's history. Ratings that came otherwise are events `rated`."""

    event_id: str
    type: EventType
    movie_id: int | None
    item_id: ItemId = None
    title: str | None
    year: int | None
    genre: str | None
    rating: float | None
    happened_at: str
    source: str | None


class EventLine(Frozen):
    """What became of one event that was sent."""

    line: int = Field(description="Its place among those sent, from 1.")
    event_id: str | None
    outcome: Literal["accepted", "known", "refused"]
    reason: str | None = Field(None, description="Why it was refused.")


class EventReport(Frozen):
    """What became of events that were sent, one by one."""

    user_id: int
    profile: str
    accepted: int
    known: int = Field(description="Sent before under the same id: nothing changed.")
    refused: int
    lines: tuple[EventLine, ...]


class History(Frozen):
    """A page of a user's events, the newest first."""

    user_id: int
    profile: str
    events: tuple[KnownEvent, ...]
    next_cursor: str | None = None


class Feedback(Frozen):
    """What somebody did with a film of an answer."""

    answer_id: str = Field(
        pattern=r"^(search|recommend)\.[a-z]{1,20}\.[A-Za-z0-9_-]{8,40}$",
        description="That of the answer.",
    )
    movie_id: MovieId
    kind: Literal["impression", "click", "play"]
    position: int | None = Field(None, ge=1, le=100_000, description="Its rank in the answer.")
    sources: tuple[Annotated[str, Field(pattern="^[a-z_]{1,20}$")], ...] = Field(
        (), max_length=20, description="The sources of the film, as the answer said."
    )
    user_id: UserKey | None = None
    happened_at: Moment | None = None


class RefusedLine(Frozen):
    """A line that was refused."""

    line: int = Field(description="Its place among those sent, from 1.")
    reason: str


class FeedbackReport(Frozen):
    """What became of feedback."""

    accepted: int
    known: int = Field(description="Said before: nothing changed.")
    refused: tuple[RefusedLine, ...]
