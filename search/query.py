"""Text that people type, read into a syntax tree.

Plain words and "phrases" never meet the grammar. Everything else is parsed by luqum, and what it
cannot parse is searched as words: typing never fails unless it is asked to (``strict``).
"""

import html
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

import luqum.parser
from luqum.exceptions import ParseError
from luqum.tree import Item

from palate.errors import QuerySyntaxError
from search.grammar import Reader, UnreadableError, bare_phrase, drop_stop_words
from search.limits import LIMITS, Limits
from sql.syntax import (
    FIELDS,
    SEPARATORS,
    And,
    Boost,
    Fields,
    Fuzzy,
    Match,
    Node,
    Nothing,
    Or,
    Phrase,
    Words,
    describe,
    split_words,
)  # fmt: skip

_PLAIN = re.compile(rf'"([^"]*)"|((?:(?!{SEPARATORS[:-1]}).)+)', re.DOTALL)
UNSENDABLE = re.compile("[\x00\ud800-\udfff]")
_SMALL = re.compile("[a-z]")
_OPERATORS = re.compile(r"(?<![A-Za-z0-9_])(?:AND|OR|NOT|TO)(?![A-Za-z0-9_])")
_LEAD = re.compile(
    r"^\s*(?:(?:find|show|give|recommend)(?: me)? )?(?:(?:a|an|some|any|good|great|the best) )*"
    r"(?:movies?|films?) (?:with|about|where|in which|set in|starring|featuring) (?=\S)"
    r"|(?<=\w\w)(?<!^the)(?<!^an)\s+(?:movies|films)\s*$",
    re.IGNORECASE,
)
_ENTITY = re.compile(
    r"&(?:amp|quot|apos|[lr]squo|nbsp|#39|#x27|#8217);"
)  # as pages that texts are copied from have them
_ENCODED = re.compile(r"\S*%[0-9A-Fa-f]{2}\S*")  # as addresses have them
_QUOTES = str.maketrans("“”„", '"""')

# Punctuation that the grammar would trip over: "a - b", "Mission: Impossible", 'quoted', C:\films.
_LONE_SIGN = re.compile(r"(?<!\S)[+-]+(?=\s|$)|(?<!\S)'+|\\(?=\w)")
_POSITION = re.compile(r"position (\d+)")


class _Patterns(NamedTuple):
    """What of a text is more than words, where fields have these names."""

    operator: re.Pattern[str]
    field_name: re.Pattern[str]
    lone_colon: re.Pattern[str]


@lru_cache(maxsize=64)
def _patterns(names: tuple[str, ...]) -> _Patterns:
    field = "|".join(names)
    return _Patterns(
        re.compile(
            rf"[(){{}}\[\]^~*<>\\]|:(?=\S)|(?<!\S)(?:{field})\s*:|(?<!\S)[+-](?=\S)"
            r"|(?<!\S)(?:AND|OR|NOT)(?!\S)"
        ),
        re.compile(rf"(?<!\w)(?:{field})\s*:"),
        re.compile(rf"(?<!\w)(?!(?:{field}):)(\w+):(?=\s|$)"),
    )


@dataclass(frozen=True, slots=True)
class ParsedQuery:
    """A query as it was understood.

    ``read_as`` is the tree in the query language, ``notes`` say where it differs from what was
    typed, ``plain_words`` are the words looked for in texts (for snippets and spelling), ``typed``
    is what may be a film's title, and ``plain`` is true of a text of words and "phrases" alone.
    """

    tree: Node
    text: str
    read_as: str
    notes: list[str]
    plain_words: list[str]
    typed: str | None = None
    plain: bool = False


