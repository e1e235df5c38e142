"""Users by number or by name, and everything that is held about one: exported and erased."""

import re
from datetime import UTC, datetime
from typing import Any, overload

import sqlalchemy
from psycopg.sql import SQL, Composed, Identifier

from palate.contract import A_USER, UNKNOWN_USER, ErasedTable, Export, Forgotten, is_user_name
from palate.errors import MisuseError, NotFoundError, PrivilegeError
from palate.person import CALLED, PERSON
from palate.statements import Statements, raw
from sql.database import Database
from sql.faults import again

_statements = Statements.beside(__file__, "people")

TABLES = (
    "events", "feedback", "ratings", "tags", "kept_history", "user_factors", "neighbour_likes",
    "users", "llm_answers", "llm_calls", "user_names",
)  # fmt: skip
"""Every table that tells of a user, in the order in which it is erased."""


def find_user(database: Database, who: str) -> int:
    """The user of a number or a name. Raises NotFoundError and MisuseError."""
    return _resolve(database, who, "user_named")


@overload
def find_taste(database: Database, who: str) -> int: ...
@overload
def find_taste(database: Database, who: str | None) -> int | None: ...
def find_taste(database: Database, who: str | None) -> int | None:
    """Whose taste orders an answer; None for None. Of a name that nobody has nothing is known:
    the answer is everybody's, and says so. Raises MisuseError."""
    if who is None:
        return None
    try:
        user_id = find_user(database, who)
    except NotFoundError:
        return UNKNOWN_USER
    PERSON.set(user_id)
    return user_id


def name_user(database: Database, who: str) -> int:
    """The user of a number or a name; somebody new where nobody is called so.

    Raises MisuseError.
    """
    return _resolve(database, who, "name_user")


def read_user(who: str) -> int | str:
    """The number or the name of a user. Raises MisuseError for what is neither."""
    if re.fullmatch("0|[1-9][0-9]{0,18}", who) and int(who) < UNKNOWN_USER:
        return int(who)
    if is_user_name(who):
        return who
    raise MisuseError(f"No user can be called {who[:40]!r}. Nothing was done. A user is {A_USER}.")


@again
def _resolve(database: Database, who: str, statement: str) -> int:
    named = read_user(who)
    if isinstance(named, int):
        return named
    with database.begin() as connection:
        user_id: int | None = connection.execute(_statements[statement], {"name": named}).scalar()
    if user_id is None:
        raise NotFoundError(
            f"There is no user called {who!r}. Nothing was done. The first event or rating makes "
            "one."
        )
    CALLED.set((user_id, named))
    return user_id


def export(database: Database, user_id: int) -> Export:
    """Everything held about a user, rows as they are. Raises NotFoundError where nothing is."""
    with database.begin() as connection:
        name = connection.execute(_statements["name"], {"user_id": user_id}).scalar()
        tables = {table: _rows(connection, table, user_id) for table in TABLES}
    if not any(tables.values()):
        raise NotFoundError(f"Nothing is known of user {user_id}.")
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return Export(user_id=user_id, name=name, exported_at=now, tables=tables)


def forget(database: Database, user_id: int, *, refresh: bool = False) -> Forgotten:
    """Delete everything of a user, and count what is left. Nothing comes back from it.

    ``refresh`` makes the statistics of films again, which held the user's ratings; a role that may
    not leaves that to the next refresh. Raises NotFoundError for a user of whom nothing is known.
    """
    with database.begin() as connection:
        connection.execute(_statements["lock_user"], {"user_id": user_id})
        before = {table: _count(connection, table, user_id) for table in TABLES}
        for table in TABLES:
            if table == "llm_calls":
                connection.execute(_statements["forget_asked"], {"user_id": user_id})
            else:
                raw(connection).execute(_named("delete", table), {"user_id": user_id})
        left = {table: _count(connection, table, user_id) for table in TABLES}
    if not any(before.values()):
        raise NotFoundError(f"Nothing is known of user {user_id}. Nothing was changed.")
    counted = not before["ratings"] or (refresh and _refresh(database))
    return Forgotten(
        user_id=user_id,
        ratings_deleted=before["ratings"],
        tables=tuple(
            ErasedTable(table=table, deleted=before[table], left=left[table]) for table in TABLES
        ),
        statistics="refreshed" if counted else "until the next refresh",
    )


def _refresh(database: Database) -> bool:
    try:
        with database.begin(patient=True) as connection:
            connection.execute(_statements["refresh_stats"])
    except PrivilegeError:
        return False
    return True


def _rows(connection: sqlalchemy.Connection, table: str, user_id: int) -> tuple[Any, ...]:
    row = raw(connection).execute(_named("rows", table), {"user_id": user_id}).fetchone()
    return tuple(row[0]) if row else ()


def _count(connection: sqlalchemy.Connection, table: str, user_id: int) -> int:
    row = raw(connection).execute(_named("left", table), {"user_id": user_id}).fetchone()
    return int(row[0]) if row else 0


def _named(statement: str, table: str) -> Composed:
    return SQL(_statements.raw(statement)).format(table=Identifier(table))
