"""Whose history an answer is made of: noted with what a language model is told of it."""

from contextvars import ContextVar

PERSON: ContextVar[int | None] = ContextVar("person", default=None)
"""The user; None: nobody. What is noted can be forgotten."""
