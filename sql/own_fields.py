"""Fields of one's own: kept with each film, filtered, searched and counted like Palate's."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from palate.errors import ConflictError, MisuseError, NotFoundError
from palate.statements import Statements
from sql.database import Database
from sql.known_fields import DIGITS, SECONDS_KEPT
from sql.syntax import FIELDS, Kind

Type = Literal["text", "text[]", "integer", "numeric", "boolean"]
TYPES: tuple[Type, ...] = get_args(Type)
_KNOWN_AS: Mapping[str, Type] = {
    "string": "text", "varchar": "text", "list": "text[]", "string[]": "text[]", "int": "integer",
    "bigint": "integer", "float": "numeric", "real": "numeric", "double": "numeric",
    "decimal": "numeric", "number": "numeric", "bool": "boolean",
}  # fmt: skip
MOST = 26
"""Fields that the index of the postgres engine has letters for."""

_statements = Statements.beside(__file__, "own_fields")


@dataclass(frozen=True)
class OwnField:
    """One: what queries make of it, and how many films say something in it."""

    name: str
    type: Type
    kind: Kind | None
    boost: float | None
    facet: bool
    films: int = 0


def read_types(database: Database) -> dict[str, Type]:
    """The type of each field of one's own."""
    with database.read() as connection:
        return {row.name: row.type for row in connection.execute(_statements["fields"])}


def list_fields(database: Database) -> list[OwnField]:
    """Every field of one's own, by name."""
    with database.read() as connection:
        films = {row.name: row.films for row in connection.execute(_statements["filled"])}
        found = connection.execute(_statements["fields"]).mappings()
        return [OwnField(**row, films=films.get(row["name"], 0)) for row in found]


def type_of(text: str) -> Type:
    """A type as it is typed. Raises MisuseError."""
    plain = text.strip().lower()
    for known in TYPES:
        if plain in (known, *(one for one, is_so in _KNOWN_AS.items() if is_so == known)):
            return known
    raise MisuseError(
        f"There is no type {text!r}. Nothing was changed. Types are {', '.join(TYPES)}; a date is "
        "kept as text, or as an integer such as 20260131."
    )


def make_field(
    name: str, type_: Type, *, filtered: bool, facet: bool, searched: bool, boost: float | None
) -> OwnField:
    """A field as it is asked for. Raises MisuseError for what cannot be."""
    if boost is not None and not searched:
        raise MisuseError("--boost is for fields that are searched. Nothing was changed. --search.")
    if searched and not type_.startswith("text"):
        raise MisuseError(
            f"Only texts are searched by words, and {name} is {type_}. Nothing was changed. Use "
            f"--filter: {name}:1, {name}:[1 TO 5]."
        )
    number = type_ in DIGITS
    kind: Kind | None = (
        "text" if searched else None if not filtered else "number" if number else "literal"
    )
    return OwnField(name, type_, kind, (boost or 1.0) if searched else None, facet)


def add_field(database: Database, field: OwnField, reserved: frozenset[str]) -> bool:
    """Add a field, or use one that is there otherwise; returns whether it is new.

    ``reserved`` are names that mean something else where films are loaded. Raises MisuseError for
    such a name, and ConflictError for a field that is there with another type.
    """
    if _is_taken(database, field.name, reserved):
        raise MisuseError(
            f"{field.name} is a field of Palate's already, or no name of a field. Nothing was "
            "changed. A name begins with a letter and is made of a-z, 0-9 and _, at most 40."
        )
    with database.begin(patient=True) as connection:
        connection.execute(_statements["lock"])
        there = {row.name: row.type for row in connection.execute(_statements["fields"])}
        if there.get(field.name, field.type) != field.type:
            raise ConflictError(
                f"{field.name} is there as {there[field.name]}. Nothing was changed. "
                f"`palate fields remove {field.name}` takes it away, with what films say in it."
            )
        if field.name not in there and len(there) == MOST:
            raise ConflictError(
                f"There are {MOST} fields, which is all there may be. Nothing was changed. "
                "`palate fields remove` takes one away."
            )
        connection.execute(_statements["add"], {
            "name": field.name, "type": field.type, "kind": field.kind, "boost": field.boost,
            "facet": field.facet,
        })  # fmt: skip
        connection.execute(_statements["index"])
    return field.name not in there


def remove_field(database: Database, name: str) -> None:
    """Take a field away, with what films say in it. Raises NotFoundError.

    Where searches name every field, as on ParadeDB, those that run have to forget it first.
    """
    with database.begin(patient=True) as connection:
        if not connection.execute(_statements["retire"], {"name": name}).rowcount:
            raise NotFoundError(f"There is no field {name} of your own. `palate fields list`.")
    if database.search_engine.name == "paradedb":
        time.sleep(SECONDS_KEPT + 1)
    with database.begin(patient=True) as connection:
        connection.execute(_statements["lock"])
        connection.execute(_statements["remove"], {"name": name})
        connection.execute(_statements["empty"], {"name": name})
        connection.execute(_statements["index"])


def _is_taken(database: Database, name: str, reserved: frozenset[str]) -> bool:
    proper = name.replace("_", "a").isalnum() and name.isascii() and name.lower() == name
    if not proper or not name[0].isalpha() or len(name) > 40 or name in reserved | set(FIELDS):
        return True
    with database.read() as connection:
        return bool(connection.execute(_statements["taken"], {"name": name}).scalar_one())
