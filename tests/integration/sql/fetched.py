"""Rows of a query, as PostgreSQL has them."""

from typing import Any

from palate.statements import raw
from sql.database import Database


def fetch(database: Database, query: str) -> list[Any]:
    """All rows of a query."""
    with database.read() as connection:
        return raw(connection).execute(query.encode()).fetchall()
