"""``/v1/users/{user_id}/events``: what a user does, sent, listed and taken back."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import Field, WithJsonSchema, model_validator
from starlette.requests import Request
from starlette.responses import Response

from palate.contract import Event, EventReport, EventType, Frozen, History
from rerank import events as history
from rerank.events import MOST_EVENTS
from serve.api.parameters import TasteQuery, UserPath, WhichTaste
from serve.api.routes import GuardedRoute, read_body, scoped
from serve.api.services import services

router = APIRouter(route_class=GuardedRoute, tags=["events"])

_EVENTS_BYTES = 4_000_000

EventId = Annotated[
    str, Path(max_length=200, description="The event's id, as it was sent or listed.")
]
SentEvent = Annotated[Any, WithJsonSchema(Event.model_json_schema())]


class NewEvents(Frozen):
    """Events, or one event by itself. What is wrong with one refuses no other."""

    events: tuple[SentEvent, ...] = Field(min_length=1, max_length=MOST_EVENTS)

    @model_validator(mode="before")
    @classmethod
    def one_is_a_list(cls, body: Any) -> Any:
        """An event by itself as a list of one."""
        if isinstance(body, Mapping) and "type" in body and "events" not in body:
            return {"events": [body]}
        return body


class WhichEvents(WhichTaste):
    """Which events."""

    type: EventType | None = Field(None, description="Only events of this type.")


class EventsParameters(WhichEvents):
    """Which events, and how many."""

    limit: int = Field(50, ge=1, le=500, description="Events returned.")
    cursor: str | None = Field(None, max_length=1000, description="next_cursor of the page before.")


class Undone(Frozen):
    """How many events were taken back."""

    user_id: int
    profile: str
    undone: int


@router.post(
    "/v1/users/{user_id}/events",
    summary="Send what a user does",
    **scoped("write", 400, 404, line="write", body=NewEvents, max_body=_EVENTS_BYTES),
)
def add_events(request: Request, user_id: UserPath, parameters: TasteQuery) -> EventReport:
    """Write up to 10,000 events of a user; the next answer knows them.

    Each is accepted, known already or refused by itself, and the answer says which. An event that
    is sent twice under one `event_id` counts once.
    """
    events = read_body(request, NewEvents).events
    database = services(request).database
    return history.add_events(database, user_id, events, parameters.profile)


@router.get("/v1/users/{user_id}/events", summary="A user's history", **scoped("read", 400, 404))
def list_events(
    request: Request, user_id: UserPath, parameters: Annotated[EventsParameters, Query()]
) -> History:
    """The events of one profile, newest first, a page at a time; none for an unknown user."""
    database = services(request).database
    return history.list_events(database, user_id, **parameters.model_dump())


@router.delete(
    "/v1/users/{user_id}/events", summary="Take events back", **scoped("write", 404, line="write")
)
def undo_events(
    request: Request, user_id: UserPath, parameters: Annotated[WhichEvents, Query()]
) -> Undone:
    """Take back all events of one profile, ratings too, or those of one type."""
    database = services(request).database
    undone = history.undo_all(database, user_id, parameters.profile, parameters.type)
    return Undone(user_id=user_id, profile=parameters.profile, undone=undone)


@router.delete(
    "/v1/users/{user_id}/events/{event_id}",
    summary="Take one event back",
    status_code=204,
    response_class=Response,
    **scoped("write", 404, line="write"),
)
def undo_event(
    request: Request, user_id: UserPath, event_id: EventId, parameters: TasteQuery
) -> Response:
    """Take an event back, as if it had not been; the next answer no longer knows it."""
    history.undo(services(request).database, user_id, event_id, parameters.profile)
    return Response(status_code=204)
