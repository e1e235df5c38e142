"""Trees to ParadeDB's jsonb query, in shapes that were run on pg_search 0.21 and 0.25."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy

from palate.statements import Statements
from sql.engines import CompiledQuery
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
from sql.text import fold

Json = dict[str, Any]

_statements = Statements(Path(__file__).parents[1] / "statements" / "completeness.sql")

_MOST = 2**63 - 2
"""The largest bound: ParadeDB adds one to an included end, in 64 bits."""

_LONGEST_PHRASE = 255

_SINCE = (
    ((0, 22), "it cannot verify its index (pdb.verify_index, 0.22)"),
    (
        (0, 24),
        "its index is not in the WAL (0.24): a server that is killed may lose films from it until "
        "REINDEX, which Palate notices",
    ),
)
"""What later versions of pg_search brought."""

_FOLDED = ("title", "original_title", "overview")
"""Fields that are indexed as our own fold() makes them, under ``<field>_folded``."""


class ParadeDB:
    """BM25 by the pg_search extension."""

    name = "paradedb"
    slow_after_writes = True

    def __init__(self, own: Callable[[], Fields] = lambda: FIELDS) -> None:
        """``own`` says which fields the database has at the moment."""
        self._own = own

    @property
    def fields(self) -> Fields:
        return self._own()

    def compile(self, tree: Node) -> CompiledQuery:
        """The jsonb that ``movie_id @@@ query`` takes."""
        loose, compilation = loosen(tree), _Compilation(self.fields)
        return CompiledQuery(
            compilation.top(tree), None if loose is None else compilation.top(loose)
        )

    def missing(self, connection: sqlalchemy.Connection) -> int:
        """How many films the index lacks: it is not in the WAL before pg_search 0.24."""
        return int(connection.execute(_statements["paradedb_missing"]).scalar_one())

    def rebuild(self, connection: sqlalchemy.Connection) -> None:
        """Make the index again beside the one in use."""
        connection.execute(_statements["paradedb_rebuild"])

    def faults(self, connection: sqlalchemy.Connection) -> list[str]:
        """What pdb.verify_index finds, from pg_search 0.22 on."""
        if not connection.execute(_statements["can_verify"]).scalar():
            return []
        rows = connection.execute(_statements["verify"])
        return [f"{row.check_name}: {row.details}" for row in rows]

    def lacks(self, connection: sqlalchemy.Connection) -> list[str]:
        """What this pg_search cannot do that later ones can."""
        version = connection.execute(_statements["pg_search_version"]).scalar() or ""
        at = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
        return [what for since, what in _SINCE if at < since]


@dataclass(frozen=True)
class _Compilation:
    fields: Fields

    def top(self, tree: Node) -> Json:
        """A whole query. Scores of constant parts cannot mix with others: they are left alone."""
        if isinstance(tree, All):
            return {"all": None}
        if isinstance(tree, Not):
            return {"boolean": {"must": [{"all": None}], "must_not": [self._compile(tree.node)]}}
        return self._compile(tree)

    def _compile(self, tree: Node) -> Json:
        match tree:
            case Words(items, every):
                return self._words(items, every)
            case Match():
                return self._match(tree)
            case Phrase() | Prefix() | Fuzzy():
                return self._in_fields(tree)
            case Range():
                return _unscored(_range(tree, self.fields[tree.field]))
            case Ids(movie_ids):
                return _unscored(_any([_term("movie_id", movie_id) for movie_id in movie_ids]))
            case Boost(node, factor):
                return {"boost": {"factor": factor, "query": self._compile(node)}}
            case Filter(node):
                return (
                    self._compile(node) if _never_scores(node) else _unscored(self._compile(node))
                )
            case All():
                return _unscored({"all": None})
            case Nothing():
                return {"empty": None}
            case Or(nodes):
                return _any([self._compile(node) for node in nodes])
            case And(nodes, optional):
                return self._and(nodes, optional)
            case Not():
                return self._and((tree,), ())

    def _and(self, nodes: tuple[Node, ...], optional: tuple[Node, ...]) -> Json:
        must = [self._compile(node) for node in nodes if not isinstance(node, Not)]
        must_not = [self._compile(node.node) for node in nodes if isinstance(node, Not)]
        should = [self._compile(node) for node in optional]
        if len(must) == 1 and not must_not and not should:
            return must[0]
        boolean: Json = {"must": must or [_unscored({"all": None})]}
        if should:
            boolean["should"] = should
        if must_not:
            boolean["must_not"] = must_not
        return {"boolean": boolean}

    def _words(self, items: tuple[str | Phrase, ...], every: bool) -> Json:
        queries = [
            self._best_field({field: self._match(Match(field, item)) for field in self.fields.bare})
            if isinstance(item, str)
            else self._in_fields(item)
            for item in items
        ]
        if every and len(queries) > 1:
            return {"boolean": {"must": queries}}
        return _any(queries)

    def _in_fields(self, tree: Phrase | Prefix | Fuzzy) -> Json:
        fields = [tree.field] if tree.field is not None else list(self.fields.bare)
        queries = {field: self._leaf(tree, field) for field in fields}
        return queries[fields[0]] if tree.field is not None else self._best_field(queries)

    def _best_field(self, queries: dict[str, Json]) -> Json:
        """The best field's score, and a little of the others'."""
        disjuncts = [
            query
            if self.fields.bare[field] == 1
            else {"boost": {"factor": self.fields.bare[field], "query": query}}
            for field, query in queries.items()
        ]
        return {"disjunction_max": {"tie_breaker": TIE_BREAKER, "disjuncts": disjuncts}}

    def _leaf(self, tree: Phrase | Prefix | Fuzzy, field: str) -> Json:
        match tree:
            case Phrase(_, text, slop):
                return self._phrase(field, text, slop)
            case Prefix(_, text):
                # Terms are compared as they are indexed: in lower case and folded.
                value = text.lower() if self.fields[field].kind == "literal" else fold(text).lower()
                place = _indexed(field)
                return {
                    "fuzzy_term": {"field": place, "value": value, "distance": 0, "prefix": True}
                }
            case Fuzzy(_, text, distance):
                return {
                    "match": {
                        "field": _indexed(field),
                        "value": _compared(field, text),
                        "distance": distance,
                        "transposition_cost_one": True,
                    }
                }

    def _match(self, tree: Match) -> Json:
        field = self.fields.get(tree.field)
        if field is not None and field.kind == "number":
            return _term(tree.field, int(tree.text))
        value: Json = {"field": _indexed(tree.field), "value": _compared(tree.field, tree.text)}
        if tree.all:
            value["conjunction_mode"] = True
        return {"match": value}

    def _phrase(self, field: str, text: str, slop: int) -> Json:
        if self.fields[field].kind == "literal":
            return {"match": {"field": field, "value": text}}
        place = _indexed(field)
        words = split_words(_compared(field, text))
        if not words:
            return {"empty": None}
        if len(words) == 1:
            return {"match": {"field": place, "value": words[0]}}
        extra = {"slop": slop} if slop else {}
        spaced = " ".join(words)
        if not spaced.isascii() or len(spaced) > _LONGEST_PHRASE:
            # Of such words the index may keep none (a sign, a word of 300 letters), and ParadeDB
            # takes a list of words only where two or more are left.
            return {"tokenized_phrase": {"field": place, "phrase": spaced, **extra}}
        return {"phrase": {"field": place, "phrases": list(words), **extra}}


def _never_scores(node: Node) -> bool:
    return isinstance(node, Range | Ids | All | Nothing | Filter)


def _unscored(query: Json) -> Json:
    return {"const_score": {"score": 0.0, "query": query}}


def _any(queries: list[Json]) -> Json:
    if not queries:
        return {"empty": None}
    return queries[0] if len(queries) == 1 else {"boolean": {"should": queries}}


def _indexed(field: str) -> str:
    return f"{field}_folded" if field in _FOLDED else field


def _compared(field: str, text: str) -> str:
    return fold(text) if field in _FOLDED else text


def _term(field: str, value: int) -> Json:
    return {"term": {"field": field, "value": value}}


def _range(tree: Range, place: Field) -> Json:
    low, high = tree.low, tree.high
    if low is None and high is None:
        low = 0  # not without bounds: a film must have the number
    return {
        "range": {
            "field": tree.field,
            "lower_bound": _bound(place, low, tree.include_low, math.ceil),
            "upper_bound": _bound(place, high, tree.include_high, math.floor),
        }
    }


def _bound(
    place: Field, value: float | None, included: bool, inward: Callable[[float], int]
) -> dict[str, float] | None:
    """A bound in the column's own type; between two whole numbers, the one inside."""
    if value is None:
        return None
    if place.decimals:
        return {"included" if included else "excluded": float(value)}
    whole = max(-_MOST, min(inward(value), _MOST))
    return {"included" if included or whole != value else "excluded": whole}
