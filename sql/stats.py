"""Statistics of films, made again when it suits: readers are not blocked."""

from pathlib import Path

from palate.statements import Statements
from sql.database import Database

_statements = Statements(Path(__file__).parent / "statements" / "stats.sql")


def refresh_stats(database: Database) -> int:
    """Count ratings and popularity again; returns how many films' copies of them changed."""
    with database.begin(patient=True) as connection:
        return int(connection.execute(_statements["refresh_stats"]).scalar_one())
