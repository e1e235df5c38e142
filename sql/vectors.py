"""The indexes of nearest films, in catalogs too large to read, and the copies for searches."""

from palate.statements import Statements
from sql.database import Database

_statements = Statements.beside(__file__, "vectors")


def index_vectors(database: Database) -> bool:
    """Make what is missing of them; whether any index was. Searches go on, loads of films wait.

    To be called behind whatever changes films' vectors, popularity or the active factors; until
    then recommendations are found by reading every film, searches by three look-ups a film.
    """
    with database.begin(patient=True) as connection:
        made = bool(connection.execute(_statements["index_vectors"]).scalar_one())
    with database.begin() as connection:
        connection.execute(_statements["drop_former_indexes"])
    return made
