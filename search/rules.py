"""What an operator says of searches: synonyms, and films that a query shows first or never."""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from pydantic import ValidationError
from sqlalchemy import Connection

from palate.contract import Pin, Rules, Synonym
from palate.errors import MisuseError
from palate.statements import Statements
from palate.text import first_wrong
from search.query import UNSENDABLE, ParsedQuery
from search.titles import typed_words
from sql.database import Database
from sql.syntax import Or, Words, describe

_statements = Statements.beside(__file__, "rules")

_SECONDS_KEPT = 1.0
_MOST_TEXTS = 5
"""Texts that are searched for instead of one, by synonyms."""


def parse_rules(text: str) -> Rules:
    """Rules as a file has them, JSON. Raises MisuseError, which says where it is wrong."""
    try:
        return Rules.model_validate(json.loads(text))
    except ValidationError as error:
        raise MisuseError(f"{first_wrong(error)}. Nothing was changed.") from error
    except ValueError as error:
        raise MisuseError(f"This is no JSON ({error}). Nothing was changed.") from error


def read_rules(database: Database) -> Rules:
    """The rules in effect. Raises DatabaseUnavailableError."""
    with database.read() as connection:
        synonyms = connection.execute(_statements["synonyms"]).mappings()
        pins = connection.execute(_statements["pins"]).mappings()
        return Rules(
            synonyms=tuple(Synonym(**row) for row in synonyms),
            pins=tuple(Pin(**row) for row in pins),
        )


def write_rules(database: Database, rules: Rules) -> Rules:
    """Put these rules in place of all that are there; they hold from the next search on.

    Raises MisuseError for rules that contradict each other or name films that are not there.
    """
    synonyms = [each.model_copy(update={
        "phrase": _plain(each.phrase), "other": _plain(each.other),
    }) for each in rules.synonyms]  # fmt: skip
    ids = sorted({str(pin.movie_id) for pin in rules.pins})
    with database.begin() as connection:
        found = {
            row.id: row.movie_id for row in connection.execute(_statements["known"], {"ids": ids})
        }
        if unknown := [each for each in ids if each not in found]:
            raise MisuseError(
                f"There is no film {', '.join(unknown)} to pin or hide. Nothing was changed."
            )
        pins = [each.model_copy(update={
            "query": _plain(each.query), "movie_id": found[str(each.movie_id)],
        }) for each in rules.pins]  # fmt: skip
        _check(synonyms, pins)
        connection.execute(_statements["clear_synonyms"])
        connection.execute(_statements["clear_pins"])
        if synonyms:
            connection.execute(_statements["add_synonym"], [each.model_dump() for each in synonyms])
        if pins:
            connection.execute(_statements["add_pin"], [each.model_dump() for each in pins])
    return read_rules(database)


def _plain(text: str) -> str:
    """A text as what is typed is compared. Raises MisuseError for one of nothing."""
    text = UNSENDABLE.sub(" ", text)
    plain = " ".join(typed_words(text)) or " ".join(text.lower().split())
    if not plain:
        raise MisuseError("A text of the rules is empty. Nothing was changed.")
    return plain


def _check(synonyms: Sequence[Synonym], pins: Sequence[Pin]) -> None:
    seen: set[tuple[str, str]] = set()
    for each in synonyms:
        if each.phrase == each.other:
            raise MisuseError(f"“{each.phrase}” stands for itself. Nothing was changed.")
        pairs = {(each.phrase, each.other)} | (
            {(each.other, each.phrase)} if each.both_ways else set()
        )
        if pairs & seen or (each.other, each.phrase) in seen:
            raise MisuseError(
                f"“{each.phrase}” and “{each.other}” are synonyms twice. Nothing was changed. Say "
                "it once, with both_ways where each stands for the other."
            )
        seen |= pairs
    asked = [(pin.query, pin.movie_id) for pin in pins]
    twice = next((one for one in asked if asked.count(one) > 1), None)
    if twice:
        raise MisuseError(f"“{twice[0]}” has film {twice[1]} twice. Nothing was changed.")


class Synonyms:
    """The synonyms in effect, read again after a second. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pairs: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = ()
        self._read_at = -_SECONDS_KEPT

    def expand(self, connection: Connection, parsed: ParsedQuery) -> ParsedQuery:
        """The query with what its words also mean, and a note that says so."""
        if not parsed.plain or not isinstance(parsed.tree, Words):
            return parsed
        words = tuple(typed_words(parsed.text))
        made = list(_variants(words, self._read(connection)))[:_MOST_TEXTS]
        if not made:
            return parsed
        others = tuple(Words(tuple(text)) for text, _ in made)
        tree = Or((parsed.tree, *others), synonymous=True)
        note = "Also searched for: " + ", ".join(f"{said}" for _, said in made) + " (synonyms)."
        return replace(parsed, tree=tree, read_as=describe(tree), notes=[*parsed.notes, note])

    def _read(self, connection: Connection) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
        with self._lock:
            due = time.monotonic() - self._read_at >= _SECONDS_KEPT
            if due:
                self._read_at = time.monotonic()
        if due:
            pairs = []
            for row in connection.execute(_statements["synonyms"]):
                one, other = tuple(row.phrase.split()), tuple(row.other.split())
                pairs += [(one, other), (other, one)] if row.both_ways else [(one, other)]
            self._pairs = tuple(pairs)
        return self._pairs


def _variants(
    words: tuple[str, ...], pairs: Sequence[tuple[tuple[str, ...], tuple[str, ...]]]
) -> Iterator[tuple[tuple[str, ...], str]]:
    """The words with each synonym in the place of what it stands for; and the synonym."""
    for phrase, other in pairs:
        for start in range(len(words) - len(phrase) + 1):
            if words[start : start + len(phrase)] == phrase:
                yield words[:start] + other + words[start + len(phrase) :], " ".join(other)
                break
