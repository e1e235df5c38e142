"""Snippets: what of a film's title and overview the query found, marked."""

import html
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection

from palate.contract import Hit
from palate.statements import Statements
from sql.syntax import And, Boost, Fuzzy, Match, Node, Or, Phrase, Prefix, Words

_statements = Statements(Path(__file__).parent / "statements" / "words.sql")

_MARK_START, _MARK_STOP = "\x02", "\x03"


def with_snippets(connection: Connection, tree: Node, hits: list[Hit]) -> list[Hit]:
    """The hits with the parts of their texts that the query found, as HTML."""
    rows = connection.execute(
        _statements["snippets"],
        {
            "words": list(_highlighted(tree)),
            "movie_ids": [hit.movie_id for hit in hits],
            "start": _MARK_START,
            "stop": _MARK_STOP,
        },
    )
    texts = {row.movie_id: row for row in rows}
    return [
        hit.model_copy(
            update={
                "snippets": {
                    "title": _mark(texts[hit.movie_id].title),
                    "overview": _mark(texts[hit.movie_id].overview),
                }
            }
        )
        if hit.movie_id in texts  # else it was deleted since it was found
        else hit
        for hit in hits
    ]


def _mark(text: str) -> str:
    """HTML: the text escaped, the found words in ``<mark>``."""
    escaped = html.escape(text, quote=False)
    return escaped.replace(_MARK_START, "<mark>").replace(_MARK_STOP, "</mark>")


def _highlighted(tree: Node) -> Iterator[str]:
    """The texts that a film may have been found by; nothing below a NOT."""
    match tree:
        case Words(items):
            for item in items:
                yield item if isinstance(item, str) else item.text
        case Match(_, text) | Phrase(_, text) | Prefix(_, text) | Fuzzy(_, text):
            yield text
        case And(nodes, optional):
            for node in (*nodes, *optional):
                yield from _highlighted(node)
        case Or(nodes):
            for node in nodes:
                yield from _highlighted(node)
        case Boost(node):
            yield from _highlighted(node)
