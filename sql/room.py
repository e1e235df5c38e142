"""Palate's room in a database: the extensions, its schema, what moves in, and who may enter.

Everything is named object by object (see ``sql.objects``): what else a database holds, in the
same schema too, is somebody else's and stays as it is.
"""

from dataclasses import dataclass

import psycopg
import sqlalchemy
from psycopg.sql import Identifier

from palate.errors import PrivilegeError
from palate.statements import Statements, run_script
from sql.database import Database
from sql.objects import find_own

_FORMER_SCHEMA = "public"
"""Where versions lived that had no schema of their own."""

_statements = Statements.beside(__file__, "room")


def make_room(connection: sqlalchemy.Connection, database: Database) -> list[str]:
    """Make the extensions and the schema where they are missing; an installation in ``public``
    moves in. Returns the move, if there was one.

    Raises PrivilegeError with the statements for an administrator where this role may not.
    """
    missing = _missing(connection, database)
    for statement in missing:
        try:
            run_script(connection, statement)
        except psycopg.errors.InsufficientPrivilege as error:
            raise PrivilegeError(
                "This role may not prepare the database. Nothing was changed. Let a superuser "
                f"run, in this database: {' '.join(missing)} "
                "Then run `palate db migrate` again.",
                error.diag.message_primary or "",
            ) from error
    return [] if database.is_scratch else _move_in(connection, database.schema)


def _missing(connection: sqlalchemy.Connection, database: Database) -> list[str]:
    """The statements that make what a migration needs and this database has not."""
    asked = {"engine": database.search_engine.name, "schema": database.schema}
    return list(connection.execute(_statements["missing"], asked).scalars())


def _move_in(connection: sqlalchemy.Connection, schema: str) -> list[str]:
    found = installed_in(connection, schema)
    if found is None or found == schema:
        return []
    move(connection, found, schema)
    return [f"{found} -> {schema}"]


def installed_in(connection: sqlalchemy.Connection, schema: str) -> str | None:
    """The schema that Palate's tables are in: this one, else the one of earlier versions."""
    schemas = {"schemas": [schema, _FORMER_SCHEMA]}
    found: str | None = connection.execute(_statements["installed_in"], schemas).scalar()
    return found


def move(connection: sqlalchemy.Connection, source: str, target: str) -> None:
    """Move every object of Palate's from one schema to another."""
    target = Identifier(target).as_string(None)
    # Functions first: those that take a row name its table's type, where it still is.
    for own in sorted(find_own(connection, source), key=lambda one: one.kind != "FUNCTION"):
        run_script(connection, f"ALTER {own} SET SCHEMA {target}")


def drop_former(connection: sqlalchemy.Connection, schema: str) -> None:
    """Drop what only earlier versions made."""
    for own in find_own(connection, schema):
        if own.former:
            run_script(connection, f"DROP {own}")


def describe(connection: sqlalchemy.Connection, schema: str, *, anew: bool) -> None:
    """Say of every object what it is, where some were made anew."""
    if anew:
        own = [one.oid for one in find_own(connection, schema)]
        connection.execute(_statements["make_comments"], {"own": own})


@dataclass(frozen=True)
class Addition:
    """What somebody put on an object of Palate's, as the statement that makes it again."""

    statement: str
    late: bool
    by_version: bool


def _places(connection: sqlalchemy.Connection, schema: str) -> dict[str, list[int]]:
    own = find_own(connection, schema)
    return {"catalogs": [one.catalog for one in own], "own": [one.oid for one in own]}


def additions(connection: sqlalchemy.Connection, schema: str) -> list[Addition]:
    """Grants, publications, policies, settings, triggers, indexes ... on Palate's objects, in the
    order in which they are made; Palate's own among them."""
    rows = connection.execute(_statements["additions"], _places(connection, schema))
    return [Addition(row.statement, row.late, row.by_version) for row in rows]


def columns(connection: sqlalchemy.Connection, schema: str) -> set[str]:
    """The columns of Palate's tables, by their full names."""
    rows = connection.execute(_statements["columns"], _places(connection, schema))
    return set(rows.scalars())


def make_roles(connection: sqlalchemy.Connection, database: Database) -> None:
    """Make Palate's roles where that is allowed, and give them what is Palate's."""
    own = find_own(connection, database.schema)
    connection.execute(
        _statements["make_roles"],
        {
            "objects": [str(one) for one in own],
            "strangers": [str(one) for one in own if one.owner != "palate_owner"],
            "embedded": database.server is not None,
        },
    )


def lacking(connection: sqlalchemy.Connection, schema: str) -> list[str]:
    """The statements that only an administrator may run, for people and their roles."""
    return list(connection.execute(_statements["lacking"], {"schema": schema}).scalars())
