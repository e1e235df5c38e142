"""`palate rules`: synonyms, films pinned or hidden, and the file that rules recommendations."""

import sys
from pathlib import Path
from typing import Annotated

from typer import Argument

from palate.contract import Rules
from palate.errors import MisuseError
from rerank.business import BusinessRules, RulesFile
from search.rules import parse_rules, read_rules, write_rules
from serve.cli.command import command
from serve.cli.output import Done, print_json, say
from serve.cli.tables import print_table
from serve.cli.text import count
from sql.database import Database

_LARGEST = 1_000_000


def _print(rules: Rules) -> None:
    print_table(
        rules.synonyms,
        "typed=phrase",
        "searched for as well=other",
        ("both ways", lambda each: "yes" if each.both_ways else "no"),
    )
    place = ("place>", lambda each: "hidden" if each.place is None else each.place)
    print_table(rules.pins, "typed=query", "film>=movie_id", place)


@command("palate rules show", "palate rules show --json > rules.json", show=_print)
def show(database: Database) -> Rules:
    """Show the rules in effect; as JSON they are what load reads."""
    return read_rules(database)


@command("palate rules schema > rules.schema.json")
def schema() -> None:
    """Print the JSON schema of PALATE_RULES_FILE, which rules recommendations."""
    print_json(BusinessRules.model_json_schema())


@command("palate rules check business.json")
def check(
    file: Annotated[Path, Argument(help="JSON, as `palate rules schema` describes it.")],
) -> None:
    """Look whether a file can be PALATE_RULES_FILE."""
    found = RulesFile(file).current()
    say(f"{file} has {count(len(found.rules), 'rule')} and can be used.")


@command("palate rules load rules.json", "palate rules load -")
def load(
    database: Database,
    file: Annotated[Path, Argument(help="JSON, as `palate rules show --json` prints it.")],
) -> Done:
    """Put a file's rules in place of all that are there. They hold from the next search on."""
    try:
        text = sys.stdin.read(_LARGEST) if str(file) == "-" else file.read_text("utf-8")[:_LARGEST]
    except (OSError, UnicodeDecodeError) as error:
        raise MisuseError(f"{file} cannot be read ({error}). Nothing was changed.") from error
    rules = write_rules(database, parse_rules(text))
    said = f"{len(rules.synonyms)} synonyms, {len(rules.pins)} films pinned or hidden."
    return Done(rules, said)
