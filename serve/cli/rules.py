"""`palate rules`: synonyms, films pinned or hidden, and the file that rules recommendations."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from palate.contract import Rules
from palate.errors import MisuseError
from rerank.business import BusinessRules, RulesFile
from search.rules import parse_rules, read_rules, write_rules
from serve.cli.options import Json
from serve.cli.output import examples, present, print_json, say
from serve.cli.session import session
from serve.cli.tables import print_table
from serve.cli.text import count

app = typer.Typer(
    no_args_is_help=True, help="Synonyms, films pinned or hidden, and what rules recommendations."
)

_LARGEST = 1_000_000


@app.command(epilog=examples("palate rules show", "palate rules show --json > rules.json"))
def show(context: typer.Context, json: Json = False) -> None:
    """Show the rules in effect; as JSON they are what load reads."""
    with session(context).database() as database:
        present(read_rules(database), _print, json=json)


def _print(rules: Rules) -> None:
    print_table(
        rules.synonyms,
        ("typed", lambda each: each.phrase),
        ("searched for as well", lambda each: each.other),
        ("both ways", lambda each: "yes" if each.both_ways else "no"),
    )
    print_table(
        rules.pins,
        ("typed", lambda each: each.query),
        ("film>", lambda each: each.movie_id),
        ("place>", lambda each: "hidden" if each.place is None else each.place),
    )


@app.command(epilog=examples("palate rules schema > rules.schema.json"))
def schema() -> None:
    """Print the JSON schema of PALATE_RULES_FILE, which rules recommendations."""
    print_json(BusinessRules.model_json_schema())


@app.command(epilog=examples("palate rules check business.json"))
def check(
    file: Annotated[Path, typer.Argument(help="JSON, as `palate rules schema` describes it.")],
) -> None:
    """Look whether a file can be PALATE_RULES_FILE."""
    found = RulesFile(file).current()
    say(f"{file} has {count(len(found.rules), 'rule')} and can be used.")


@app.command(epilog=examples("palate rules load rules.json", "palate rules load -"))
def load(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="JSON, as `palate rules show --json` prints it.")],
    json: Json = False,
) -> None:
    """Put a file's rules in place of all that are there. They hold from the next search on."""
    try:
        text = sys.stdin.read(_LARGEST) if str(file) == "-" else file.read_text("utf-8")[:_LARGEST]
    except (OSError, UnicodeDecodeError) as error:
        raise MisuseError(f"{file} cannot be read ({error}). Nothing was changed.") from error
    with session(context).database() as database:
        rules = write_rules(database, parse_rules(text))
    if json:
        print_json(rules)
    else:
        say(f"{len(rules.synonyms)} synonyms, {len(rules.pins)} films pinned or hidden.")
