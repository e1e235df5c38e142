"""What PostgreSQL's refusals mean and what to do about each: the same words on every face."""

import psycopg
import sqlalchemy
from psycopg import errors

from palate.errors import (
    BusyError,
    ConflictError,
    DatabaseUnavailableError,
    DeadlockError,
    DiskFullError,
    MisuseError,
    PalateError,
    PrivilegeError,
    ReadOnlyError,
    RefusedByDatabaseError,
    SchemaError,
    SerializationError,
    StatementCancelledError,
)

_UNDONE = "What was not committed is undone."

_REFUSALS: dict[type[psycopg.Error], tuple[type[RefusedByDatabaseError], str]] = {
    errors.InsufficientPrivilege: (
        PrivilegeError,
        "The database role that Palate connects as may not do this. Nothing was changed. Connect "
        "as a member of palate_app to serve, of palate_owner to migrate and load, or let the owner "
        "run `palate db migrate`, which grants what each needs.",
    ),
    errors.ReadOnlySqlTransaction: (
        ReadOnlyError,
        "The database only reads: it is a standby, or set so. Nothing was changed. Searches go on; "
        "send what writes to the primary.",
    ),
    errors.DiskFull: (
        DiskFullError,
        f"The database's disk is full. {_UNDONE} Make room on the server, then try again.",
    ),
    errors.DeadlockDetected: (
        DeadlockError,
        "Two writers waited for each other, and the database ended this one. Nothing of it was "
        "changed. Try again.",
    ),
    errors.SerializationFailure: (
        SerializationError,
        "Somebody else changed the same rows first. Nothing of this was changed. Try again.",
    ),
    errors.LockNotAvailable: (
        BusyError,
        "What this needs is locked by another transaction. Nothing was changed. Try again when "
        "it has ended.",
    ),
}

_NO_SCHEMA = (
    errors.UndefinedTable,
    errors.UndefinedFunction,
    errors.UndefinedColumn,
    errors.UndefinedObject,
    errors.InvalidSchemaName,
)


def explain(error: BaseException | None, where: str) -> PalateError | None:
    """The error that says what a refusal of the server at ``where`` means; None for any other."""
    if isinstance(error, sqlalchemy.exc.DBAPIError):
        error = error.orig
    if isinstance(error, errors.QueryCanceled):
        return _cancelled(error)
    if isinstance(error, _NO_SCHEMA):
        return SchemaError(
            f"The database at {where} has no schema that fits this Palate ({reason(error)}). "
            "Nothing was done. Run `palate db migrate`; `palate demo` fills an empty one with the "
            "sample."
        )
    if isinstance(error, errors.InvalidSqlStatementName | errors.DuplicatePreparedStatement):
        return MisuseError(
            f"The session at {where} changed under a prepared statement ({reason(error)}): a "
            f"pooler in transaction mode stands before the server. {_UNDONE} Set "
            "PALATE_POOLER=transaction."
        )
    if isinstance(error, errors.DiskFull) and "shared memory" in reason(error):
        return RefusedByDatabaseError(
            f"The database has too little shared memory ({reason(error)}). {_UNDONE} Give its "
            "container more /dev/shm, or set max_parallel_workers_per_gather to 0.",
            reason(error),
        )
    if isinstance(error, errors.DataException) and "vector" in reason(error):
        return ConflictError(
            f"Vectors of two lengths met ({reason(error)}). Nothing was changed. `palate embed "
            "stats` tells the model of those in use: make yours with it."
        )
    for refusal, (kind, message) in _REFUSALS.items():
        if isinstance(error, refusal):
            return kind(message, reason(error))
    return None


def _cancelled(error: errors.QueryCanceled) -> PalateError:
    said = reason(error)
    if "user request" in said:
        return StatementCancelledError(
            f"Somebody cancelled the statement on the server. {_UNDONE} Try again.", said
        )
    return DatabaseUnavailableError(
        "The statement took longer than PALATE_STATEMENT_TIMEOUT and was cancelled. "
        "Nothing was changed. Narrow the request or raise the limit."
    )


def reason(error: BaseException | None) -> str:
    """What the server said, else the last thing that connecting to it said."""
    said = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    if said:
        return said
    # Of a failed connection libpq says why on the first line, then what one might check.
    return next(iter(str(error).strip().splitlines()), "").removeprefix("connection failed: ")
