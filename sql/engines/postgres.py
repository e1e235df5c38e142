"""Trees to the jsonb of our own search functions in PostgreSQL.

The query is ``{"words": [...], "match": [...]}``. A word is raw text with the fields it is looked
up in and what each counts; ``match`` is the boolean over the words' numbers in infix order, such
as ``["(", 0, "&", 1, ")", "&", "!", 2]``. Stems are made in SQL, where the index makes them.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy

from palate.statements import Statements
from sql.engines import CompiledQuery
from sql.engines.indexed_words import Lexemes
from sql.syntax import (
    FIELDS,
    TIE_BREAKER,
    All,
    And,
    Boost,
    Field,
    Fields,
    Filter,
    Fuzzy,
    Ids,
    Match,
    Node,
    Not,
    Nothing,
    Or,
    Phrase,
    Prefix,
    Range,
    Words,
    loosen,
    split_words,
)  # fmt: skip

Json = dict[str, Any]
Token = str | int

_statements = Statements(Path(__file__).parents[1] / "statements" / "completeness.sql")

PREFIX_SCORE = 1.0
FUZZY_SCORE = 0.5
CONSTANT_SCORE = 1.0
"""ParadeDB's scores of a prefix, of a fuzzy word and of every film."""

_MOST_ARRANGEMENTS = 64
_MOST = 2**63 - 1
_ID_DIGITS = FIELDS["movie_id"].digits


@dataclass(frozen=True)
class Postgres:
    """Exact BM25 in SQL over our own inverted table."""

    lexemes: Lexemes
    own: Callable[[], Fields] = lambda: FIELDS
    """Which fields the database has at the moment."""
    name: str = "postgres"
    slow_after_writes: bool = False

    @property
    def fields(self) -> Fields:
        return self.own()

    def compile(self, tree: Node) -> CompiledQuery:
        """The jsonb that search_candidates takes. A fuzzy word may read the vocabulary."""
        loose = loosen(tree)
        return CompiledQuery(self._compile(tree), None if loose is None else self._compile(loose))

    def missing(self, connection: sqlalchemy.Connection) -> int:
        """How many films the index lacks: none, unless triggers were off."""
        return int(connection.execute(_statements["postgres_missing"]).scalar_one())

    def rebuild(self, connection: sqlalchemy.Connection) -> None:
        """Make the index again from the films, and clear the old one away."""
        connection.execute(_statements["postgres_rebuild"])
        connection.execute(_statements["postgres_clear"])

    def faults(self, connection: sqlalchemy.Connection) -> list[str]:  # noqa: ARG002
        """PostgreSQL's own tables and indexes: nothing of ours to verify."""
        return []

    def lacks(self, connection: sqlalchemy.Connection) -> list[str]:  # noqa: ARG002
        """Nothing: it is this Palate's."""
        return []

    def _compile(self, tree: Node) -> Json:
        compilation = _Compilation(self.lexemes, self.fields)
        match = compilation.match(tree, _Context())
        query: Json = {"words": compilation.words, "match": match}
        if isinstance(tree, All | Not):
            query["base"] = CONSTANT_SCORE
        return query


@dataclass(frozen=True)
class _Context:
    """Where a node stands: its boost, whether it scores, and whether it has to match."""

    boost: float = 1.0
    scores: bool = True
    required: bool = True

    def filtering(self) -> "_Context":
        return _Context(self.boost, False, self.required)

    def boosted(self, factor: float) -> "_Context":
        return _Context(self.boost * factor, self.scores, self.required)

    def choice(self) -> "_Context":
        return _Context(self.boost, self.scores, False)


@dataclass
class _Compilation:
    lexemes: Lexemes
    fields: Fields
    words: list[Json] = field(default_factory=list)

    def match(self, tree: Node, context: _Context) -> list[Token]:
        """Add the tree's words and return its match."""
        match tree:
            case Words(items, every):
                nodes = tuple(_Bare(item) for item in items)
                return self._all(nodes, context) if every else self._any(nodes, context)
            case And(nodes, optional):
                tokens = self._all(nodes, context)
                first = len(self.words)
                for node in optional:
                    self.match(node, context.choice())
                if not context.required and context.scores:
                    self._score_only_when(tokens, first)
                return tokens
            case Or(nodes):
                return self._any(nodes, context)
            case Not(node):
                return ["!", *self.match(node, context.filtering())]
            case Boost(node, factor):
                return self.match(node, context.boosted(factor))
            case Filter(node):
                return self.match(node, context.filtering())
            case All():
                return ["*"]
            case Nothing():
                return ["-"]
            case Ids(movie_ids):
                return [self._word(_ids(movie_ids), context.filtering())]
            case _:
                return [self._word(_leaf(tree, self.lexemes, self.fields), context)]

    def _all(self, nodes: "Sequence[Node | _Bare]", context: _Context) -> list[Token]:
        if len(nodes) == 1:
            return self._node(nodes[0], context)
        first = len(self.words)
        tokens = _join("&", [self._node(node, context) for node in nodes])
        if not context.required and context.scores:
            self._score_only_when(tokens, first)
        return tokens

    def _any(self, nodes: "Sequence[Node | _Bare]", context: _Context) -> list[Token]:
        if len(nodes) == 1:
            return self._node(nodes[0], context)
        return _join("|", [self._node(node, context.choice()) for node in nodes])

    def _node(self, node: "Node | _Bare", context: _Context) -> list[Token]:
        if isinstance(node, _Bare):
            return [self._word(_bare(node.item, self.fields), context)]
        return self.match(node, context)

    def _score_only_when(self, tokens: list[Token], first: int) -> None:
        """Words added by a conjunction inside a choice count only where all of it matches."""
        for word in self.words[first:]:
            when = word.get("when")
            word["when"] = tokens if when is None else ["(", *tokens, ")", "&", "(", *when, ")"]

    def _word(self, word: Json, context: _Context) -> int:
        if not context.scores:
            word["scores"] = False
        if context.boost != 1:
            word["boost"] = context.boost
        self.words.append(word)
        return len(self.words) - 1


