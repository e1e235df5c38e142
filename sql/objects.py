"""What Palate makes in a database, by name: read from the scripts that make it.

Palate is a guest: whatever it grants, owns, moves or drops is one of these, never "all that this
schema holds".
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import sqlalchemy

from palate.statements import Statements

_ROOT = Path(__file__).parent
_statements = Statements(_ROOT / "statements" / "objects.sql")

_COMMENT = re.compile(r"--[^\n]*")
_MADE = re.compile(
    r"^(?: *(?=CREATE TYPE))?CREATE (?:OR REPLACE )?"
    r"(TABLE|MATERIALIZED VIEW|VIEW|SEQUENCE|TYPE|FUNCTION"
    r"|TEXT SEARCH DICTIONARY|TEXT SEARCH CONFIGURATION) (?:IF NOT EXISTS )?(\w+)",
    re.MULTILINE,
)
_BRACKET = re.compile(r"[()]")
_TWO_WORDS = ("double precision",)
_SHORT = re.compile(r"\btimestamptz\b")


@dataclass(frozen=True)
class Own:
    """One object that is there: ``kind`` and ``name`` as in ``ALTER kind name``, and its row in
    PostgreSQL's catalog.

    ``former``: earlier versions made it, this one does not. ``pinned``: a function that carries a
    search_path.
    """

    catalog: int
    oid: int
    kind: str
    name: str
    owner: str
    former: bool
    pinned: bool

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@cache
def names() -> tuple[tuple[str, str], ...]:
    """Kind and name of every object that this Palate makes, functions with the types they take."""
    scripts = [
        *sorted((_ROOT / "migrations" / "versions").glob("*.sql")),
        *sorted((_ROOT / "engines").glob("*.sql")),
        *sorted((_ROOT / "functions").glob("*.sql")),
    ]
    found = {("TABLE", "schema_version"): None}
    for script in scripts:
        found |= dict.fromkeys(made_by(script.read_text(encoding="utf-8")))
    return tuple(found)


@cache
def former_names() -> tuple[tuple[str, str], ...]:
    """Kind and name of what only earlier versions made: whoever changes what a function takes
    adds its line to former.txt."""
    lines = (_ROOT / "former.txt").read_text(encoding="utf-8").splitlines()
    listed = [("FUNCTION", _spelt_out(line)) for line in lines if line and not line.startswith("#")]
    return tuple(one for one in listed if one not in names())


def function_names(made: Iterable[tuple[str, str]]) -> list[str]:
    """The names of the functions among what is made, without the types they take."""
    return [name.partition("(")[0] for kind, name in made if kind == "FUNCTION"]


def find_own(connection: sqlalchemy.Connection, schema: str) -> list[Own]:
    """Those of Palate's objects that are in a schema."""
    kinds, called = zip(*names(), *former_names(), strict=True)
    rows = connection.execute(
        _statements["own"], {"schema": schema, "kinds": list(kinds), "names": list(called)}
    )
    return [
        Own(
            row.catalog,
            row.oid,
            row.kind,
            row.name,
            row.owner,
            row.place > len(names()),
            row.pinned,
        )
        for row in rows
    ]


def made_by(script: str) -> Iterator[tuple[str, str]]:
    """Kind and name of what a script makes."""
    script = _COMMENT.sub("", script)
    for made in _MADE.finditer(script):
        kind, name = made.groups()
        if kind == "FUNCTION":
            name += _spelt_out(f"({', '.join(_types(script, made.end()))})")
        yield kind, name


def _spelt_out(types: str) -> str:
    """Types by the names that the catalog gives them."""
    return _SHORT.sub("timestamp with time zone", types)


def _types(script: str, start: int) -> Iterator[str]:
    """The types of the arguments in the brackets that follow, without names, defaults, results."""
    depth, end = 0, start
    for bracket in _BRACKET.finditer(script, start):
        depth += 1 if bracket[0] == "(" else -1
        if depth == 0:
            end = bracket.start()
            break
    arguments = script[script.index("(", start) + 1 : end]
    for argument in filter(None, map(str.strip, re.split(r",(?![^(]*\))", arguments))):
        declared = re.split(r"\s+DEFAULT\s", argument)[0].split()
        if declared[0] == "OUT":
            continue
        named = len(declared) > 1 and " ".join(declared) not in _TWO_WORDS
        yield " ".join(declared[1:] if named else declared)
