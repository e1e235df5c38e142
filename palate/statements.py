"""Named SQL statements, kept in ``.sql`` files.

A line ``-- name: upsert_movies`` starts a statement; it ends where the next one starts.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Connection, Integer, TextClause, bindparam, text

_NAME = re.compile(r"^-- name: (\w+)[ \t]*$", re.MULTILINE)


class Statements:
    """The statements of one file, by name."""

    def __init__(self, path: Path) -> None:
        parts = _NAME.split(path.read_text(encoding="utf-8"))
        self._path = path
        self._bodies = {
            name: body.strip().removesuffix(";")
            for name, body in zip(parts[1::2], parts[2::2], strict=True)
        }
        self._clause = cache(lambda name: _clause(self.raw(name)))

    def __getitem__(self, name: str) -> TextClause:
        """The statement as a SQLAlchemy clause, ``:name`` being its parameters."""
        return self._clause(name)

    def raw(self, name: str) -> str:
        """The statement as it stands in the file."""
        try:
            return self._bodies[name]
        except KeyError:
            raise KeyError(f"{self._path.name} has no statement {name!r}") from None


def _clause(body: str) -> TextClause:
    """``:candidates`` becomes a number in the text: a statement, and a plan kept, for each."""
    clause = text(body)
    if "candidates" not in clause.compile().params:
        return clause
    return clause.bindparams(bindparam("candidates", type_=Integer, literal_execute=True))


def run_script(connection: Connection, script: str) -> None:
    """Run a script of several statements, as it is: no parameters, ``%`` is only a character."""
    raw(connection).execute(script.encode())


def raw(connection: Connection) -> psycopg.Connection[Any]:
    """The psycopg connection below, for COPY and scripts."""
    driver_connection: psycopg.Connection[Any] | None = connection.connection.driver_connection
    assert driver_connection is not None  # noqa: S101  (the pool only hands out live ones)
    return driver_connection
