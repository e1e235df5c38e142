"""What a query means, spelt out film by film: what both engines must agree with.

Slow and plain on purpose. Words are stemmed by PostgreSQL's stemmer, one by one; everything else
is computed here, in the terms of ParadeDB: a clause scores where it matches, a conjunction only
as a whole.
"""

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from rapidfuzz.distance import OSA

from sql.syntax import (
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
    split_words,
)
from sql.text import fold

Film = dict[str, Any]
Scores = dict[int, float]
Stem = Callable[[str], str]

UNSTEMMED = {"director", "actors"}
GAP = ""


class Reference:
    """Films as words, field by field."""

    def __init__(self, films: list[Film], stem: Stem) -> None:
        self.films = films
        self.stem = stem
        self.ids: list[int] = [film["movie_id"] for film in films]
        self.texts: dict[tuple[str, int], list[str]] = {
            (name, film["movie_id"]): self._index(name, field.kind, film[name])
            for film in films
            for name, field in FIELDS.items()
        }
        self.lengths = {
            key: sum(word != GAP for word in words) if FIELDS[key[0]].kind == "text" else 1
            for key, words in self.texts.items()
        }
        self.mean_lengths = {
            name: sum(sum(word != GAP for word in self.texts[name, i]) for i in self.ids)
            / len(self.ids)
            for name in FIELDS
        }

    def search(self, tree: Node) -> Scores:
        """Films that match, with their scores."""
        scores = self._search(tree)
        return dict.fromkeys(scores, 1.0) if isinstance(tree, All | Not) else scores

    def _search(self, tree: Node) -> Scores:
        match tree:
            case Words(items, every):
                each = [self._best(self._bare(item)) for item in items]
                return _all(each) if every else _any(each)
            case Match(name, text, every):
                return self._match(name, text, every)
            case Phrase() | Prefix() | Fuzzy():
                if tree.field is not None:
                    return self._leaf(tree, tree.field)
                return self._best({name: self._leaf(tree, name) for name in FIELDS.bare})
            case Range():
                return {f["movie_id"]: 0.0 for f in self.films if _inside(f[tree.field], tree)}
            case Ids(movie_ids):
                return dict.fromkeys((i for i in self.ids if i in movie_ids), 0.0)
            case Boost(node, factor):
                return {i: score * factor for i, score in self._search(node).items()}
            case Filter(node):
                return dict.fromkeys(self._search(node), 0.0)
            case All():
                return dict.fromkeys(self.ids, 0.0)
            case Nothing():
                return {}
            case Or(nodes):
                return _any([self._search(node) for node in nodes])
            case Not(node):
                found = self._search(node)
                return {i: 0.0 for i in self.ids if i not in found}
            case And(nodes, optional):
                needed = _all([dict.fromkeys(self.ids, 0.0), *map(self._search, nodes)])
                extra = _any([self._search(node) for node in optional])
                return {i: score + extra.get(i, 0.0) for i, score in needed.items()}

    def _index(self, name: str, kind: str, value: Any) -> list[str]:
        if value is None:
            return []
        if kind == "number":
            return [str(value)]
        if kind == "literal":
            return [v.lower() for v in (value if isinstance(value, list) else [value])]
        words: list[str] = []
        for element in value if isinstance(value, list) else [value]:
            words += [GAP, *self._analyse(name, element)] if words else self._analyse(name, element)
        return words

    def _analyse(self, name: str, text: str) -> list[str]:
        words = [word.lower() for word in split_words(fold(text))]
        return words if name in UNSTEMMED else [self.stem(word) for word in words]

    def _bare(self, item: str | Phrase) -> dict[str, Scores]:
        if isinstance(item, Phrase):
            return {name: self._leaf(item, name) for name in FIELDS.bare}
        return {name: self._match(name, item, True) for name in FIELDS.bare}

    def _best(self, found: dict[str, Scores]) -> Scores:
        points: dict[int, list[float]] = {}
        for name, scores in found.items():
            for i, score in scores.items():
                points.setdefault(i, []).append(score * FIELDS.bare[name])
        return {i: max(p) + TIE_BREAKER * (sum(p) - max(p)) for i, p in points.items()}

    def _match(self, name: str, text: str, every: bool) -> Scores:
        kind = FIELDS[name].kind
        tokens = self._analyse(name, text) if kind == "text" else [text.lower()]
        found = [self._term(name, token) for token in dict.fromkeys(tokens)]
        return _all(found) if every and found else _any(found)

    def _leaf(self, tree: Phrase | Prefix | Fuzzy, name: str) -> Scores:
        literal = FIELDS[name].kind == "literal"
        match tree:
            case Phrase(_, text, slop):
                return self._match(name, text, False) if literal else self._phrase(name, text, slop)
            case Prefix(_, text):
                start = text.lower() if literal else fold(text).lower()
                return self._constant(name, lambda word: word.startswith(start), 1.0)
            case Fuzzy(_, text, distance):
                near = [text.lower()] if literal else self._analyse(name, text)
                return self._constant(
                    name, lambda word: any(OSA.distance(word, n) <= distance for n in near), 0.5
                )

    def _constant(self, name: str, accepts: Callable[[str], bool], score: float) -> Scores:
        return {
            i: score for i in self.ids if any(accepts(word) for word in self.texts[name, i] if word)
        }

    def _idf(self, name: str, token: str) -> float:
        df = sum(token in self.texts[name, i] for i in self.ids if token != GAP)
        return math.log(1 + (len(self.ids) - df + 0.5) / (df + 0.5))

    def _bm25(self, name: str, movie_id: int, idf: float, tf: int) -> float:
        relative = self.lengths[name, movie_id] / self.mean_lengths[name]
        return idf * 2.2 * tf / (tf + 1.2 * (0.25 + 0.75 * relative))

    def _term(self, name: str, token: str) -> Scores:
        idf = self._idf(name, token)
        counts = {i: Counter(self.texts[name, i])[token] for i in self.ids}
        return {i: self._bm25(name, i, idf, tf) for i, tf in counts.items() if tf}

    def _phrase(self, name: str, text: str, slop: int) -> Scores:
        tokens = self._analyse(name, text)
        if len(tokens) < 2:
            return self._match(name, text, True)
        idf = sum(self._idf(name, token) for token in tokens)
        found = {}
        for i in self.ids:
            words = self.texts[name, i]
            if tokens and _follows(words, tokens, slop):
                found[i] = self._bm25(name, i, idf, min(words.count(t) for t in tokens))
        return found


def _follows(words: list[str], tokens: list[str], slop: int) -> bool:
    """Whether the tokens stand in a row, moved by at most ``slop`` positions in all."""
    places = [[p for p, word in enumerate(words) if word == token] for token in tokens]
    for positions in itertools.product(*places):
        if len(set(positions)) < len(tokens):
            continue
        moved = sum(abs(b - a - 1) for a, b in itertools.pairwise(positions))
        if moved <= slop:
            return True
    return False


def _inside(value: float | None, bounds: Range) -> bool:
    if value is None:
        return False
    low = -math.inf if bounds.low is None else bounds.low
    high = math.inf if bounds.high is None else bounds.high
    return (value > low or (bounds.include_low and value == low)) and (
        value < high or (bounds.include_high and value == high)
    )


def _all(found: list[Scores]) -> Scores:
    first, *others = found
    return {
        i: score + sum(other[i] for other in others)
        for i, score in first.items()
        if all(i in other for other in others)
    }


def _any(found: Iterable[Scores]) -> Scores:
    total: Scores = {}
    for scores in found:
        for i, score in scores.items():
            total[i] = total.get(i, 0.0) + score
    return total
