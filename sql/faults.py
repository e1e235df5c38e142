"""What PostgreSQL's refusals mean and what to do about each: the same words on every face."""

import re
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import psycopg
import sqlalchemy
import stamina
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

P = ParamSpec("P")
T = TypeVar("T")

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


def again(once: Callable[P, T]) -> Callable[P, T]:
    """Around a function that is one transaction: one that the database ended for the sake of
    another has changed nothing, and is begun again, twice at most."""

    @wraps(once)
    def tried(*args: P.args, **options: P.kwargs) -> T:
        for attempt in stamina.retry_context(
            on=(DeadlockError, SerializationError),
            attempts=3, wait_initial=0.05, wait_max=0.5, wait_jitter=0.1,
        ):  # fmt: skip
            with attempt:  # as a decorator it would log what the function is given
                return once(*args, **options)
        raise AssertionError  # the last attempt returns or raises

    return tried


_SERVER_ENDED: dict[type[psycopg.Error], str] = {
    errors.IdleSessionTimeout: "A session was idle longer than the server's idle_session_timeout "
    "lets one be, and was ended. {undone} Try again; let the role keep its sessions: "
    "ALTER ROLE ... SET idle_session_timeout = 0.",
    errors.IdleInTransactionSessionTimeout: "A transaction was idle longer than the server's "
    "idle_in_transaction_session_timeout, and was ended. {undone} Try again, or raise it for the "
    "role.",
    errors.TransactionTimeout: "A transaction took longer than the server's transaction_timeout, "
    "and was ended. {undone} Raise it for the role: ALTER ROLE ... SET transaction_timeout = 0.",
    errors.AdminShutdown: "The server is shutting down, or somebody ended this session there "
    "(pg_terminate_backend). {undone} Try again.",
    errors.CrashShutdown: "Another session of the server crashed, and it ended them all. {undone} "
    "Try again; the server's log says why.",
}

# libpq keeps no SQLSTATE of a connection that is refused: only what was said, in English unless
# the server's lc_messages is another language, where `FATAL` still tells that a server spoke.
_REFUSED_AT_THE_DOOR = (
    (
        "too many connections for role|remaining connection slots|too many clients already"
        "|too many connections for database|no more connections allowed",
        "has no connection left to give ({said}). {nothing} Lower PALATE_POOL_SIZE or "
        "PALATE_WORKERS, or raise the limit: CONNECTION LIMIT of the role or database, else "
        "max_connections.",
    ),
    (
        "password authentication failed|no password supplied|authentication failed for user"
        "|SASL authentication failed|certificate authentication failed",
        "refuses this user's login ({said}). {nothing} Correct user and password, in "
        "PALATE_DATABASE_URL, PGPASSWORD or .pgpass.",
    ),
    (
        "no pg_hba.conf entry|pg_hba.conf rejects",
        "lets nobody in from here as this user to this database ({said}). {nothing} Let an "
        "administrator add a line to pg_hba.conf; where it speaks of no encryption, connect with "
        "sslmode=require.",
    ),
    (
        'role ".*" does not exist|is not permitted to log in',
        "has no such login ({said}). {nothing} Correct the user in PALATE_DATABASE_URL, or let an "
        "administrator make it: CREATE ROLE ... LOGIN.",
    ),
    (
        'database ".*" does not exist',
        "has no such database ({said}). {nothing} Correct its name in PALATE_DATABASE_URL, or make "
        "it: CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0.",
    ),
    (
        "permission denied for database|not currently accepting connections",
        "does not let this role into the database ({said}). {nothing} Let its owner run GRANT "
        "CONNECT ON DATABASE ... TO the role, or allow connections.",
    ),
    (
        "the database system is|database system is (starting|shutting|not yet)",
        "is starting up, recovering or shutting down ({said}). {nothing} Try again shortly; "
        "`palate db migrate --wait 60` waits for it.",
    ),
    (
        "does not support SSL|SSL error|SSL connection|certificate verify|root certificate",
        "and this client agree on no encryption ({said}). {nothing} Correct sslmode and "
        "sslrootcert, in PALATE_DATABASE_URL or PGSSLMODE, or the server's ssl.",
    ),
    (
        "FATAL:",
        "answers, and refuses the connection ({said}). {nothing} What it says names the cause.",
    ),
)
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
            "Nothing was done. Run `palate db migrate`; `palate doctor` says what is missing, and "
            "`palate demo` fills an empty one with the sample."
        )
    if isinstance(error, errors.ObjectNotInPrerequisiteState) and "populated" in reason(error):
        return SchemaError(
            f"The statistics at {where} have never been counted ({reason(error)}). Nothing was "
            "done. Run `palate db refresh`."
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
    if isinstance(error, errors.SerializationFailure) and "recovery" in reason(error):
        return DatabaseUnavailableError(
            f"The standby at {where} ended the statement, to go on as its primary does. Nothing "
            "was done. Try again; where it comes often, set hot_standby_feedback on the standby, "
            "or raise its max_standby_streaming_delay."
        )
    for refusal, (kind, message) in _REFUSALS.items():
        if isinstance(error, refusal):
            return kind(message, reason(error))
    for ended, message in _SERVER_ENDED.items():
        if isinstance(error, ended):
            return DatabaseUnavailableError(message.format(undone=_UNDONE))
    return _at_the_door(error, where) if isinstance(error, psycopg.OperationalError) else None


def _at_the_door(error: psycopg.OperationalError, where: str) -> PalateError | None:
    """Why a server that did answer lets nobody in; None for one that said nothing."""
    for sign, message in _REFUSED_AT_THE_DOOR:
        if str(error).startswith("connection failed") and re.search(sign, str(error)):
            said = reason(error).rpartition("FATAL:  ")[2]
            told = message.format(said=said, nothing="Nothing was done.")
            return DatabaseUnavailableError(f"The server of {where} {told}")
    return None


OTHER_LIMIT = (
    "The statement_timeout that the server has for this role or database ended the first statement "
    "of a session, before Palate could set its own, PALATE_STATEMENT_TIMEOUT. Nothing was done. "
    "Raise it: ALTER ROLE ... SET statement_timeout = '10s', or RESET it."
)


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
