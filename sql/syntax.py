"""The syntax tree of a query: what is asked, in no engine's words.

`search.query` makes trees from text, `sql.engines` compile them. Trees are plain frozen values,
so they can be built by hand: ``And((Words(("lord",)), Filter(Range("year", 2000, None))))``.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal["text", "literal", "number"]


@dataclass(frozen=True, slots=True)
class Field:
    """A searchable column. ``boost`` is its weight for bare words; None: not searched by them.

    ``text`` fields are split into words; a ``literal`` is matched as a whole, in any case;
    ``number`` fields take numbers and ranges. An ``identifier`` names one film, so matching it
    scores; other numbers are filters. Numbers are not negative and below ``10 ** digits``,
    counted in units of ``10 ** -decimals``.
    """

    name: str
    kind: Kind
    boost: float | None = None
    identifier: bool = False
    digits: int = 0
    decimals: int = 0


class Fields(dict[str, Field]):
    """Searchable fields by name. ``bare``: where bare words are searched, and what each counts."""

    def __init__(self, fields: Iterable[Field]) -> None:
        super().__init__((field.name, field) for field in fields)
        self.bare = {field.name: field.boost for field in self.values() if field.boost is not None}

    def __missing__(self, name: str) -> Field:
        """One that was taken away since the query was read: nothing is found in it."""
        return Field(name, "literal")


FIELDS = Fields(
    (
        Field("title", "text", boost=3.0),
        Field("original_title", "text", boost=2.0),
        Field("director", "text", boost=1.5),
        Field("actors", "text", boost=1.5),
        Field("keywords", "text", boost=1.0),
        Field("genres", "literal", boost=1.0),
        Field("overview", "text", boost=1.0),
        Field("year", "number", digits=4),
        Field("avg_rating", "number", digits=7, decimals=6),
        Field("rating_count", "number", digits=10),
        Field("runtime_minutes", "number", digits=4),
        Field("imdb_id", "literal", identifier=True),
        Field("tmdb_id", "number", identifier=True, digits=19),
        Field("movie_id", "number", identifier=True, digits=19),
        Field("sentiment", "literal"),
        Field("budget_tier", "literal"),
        Field("revenue_tier", "literal"),
        Field("target_audience", "literal"),
        Field("effectiveness", "number", digits=4, decimals=2),
    )
)
"""Those that every database has; an engine knows those of its own database, too."""

TIE_BREAKER = 0.1
"""What a bare word's other fields add to its best one."""

_STOP_WORDS = "a an and are as at be by for from in is not of on or that the this to was with"
STOP_WORDS = frozenset(_STOP_WORDS.split())
"""Bare words that are dropped while others remain: they find nearly everything, slowly."""

SEPARATORS = (
    r"[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8"
    r"\u00bb-\u00bf\u00d7\u00f7\u2000-\u206f\u20a0-\u20cf\u2190-\u245f\u2500-\u2bff"
    r"\u2e00-\u2e7f\u3000-\u3004\u3008-\u3020\u3030\u303d-\u303f\u30fb\ue000-\uf8ff"
    r"\ufe00-\ufe6f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65\uffe0-\uffff"
    r"\U0001f000-\U0001faff\U000e0000-\U0010ffff]+"
)
"""What stands between words: the same pattern in Python and in PostgreSQL, in any locale."""

_SEPARATORS = re.compile(SEPARATORS)


