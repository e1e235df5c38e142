"""Statistics of films, made again when it suits: readers are not blocked."""

from pathlib import Path

from palate.statements import Statements
from sql.database import Database
from sql.vectors import index_vectors

_statements = Statements(Path(__file__).parent / "statements" / "stats.sql")


def refresh_stats(database: Database) -> int:
    """Count ratings and popularity again, and index vectors that are not; returns how many films'
    copies of those figures changed."""
    with database.begin(patient=True) as connection:
        changed = int(connection.execute(_statements["refresh_stats"]).scalar_one())
    index_vectors(database)
    return changed
