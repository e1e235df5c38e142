"""Whose history an answer is made of: noted with what a language model is told of it."""

from contextvars import ContextVar

PERSON: ContextVar[int | None] = ContextVar("person", default=None)
"""The user; None: nobody. What is noted can be forgotten."""

CALLED: ContextVar[tuple[int, str] | None] = ContextVar("called", default=None)
"""A user and the name that they were asked for by: messages call them so, not by their number."""


def called(user_id: int | None) -> str:
    """A user as whoever asked called them."""
    asked = CALLED.get()
    return asked[1] if asked and asked[0] == user_id else str(user_id)
