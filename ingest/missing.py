"""What a source no longer has: deleted on request, unless it is more than anybody would expect."""

from datetime import datetime

import sqlalchemy

from ingest.rows import Source
from ingest.staging import statements
from palate.errors import ConflictError
from palate.statements import run_script


def delete_missing(
    connection: sqlalchemy.Connection, source: Source, share: float | None, refused: int
) -> int:
    """Delete films, with all that hangs on them, and ratings that are not in this load.

    Films where the source has a file of films, ratings where it has one; a rating that is newer
    than the newest of the file was given here, and stays. Returns how many went. Raises
    ConflictError where they are more than ``share`` of what is there, or where lines were
    ``refused``: what those were about is not missing. ``share`` None: nothing goes.
    """
    if share is None:
        return 0
    if refused:
        raise ConflictError(
            f"{refused:,} lines were refused: what they are about would be deleted as missing. "
            "Nothing was changed. Correct them, or load without --delete-missing."
        )
    undated = connection.execute(statements["undated"], {"replace": False}).scalar_one()
    kinds = [kind for kind in ("movies", "ratings") if kind in source.file_names]
    return sum(_delete(connection, kind, undated, share) for kind in kinds)


def _delete(connection: sqlalchemy.Connection, kind: str, undated: datetime, share: float) -> int:
    values = {"undated": undated} if kind == "ratings" else {}
    found = connection.execute(statements[f"missing_{kind}"], values).one()
    if found.missing > share * found.there:
        what = "films" if kind == "movies" else "ratings"
        raise ConflictError(
            f"{found.missing:,} of the {found.there:,} {what} here are not in the files "
            f"({found.example}), more than {share:.0%}. Nothing was changed. Is a file cut short? "
            "--at-most allows more."
        )
    if kind == "movies" and found.missing:
        run_script(connection, statements.raw("delete_missing_movies"))
    elif found.missing:
        connection.execute(statements["delete_missing_ratings"], values)
    return int(found.missing)