def parse(
    text: str, *, strict: bool = False, limits: Limits = LIMITS, fields: Fields = FIELDS
) -> ParsedQuery:
    """Read a query. Never fails unless ``strict``.

    Args:
        text: what was typed.
        strict: refuse what would otherwise be read differently than it is written.
        limits: how much of it is read; past them it is searched as words, and a note says which.
        fields: those of the database.

    Raises:
        QuerySyntaxError: in strict mode only, with the position of the first fault.
    """
    notes: list[str] = []
    query = _ENTITY.sub(lambda found: html.unescape(found[0]), UNSENDABLE.sub(" ", text))
    if _ENCODED.fullmatch(query):
        query = UNSENDABLE.sub(" ", unquote(query))
    query = unicodedata.normalize("NFC", query).translate(_QUOTES)
    if not _SMALL.search(query) and re.search("[A-Z]", _OPERATORS.sub("", query)):
        # In a text all in capitals, AND is a word of it.
        query = _OPERATORS.sub(lambda found: found[0].lower(), query)
    if len(query) > limits.max_query_length:
        if strict:
            raise _refused(
                f"The query is longer than {limits.max_query_length} characters",
                limits.max_query_length,
            )
        notes.append(f"Only the first {limits.max_query_length} characters were read.")
        query = query[: limits.max_query_length]
    plain = not _patterns(tuple(fields)).operator.search(query)
    try:
        tree = _read(query, strict, limits, fields, notes)
    except UnreadableError as error:
        plain = True
        if strict:
            raise _refused(str(error), error.position) from error
        notes.append(f"{error}: searched as words.")
        tree = _as_words(_patterns(tuple(fields)).field_name.sub(" ", query), limits, notes)
    if query.count('"') % 2 and not notes:
        notes.append("A quotation mark is not closed.")
    if isinstance(tree, Nothing) and not notes:
        notes.append("The query has no words. * finds every film.")
    return ParsedQuery(tree, text, describe(tree), notes, _plain_words(tree, fields), query, plain)


def _refused(reason: str, position: int) -> QuerySyntaxError:
    return QuerySyntaxError(
        f"{reason} (at character {position}). Nothing was searched. "
        "Correct it, or leave strict mode to have it read as words.",
        position,
    )


def _read(query: str, strict: bool, limits: Limits, fields: Fields, notes: list[str]) -> Node:
    patterns = _patterns(tuple(fields))
    if not patterns.operator.search(query):
        if strict and query.count('"') % 2:
            raise UnreadableError("A quotation mark is not closed", query.rindex('"'))
        # "movies with robots in space", "robot movies": what is asked for is the rest.
        return _as_words(_LEAD.sub("", query), limits, notes, strict)
    if not strict:
        query = _LONE_SIGN.sub(_blank, query)
        query = patterns.lone_colon.sub(r"\1 ", query)
    reader = Reader(strict, limits, fields)
    tree = reader.read(_luqum(query))
    notes += reader.notes
    return tree


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])


def _luqum(query: str) -> Item:
    """luqum's tree. The lexer keeps state, also after errors: each parse gets its own."""
    try:
        return luqum.parser.parser.parse(query, lexer=luqum.parser.lexer.clone())
    except ParseError as error:
        found = _POSITION.search(str(error))
        position = int(found[1]) if found else len(query)
        raise UnreadableError("The query cannot be parsed", position) from error
    except (ArithmeticError, ValueError) as error:
        raise UnreadableError("A number cannot be read", 0) from error
    except RecursionError as error:
        raise UnreadableError("It is nested too deeply", 0) from error


def _as_words(query: str, limits: Limits, notes: list[str], strict: bool = False) -> Node:
    """All words and "phrases" of a text, needed together."""
    items: list[str | Phrase] = []
    phrases, most, most_words = 0, limits.max_query_phrases, limits.max_clause_words
    for found in _PLAIN.finditer(query):
        item = found[2] or bare_phrase(found[1])
        read: list[str | Phrase] = [item] if item else []
        if isinstance(item, Phrase):
            phrases += 1
            words = split_words(item.text)
            if phrases > most or len(words) > most_words:
                which = f"{most} phrases of up to {most_words} words"
                _pass_over(which, found.start(), notes, strict)
                read = list(words)
        if len(items) + len(read) > limits.max_query_clauses:
            _pass_over(f"{limits.max_query_clauses} words", found.start(), notes, strict)
            items += read[: limits.max_query_clauses - len(items)]
            break
        items += read
    return Words(drop_stop_words(items)) if items else Nothing()


def _pass_over(which: str, position: int, notes: list[str], strict: bool) -> None:
    """Say what of the query is read. Raises UnreadableError in strict mode."""
    if strict:
        raise UnreadableError(f"It has more than {which}", position)
    note = f"Only the first {which} were read."
    if note not in notes:
        notes.append(note)


def _plain_words(tree: Node, fields: Fields) -> list[str]:
    words = dict.fromkeys(_positive_words([tree], fields))
    return list(words)


def _positive_words(nodes: Iterable[Node | str], fields: Fields) -> Iterable[str]:
    for node in nodes:
        match node:
            case str():
                yield node
            case Words(items):
                yield from _positive_words(items, fields)
            case And(needed, optional):
                yield from _positive_words(needed + optional, fields)
            case Or(nodes=choices):
                yield from _positive_words(choices, fields)
            case Boost(inner):
                yield from _positive_words([inner], fields)
            case Phrase(name, text) | Match(name, text) | Fuzzy(name, text):
                if name is None or fields[name].kind == "text":
                    yield from split_words(text)
            case _:
                pass
