"""Statistics of films, made again when it suits: readers are not blocked."""

from palate.statements import Statements
from sql.database import Database
from sql.vectors import index_vectors

_statements = Statements.beside(__file__, "stats")


def refresh_stats(database: Database) -> int:
    """Count ratings and popularity again, forget old feedback, index vectors that are not, and look
    for neighbours; returns how many films' copies of the figures changed."""
    with database.begin(patient=True) as connection:
        days = {"days": database.settings.feedback_days}
        connection.execute(_statements["forget_feedback"], days)
        changed = int(connection.execute(_statements["refresh_stats"]).scalar_one())
    index_vectors(database)
    with database.begin(patient=True) as connection:
        connection.execute(_statements["refresh_neighbours"])
    return changed