def split_words(text: str) -> tuple[str, ...]:
    """The words of a text, as typed. They hold no punctuation: ``it's`` is ``it`` and ``s``."""
    return tuple(word for word in _SEPARATORS.split(text) if word)


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that follow each other. ``slop``: positions they may be moved by in all.

    ``field`` None: in any of those of bare words.
    """

    field: str | None
    text: str
    slop: int = 0


@dataclass(frozen=True, slots=True)
class Words:
    """Bare words and phrases, each in its best field: all needed, or any of them."""

    items: tuple[str | Phrase, ...]
    all: bool = True


@dataclass(frozen=True, slots=True)
class Match:
    """The words of a text in one field: any of them, or all."""

    field: str
    text: str
    all: bool = False


@dataclass(frozen=True, slots=True)
class Prefix:
    """A word that begins so. It is held against word stems as they are indexed."""

    field: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Fuzzy:
    """A word at most ``distance`` (1 or 2) typing mistakes away; swapped letters are one."""

    field: str | None
    text: str
    distance: int = 1


@dataclass(frozen=True, slots=True)
class Range:
    """A number between bounds; None: open on that side. A film without the number is outside."""

    field: str
    low: float | None
    high: float | None
    include_low: bool = True
    include_high: bool = True


@dataclass(frozen=True, slots=True)
class Ids:
    """These films. It finds and does not score."""

    movie_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class All:
    """Every film."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """No film."""


@dataclass(frozen=True, slots=True)
class And:
    """All of ``nodes``; what of ``optional`` matches adds to the score."""

    nodes: "tuple[Node, ...]"
    optional: "tuple[Node, ...]" = ()


@dataclass(frozen=True, slots=True)
class Or:
    """Any of the nodes. ``synonymous``: they are one query in other words."""

    nodes: "tuple[Node, ...]"
    synonymous: bool = False


@dataclass(frozen=True, slots=True)
class Not:
    """Films that the node does not match."""

    node: "Node"


@dataclass(frozen=True, slots=True)
class Boost:
    """The node, its score multiplied."""

    node: "Node"
    factor: float


@dataclass(frozen=True, slots=True)
class Filter:
    """The node, without score."""

    node: "Node"


Node = (
    Words | Phrase | Match | Prefix | Fuzzy | Range | Ids | All | Nothing | And | Or | Not
    | Boost | Filter
)  # fmt: skip


def loosen(tree: Node) -> Node | None:
    """The same query with any of its bare words instead of all; None where that is no other."""
    if isinstance(tree, Words):
        return replace(tree, all=False) if tree.all and len(tree.items) > 1 else None
    if isinstance(tree, Boost):
        inner = loosen(tree.node)
        return None if inner is None else replace(tree, node=inner)
    if isinstance(tree, And) or (isinstance(tree, Or) and tree.synonymous):
        nodes = tuple(loosen(node) or node for node in tree.nodes)
        return None if nodes == tree.nodes else replace(tree, nodes=nodes)
    return None


def walk(tree: Node) -> Iterator[Node]:
    """The node and everything below it, parents first."""
    stack: list[Node] = [tree]
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, And):
            stack.extend(reversed(node.nodes + node.optional))
        elif isinstance(node, Or):
            stack.extend(reversed(node.nodes))
        elif isinstance(node, Not | Boost | Filter):
            stack.append(node.node)


def describe(tree: Node) -> str:
    """The tree in the query language: what was understood."""
    return _describe(tree, top=True)


def _describe(tree: Node, top: bool = False) -> str:
    match tree:
        case Words(items, every):
            parts = [item if isinstance(item, str) else _describe(item) for item in items]
            joined = (" AND " if every else " OR ").join(parts)
            return joined if top or len(parts) == 1 else f"({joined})"
        case And(nodes, optional):
            return _describe_and(nodes, optional, top)
        case Or(nodes):
            joined = " OR ".join(_describe(node) for node in nodes)
            return joined if top or len(nodes) == 1 else f"({joined})"
        case Not(node):
            return f"NOT {_describe(node)}"
        case Boost(node, factor):
            return f"{_describe(node)}^{factor:g}"
        case Filter(node):
            return _describe(node, top)
        case All():
            return "*"
        case Nothing():
            return "(nothing)"
        case _:
            return _describe_leaf(tree)


def _describe_and(nodes: tuple[Node, ...], optional: tuple[Node, ...], top: bool) -> str:
    if optional:
        return _describe_optional(nodes, optional)
    joined = " AND ".join(_describe(node) for node in nodes)
    return joined if top or len(nodes) == 1 else f"({joined})"


def _describe_optional(nodes: tuple[Node, ...], optional: tuple[Node, ...]) -> str:
    """Optional clauses exist in groups of one field only: ``title:(+lord -rings king)``."""
    parts = [f"-{_describe(n.node)}" if isinstance(n, Not) else f"+{_describe(n)}" for n in nodes]
    parts += [_describe(node) for node in optional]
    field, _, _ = _describe(optional[0]).partition(":")
    return f"{field}:({' '.join(part.replace(f'{field}:', '', 1) for part in parts)})"


def _describe_leaf(tree: Phrase | Match | Prefix | Fuzzy | Range | Ids) -> str:
    match tree:
        case Ids(movie_ids):
            return f"movie_id:({' OR '.join(map(str, movie_ids))})"
        case Range():
            return _describe_range(tree)
        case Phrase(_, text, slop):
            shown = f'"{text}"' + (f"~{slop}" if slop else "")
        case Match():
            shown = _describe_match(tree)
        case Prefix(_, text):
            shown = f"{text}*"
        case Fuzzy(_, text, distance):
            shown = f"{text}~{distance}"
    return shown if tree.field is None else f"{tree.field}:{shown}"


def _describe_match(tree: Match) -> str:
    words = split_words(tree.text)
    known = FIELDS.get(tree.field)  # of others, several words of a text are all needed
    if known.kind != "text" if known else not tree.all:
        return f'"{tree.text}"' if len(words) > 1 and " " in tree.text else tree.text
    if len(words) > 1:
        return f"({' '.join(f'+{word}' if tree.all else word for word in words)})"
    return tree.text


def _describe_range(tree: Range) -> str:
    low = "*" if tree.low is None else f"{tree.low:.15g}"
    high = "*" if tree.high is None else f"{tree.high:.15g}"
    if low == high:
        return f"{tree.field}:{low}"
    opening, closing = "[" if tree.include_low else "{", "]" if tree.include_high else "}"
    return f"{tree.field}:{opening}{low} TO {high}{closing}"
