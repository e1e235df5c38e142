"""Server-sent events: how they are documented, written and sent."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

from sse_starlette import EventSourceResponse

Event = dict[str, str]
_SEND_SECONDS = 10  # until a client that reads nothing is let go


def with_events(needs: dict[str, Any], *names: str) -> dict[str, Any]:
    """A route's keyword arguments, by which it answers with events of these names."""
    data = {"type": "string", "contentMediaType": "application/json"}
    event = {"type": "object", "properties": {"event": {"enum": [*names]}, "data": data}}
    needs["responses"][200] = {"content": {"text/event-stream": {"schema": event}}}
    return needs | {"response_class": EventSourceResponse}


def event(name: str, data: object) -> Event:
    """An event with its data as JSON."""
    return {"event": name, "data": json.dumps(data, ensure_ascii=False)}


def send(events: Iterator[Event] | AsyncIterator[Event]) -> EventSourceResponse:
    """An answer of events as they come."""
    return EventSourceResponse(events, sep="\n", send_timeout=_SEND_SECONDS)
