"""Named SQL statements, kept in ``.sql`` files.

A line ``-- name: upsert_movies`` starts a statement; it ends where the next one starts.
"""

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Self

import psycopg
from psycopg.rows import dict_row
from sqlalchemy import Connection, Integer, TextClause, bindparam, text
from sqlalchemy.exc import DBAPIError

_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]+)\b")
_MOST_KEPT = 200
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
        self._native = lru_cache(_MOST_KEPT)(
            lambda name, candidates: _native(self.raw(name), candidates)
        )

    @classmethod
    def beside(cls, module: str, name: str) -> Self:
        """Those of ``statements/<name>.sql`` in the folder of a module, ``__file__``."""
        return cls(Path(module).parent / "statements" / f"{name}.sql")

    def __getitem__(self, name: str) -> TextClause:
        """The statement as a SQLAlchemy clause, ``:name`` being its parameters."""
        return self._clause(name)

    def fetch(
        self, connection: Connection, name: str, values: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """The rows of a statement, by psycopg alone: for the few that every search runs.

        SQLAlchemy takes longer to wrap a result than a search's Python takes for all the rest. They
        come as PostgreSQL holds them: writing numbers out and reading them takes longer, too. A
        type that psycopg does not know, as an enum, is to be cast to text.
        Raises sqlalchemy.exc.DBAPIError, as running the clause would.
        """
        if connection.get_execution_options().get("pooled"):  # each statement is settled by events
            return [dict(row) for row in connection.execute(self[name], values).mappings()]
        statement = self._native(name, values.get("candidates"))
        below = raw(connection)
        try:
            return (
                below.cursor(row_factory=dict_row)
                .execute(statement, values, binary=True)
                .fetchall()
            )
        except psycopg.Error as error:
            if below.broken:
                connection.invalidate(error)
            raise DBAPIError.instance(
                name, None, error, psycopg.Error, connection_invalidated=below.broken
            ) from error

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


def _native(body: str, candidates: int | None) -> bytes:
    """The same in psycopg's own form."""
    written = _PARAMETER.sub(r"%(\1)s", body.replace("%", "%%"))
    return written.replace("%(candidates)s", str(candidates)).encode()


def run_script(connection: Connection, script: str) -> None:
    """Run a script of several statements, as it is: no parameters, ``%`` is only a character."""
    raw(connection).execute(script.encode())


def raw(connection: Connection) -> psycopg.Connection[Any]:
    """The psycopg connection below, for COPY and scripts."""
    driver_connection: psycopg.Connection[Any] | None = connection.connection.driver_connection
    assert driver_connection is not None  # noqa: S101  (the pool only hands out live ones)
    return driver_connection