@dataclass(frozen=True)
class _Bare:
    item: str | Phrase


def _join(operator: str, parts: list[list[Token]]) -> list[Token]:
    if not parts:
        return ["*"] if operator == "&" else ["-"]
    tokens: list[Token] = ["("]
    for number, part in enumerate(parts):
        tokens += [operator, *part] if number else part
    return [*tokens, ")"]


def _bare(item: str | Phrase, fields: Fields) -> Json:
    if isinstance(item, Phrase):
        return _phrase(item, fields)
    return {"kind": "match", "text": item, **_places(None, fields)}


def _places(name: str | None, fields: Fields) -> Json:
    if name is None:
        return {"fields": fields.bare, "tie": TIE_BREAKER}
    return {"fields": {name: 1.0}}


def _leaf(tree: Match | Phrase | Prefix | Fuzzy | Range, lexemes: Lexemes, fields: Fields) -> Json:
    match tree:
        case Match(name, text, every):
            word: Json = {"kind": "match", "text": text, **_places(name, fields)}
            return {**word, "any": True} if not every and len(split_words(text)) > 1 else word
        case Phrase():
            return _phrase(tree, fields)
        case Prefix(name, text):
            return {"kind": "prefix", "text": text, **_places(name, fields), "score": PREFIX_SCORE}
        case Fuzzy(name, text, distance):
            places = _places(name, fields)
            near = {place: lexemes.near(place, text, distance) for place in places["fields"]}
            return {"kind": "terms", "terms": near, **places, "score": FUZZY_SCORE}
        case Range():
            return _range(tree, fields[tree.field])


def _ids(movie_ids: Sequence[int]) -> Json:
    """All the ids as one word: a word each would cost an analysis each."""
    lexemes = [str(movie_id).rjust(_ID_DIGITS, "0") for movie_id in movie_ids]
    return {"kind": "terms", "terms": {"movie_id": lexemes}, "fields": {"movie_id": 1.0},
            "score": 0.0}  # fmt: skip


def _phrase(tree: Phrase, fields: Fields) -> Json:
    phrase: Json = {"kind": "phrase", "text": tree.text, **_places(tree.field, fields)}
    count = len(split_words(tree.text))
    if tree.slop and count > 1:
        phrase["arrangements"] = list(_arrangements(count, tree.slop))
    return phrase


def _arrangements(count: int, slop: int) -> Iterator[list[int]]:
    """Positions the words of a phrase may have, the moves adding up to ``slop`` at most.

    The shortest moves come first; of a long phrase with much slop only so many are tried.
    """
    made = 0
    for moved in range(slop + 1):
        for moves in _moves(count - 1, moved):
            positions = list(itertools.accumulate((1 + move for move in moves), initial=0))
            if len(set(positions)) < count:
                continue
            yield positions
            made += 1
            if made == _MOST_ARRANGEMENTS:
                return


def _moves(gaps: int, moved: int) -> Iterator[tuple[int, ...]]:
    """Every way to spend ``moved`` steps, forward or backward, on some gaps."""
    if gaps == 0:
        if moved == 0:
            yield ()
        return
    for steps in range(moved + 1):
        for rest in _moves(gaps - 1, moved - steps):
            yield (steps, *rest)
            if steps:
                yield (-steps, *rest)


def _range(tree: Range, place: Field) -> Json:
    """Bounds as whole units of the field, both included."""
    unit = Decimal(10) ** place.decimals
    low, high = 0, min(10**place.digits - 1, _MOST)
    if tree.low is not None:
        bound = Decimal(repr(tree.low)) * unit
        low = max(low, math.ceil(bound))
        low += not tree.include_low and low == bound
    if tree.high is not None:
        bound = Decimal(repr(tree.high)) * unit
        high = min(high, math.floor(bound))
        high -= not tree.include_high and high == bound
    # PostgreSQL reads both as bigint, also where nothing is between them.
    return {"kind": "range", "fields": {tree.field: 1.0}, "low": min(low, _MOST),
            "high": max(high, -1), "scores": False}  # fmt: skip
