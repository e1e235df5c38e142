"""`palate fields`: fields of one's own."""

from typing import Annotated

from typer import Argument, Option

from ingest.names import KNOWN
from serve.cli.command import Migrated, command
from serve.cli.options import Yes
from serve.cli.output import Done, confirm, say
from serve.cli.tables import rows
from serve.cli.text import count
from sql.database import Database
from sql.own_fields import (
    TYPES,
    OwnField,
    add_field,
    list_fields,
    make_field,
    remove_field,
    type_of,
)

Name = Annotated[str, Argument(metavar="NAME", help="a-z, 0-9 and _, at most 40.")]


@command(
    "palate fields add country --type text[] --filter --facet",
    "palate fields add studio --search --boost 1.5",
    "palate fields add price --type numeric --filter",
)
def add(
    database: Migrated,
    name: Name,
    type: Annotated[str, Option(help=f"{', '.join(TYPES)}.")] = "text",
    filter: Annotated[
        bool, Option(help="Queries may ask for it: country:France, price:<10.")
    ] = False,
    facet: Annotated[bool, Option(help="Count its values with --facets.")] = False,
    search: Annotated[bool, Option(help="Plain words are looked for in it.")] = False,
    boost: Annotated[
        float | None,
        Option(min=0.01, max=100, help="What it counts: a title is 3, a keyword 1."),
    ] = None,
) -> Done:
    """Add a field, or use one that is there otherwise. Loads fill it from a column of its name."""
    field = make_field(
        name, type_of(type), filtered=filter, facet=facet, searched=search, boost=boost
    )
    new = add_field(database, field, KNOWN)
    said = (
        f"{'Added' if new else 'Changed'} {name} ({field.type}): {_uses(field)}. `palate ingest` "
        f"fills it from a column {name}, or --column {name}=YOURS."
    )
    return Done(field, said)


def _uses(field: OwnField) -> str:
    uses = []
    if field.boost is not None:
        uses.append(f"searched, boost {field.boost:g}")
    elif field.kind is not None:
        uses.append("filtered")
    if field.facet:
        uses.append("counted")
    return ", ".join(uses) or "kept and shown"


@command(
    "palate fields list",
    "palate fields list --json",
    name="list",
    show=rows("field=name", "type", ("for", _uses), "films>"),
    nothing="There are no fields of your own. `palate fields add --help`.",
)
def show(database: Database) -> list[OwnField]:
    """List your own fields, what they are for, and how many films say something in them."""
    return list_fields(database)


@command("palate fields remove country --yes")
def remove(database: Database, name: Name, yes: Yes = False) -> None:
    """Take a field away, with what films say in it."""
    films = {field.name: field.films for field in list_fields(database)}.get(name, 0)
    if films:
        confirm(f"Delete what {count(films, 'film')} say in {name}?", yes=yes)
    remove_field(database, name)
    say(f"Removed {name}, in which {count(films, 'film')} said something.")
