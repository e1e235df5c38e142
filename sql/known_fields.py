"""The fields that queries may name: Palate's, and those that somebody added to one database."""

import time

import sqlalchemy

from palate.statements import Statements
from sql.syntax import FIELDS, Field, Fields, Kind

SECONDS_KEPT = 5.0
"""How long a process goes on with the fields that it read: so long a removal waits."""

DIGITS = {"integer": (18, 0), "numeric": (19, 4)}
"""Of the types that hold numbers: before the point, and behind it."""

_statements = Statements.beside(__file__, "own_fields")


class KnownFields:
    """The fields of one database, Palate's and its own, read again every few seconds."""

    def __init__(self, engine: sqlalchemy.Engine) -> None:
        self._engine = engine
        self._read_at, self._fields = -SECONDS_KEPT, FIELDS

    def __call__(self) -> Fields:
        """Those that it has; those of before where it does not answer, which a search will say."""
        if time.monotonic() - self._read_at >= SECONDS_KEPT:
            self._read_at = time.monotonic()  # the others go on with what is known
            try:
                with self._engine.connect() as connection:
                    found = list(connection.execute(_statements["fields"]))
            except sqlalchemy.exc.SQLAlchemyError:
                return self._fields
            own = [_field(row) for row in found if row.kind is not None]
            self._fields = Fields([*FIELDS.values(), *own]) if own else FIELDS
        return self._fields


def _field(row: sqlalchemy.Row[tuple[str, str, Kind, float | None, bool]]) -> Field:
    digits, decimals = DIGITS.get(row.type, (0, 0))
    return Field(row.name, row.kind, row.boost, digits=digits, decimals=decimals)
