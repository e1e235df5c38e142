"""The indexes that nearest films are found by, in catalogs that are too large to read."""

from palate.statements import Statements
from sql.database import Database

_statements = Statements.beside(__file__, "vectors")


def index_vectors(database: Database) -> bool:
    """Make what is missing of them; whether there was any. Searches go on, loads of films wait.

    To be called behind whatever changes films' vectors or the active factors; until then
    recommendations are found by reading every film.
    """
    with database.begin(patient=True) as connection:
        made = bool(connection.execute(_statements["index_vectors"]).scalar_one())
    with database.begin() as connection:
        connection.execute(_statements["drop_former_indexes"])
    return made
