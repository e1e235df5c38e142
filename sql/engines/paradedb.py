"""Trees to ParadeDB's jsonb query, in shapes that were run on pg_search 0.21 and 0.25."""

import math
from collections.abc import Callable
from typing import Any

from sql.engines import CompiledQuery
from sql.syntax import (
    BARE_FIELDS,
    FIELDS,
    TIE_BREAKER,
    All,
    And,
    Boost,
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

_MOST = 2**63 - 2
"""The largest bound: ParadeDB adds one to an included end, in 64 bits."""

_LONGEST_PHRASE = 255


class ParadeDB:
    """BM25 by the pg_search extension."""

    name = "paradedb"

    def compile(self, tree: Node) -> CompiledQuery:
        """The jsonb that ``movie_id @@@ query`` takes."""
        loose = loosen(tree)
        return CompiledQuery(_top(tree), None if loose is None else _top(loose))


def _top(tree: Node) -> Json:
    """A whole query: scores of constant parts cannot mix with others, so they are left alone."""
    if isinstance(tree, All):
        return {"all": None}
    if isinstance(tree, Not):
        return {"boolean": {"must": [{"all": None}], "must_not": [_compile(tree.node)]}}
    return _compile(tree)


def _compile(tree: Node) -> Json:
    match tree:
        case Words(items, every):
            return _words(items, every)
        case Match():
            return _match(tree)
        case Phrase() | Prefix() | Fuzzy():
            return _in_fields(tree)
        case Range():
            return _unscored(_range(tree))
        case Ids(movie_ids):
            return _unscored(_any([_term("movie_id", movie_id) for movie_id in movie_ids]))
        case Boost(node, factor):
            return {"boost": {"factor": factor, "query": _compile(node)}}
        case Filter(node):
            return _compile(node) if _never_scores(node) else _unscored(_compile(node))
        case All():
            return _unscored({"all": None})
        case Nothing():
            return {"empty": None}
        case Or(nodes):
            return _any([_compile(node) for node in nodes])
        case And(nodes, optional):
            return _and(nodes, optional)
        case Not():
            return _and((tree,), ())


def _never_scores(node: Node) -> bool:
    return isinstance(node, Range | Ids | All | Nothing | Filter)


def _unscored(query: Json) -> Json:
    return {"const_score": {"score": 0.0, "query": query}}


def _any(queries: list[Json]) -> Json:
    if not queries:
        return {"empty": None}
    return queries[0] if len(queries) == 1 else {"boolean": {"should": queries}}


def _and(nodes: tuple[Node, ...], optional: tuple[Node, ...]) -> Json:
    must = [_compile(node) for node in nodes if not isinstance(node, Not)]
    must_not = [_compile(node.node) for node in nodes if isinstance(node, Not)]
    should = [_compile(node) for node in optional]
    if len(must) == 1 and not must_not and not should:
        return must[0]
    boolean: Json = {"must": must or [_unscored({"all": None})]}
    if should:
        boolean["should"] = should
    if must_not:
        boolean["must_not"] = must_not
    return {"boolean": boolean}


def _words(items: tuple[str | Phrase, ...], every: bool) -> Json:
    queries = [
        _best_field({field: _match(Match(field, item)) for field in BARE_FIELDS})
        if isinstance(item, str)
        else _in_fields(item)
        for item in items
    ]
    if every and len(queries) > 1:
        return {"boolean": {"must": queries}}
    return _any(queries)


def _in_fields(tree: Phrase | Prefix | Fuzzy) -> Json:
    fields = [tree.field] if tree.field is not None else list(BARE_FIELDS)
    queries = {field: _leaf(tree, field) for field in fields}
    return queries[fields[0]] if tree.field is not None else _best_field(queries)


def _best_field(queries: dict[str, Json]) -> Json:
    """The best field's score, and a little of the others'."""
    disjuncts = [
        query
        if BARE_FIELDS[field] == 1
        else {"boost": {"factor": BARE_FIELDS[field], "query": query}}
        for field, query in queries.items()
    ]
    return {"disjunction_max": {"tie_breaker": TIE_BREAKER, "disjuncts": disjuncts}}


def _leaf(tree: Phrase | Prefix | Fuzzy, field: str) -> Json:
    match tree:
        case Phrase(_, text, slop):
            return _phrase(field, text, slop)
        case Prefix(_, text):
            # Terms are compared as they are indexed: in lower case and folded.
            value = text.lower() if FIELDS[field].kind == "literal" else fold(text).lower()
            return {"fuzzy_term": {"field": field, "value": value, "distance": 0, "prefix": True}}
        case Fuzzy(_, text, distance):
            return {
                "match": {
                    "field": field,
                    "value": text,
                    "distance": distance,
                    "transposition_cost_one": True,
                }
            }


def _match(tree: Match) -> Json:
    field = FIELDS.get(tree.field)
    if field is not None and field.kind == "number":
        return _term(tree.field, int(tree.text))
    value: Json = {"field": tree.field, "value": tree.text}
    if tree.all:
        value["conjunction_mode"] = True
    return {"match": value}


def _phrase(field: str, text: str, slop: int) -> Json:
    if FIELDS[field].kind == "literal":
        return {"match": {"field": field, "value": text}}
    words = split_words(text)
    if not words:
        return {"empty": None}
    if len(words) == 1:
        return {"match": {"field": field, "value": words[0]}}
    extra = {"slop": slop} if slop else {}
    spaced = " ".join(words)
    if not spaced.isascii() or len(spaced) > _LONGEST_PHRASE:
        # Of such words the index may keep none (a sign, a word of 300 letters), and ParadeDB
        # takes a list of words only where two or more are left.
        return {"tokenized_phrase": {"field": field, "phrase": spaced, **extra}}
    return {"phrase": {"field": field, "phrases": list(words), **extra}}


def _term(field: str, value: int) -> Json:
    return {"term": {"field": field, "value": value}}


def _range(tree: Range) -> Json:
    low, high = tree.low, tree.high
    if low is None and high is None:
        low = 0  # not without bounds: a film must have the number
    return {
        "range": {
            "field": tree.field,
            "lower_bound": _bound(tree.field, low, tree.include_low, math.ceil),
            "upper_bound": _bound(tree.field, high, tree.include_high, math.floor),
        }
    }


def _bound(
    field: str, value: float | None, included: bool, inward: Callable[[float], int]
) -> dict[str, float] | None:
    """A bound in the column's own type; between two whole numbers, the one inside."""
    if value is None:
        return None
    if FIELDS[field].decimals:
        return {"included" if included else "excluded": float(value)}
    whole = max(-_MOST, min(inward(value), _MOST))
    return {"included" if included or whole != value else "excluded": whole}
