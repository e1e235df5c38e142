"""Snippets: what of a film's title and overview the query found, marked.

Words are compared as searches compare them, folded and by their stems, so that `amelie` marks
Amélie and `strasse` Straße.
"""

import html
import re
from collections.abc import Iterator, Sequence

from rapidfuzz.distance import OSA
from sqlalchemy import Connection

from palate.contract import Hit
from palate.statements import Statements
from sql.syntax import (
    SEPARATORS,
    And,
    Boost,
    Fuzzy,
    Match,
    Node,
    Or,
    Phrase,
    Prefix,
    Words,
    split_words,
)
from sql.text import fold

_statements = Statements.beside(__file__, "words")

_TOKEN = re.compile(rf"({SEPARATORS})")
_FRAGMENTS = 2
_WORDS = 24
"""Fragments of an overview, and words in each."""


def with_snippets(connection: Connection, tree: Node, hits: list[Hit]) -> list[Hit]:
    """The hits with the parts of their texts that the query found, as HTML."""
    texts = [(hit.title, hit.overview or "") for hit in hits]
    words = {word for pair in texts for text in pair for word in split_words(text)}
    found_by = list(_found_by(tree))
    typed = [word for text in found_by if isinstance(text, str) for word in split_words(text)]
    rows = connection.execute(_statements["stems"], {"words": [*words, *typed]})
    stems = {row.word: row.stem for row in rows}
    wanted = {stems[word] for word in typed}
    close = [node for node in found_by if not isinstance(node, str)]
    marked = {
        word for word in words if stems[word] in wanted or any(_is_near(word, n) for n in close)
    }
    return [
        hit.model_copy(
            update={
                "snippets": {
                    "title": _mark(_TOKEN.split(title), marked),
                    "overview": _fragments(_TOKEN.split(overview), marked),
                }
            }
        )
        for hit, (title, overview) in zip(hits, texts, strict=True)
    ]


def _is_near(word: str, node: Prefix | Fuzzy) -> bool:
    plain, typed = fold(word).lower(), fold(node.text).lower()
    if isinstance(node, Prefix):
        return plain.startswith(typed)
    return OSA.distance(plain, typed) <= node.distance


def _mark(tokens: Sequence[str], marked: set[str]) -> str:
    """HTML: the tokens escaped, the found words in ``<mark>``."""
    return "".join(
        f"<mark>{html.escape(token, quote=False)}</mark>"
        if token in marked
        else html.escape(token, quote=False)
        for token in tokens
    )


def _fragments(tokens: Sequence[str], marked: set[str]) -> str:
    """The parts of a text with the most found words; its beginning, where it has none."""
    span = 2 * _WORDS  # words and what stands between them
    starts: list[int] = []
    for place, token in enumerate(tokens):
        if token in marked and (not starts or place >= starts[-1] + span):
            starts.append(max(place - span // 4, starts[-1] + span if starts else 0))
    parts = [tokens[start : start + span] for start in starts[:_FRAGMENTS] or [0]]
    return " … ".join(_mark(part, marked).strip() for part in parts)


def _found_by(tree: Node) -> Iterator[str | Prefix | Fuzzy]:
    """The texts that a film may have been found by; nothing below a NOT."""
    match tree:
        case Words(items):
            for item in items:
                yield item if isinstance(item, str) else item.text
        case Match(_, text) | Phrase(_, text):
            yield text
        case Prefix() | Fuzzy():
            yield tree
        case And(nodes, optional):
            for node in (*nodes, *optional):
                yield from _found_by(node)
        case Or(nodes):
            for node in nodes:
                yield from _found_by(node)
        case Boost(node):
            yield from _found_by(node)
