"""luqum's tree, read into ours: what each operator means on each kind of field."""

import re
from dataclasses import dataclass, field

from luqum import tree as lucene
from rapidfuzz import fuzz, process

from search.limits import Limits
from sql.syntax import (
    FIELDS,
    STOP_WORDS,
    All,
    And,
    Boost,
    Field,
    Fields,
    Fuzzy,
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
)  # fmt: skip

MOST_SLOP = 10
MOST_BOOST = 1000.0
MOST_DEPTH = 30  # ParadeDB reads queries of 128 levels, and a negation takes three
MOST_FUZZY = 5
"""Words with mistakes that a query may hold: each costs many words."""

MOST_SLOPPY_WORDS = 8
"""Of a phrase with slop: 30 words with ~10 took 4.5 s on 3,198 films, 8 took 0.4."""

_NUMBER = re.compile(r"-?[0-9]{1,19}(\.[0-9]{0,10})?")
_IMDB = re.compile(r"[Tt]{2}[0-9]+")  # some catalogs leave the letters out
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class UnreadableError(Exception):
    """The query cannot be read as it stands; ``position`` counts characters from 0."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


def bare_phrase(text: str) -> str | Phrase | None:
    """A quoted text among bare words: one word is that word, no word is nothing."""
    words = split_words(text)
    if len(words) < 2:
        return words[0] if words else None
    return Phrase(None, " ".join(words))


def drop_stop_words(items: list[str | Phrase]) -> tuple[str | Phrase, ...]:
    """The items without stop words, unless nothing else would remain."""
    kept = tuple(
        item for item in items if not (isinstance(item, str) and item.lower() in STOP_WORDS)
    )
    return kept or tuple(items)


def nearest_field(name: str, fields: Fields = FIELDS) -> str | None:
    """The known field that a misspelt name most likely means."""
    found = process.extractOne(name.lower(), list(fields), scorer=fuzz.ratio, score_cutoff=60)
    return found[0] if found else None


@dataclass
class Reader:
    """Reads one luqum tree. What is read otherwise than written is said in ``notes``.

    ``strict`` raises UnreadableError instead of reading otherwise.
    """

    strict: bool
    limits: Limits
    fields: Fields = field(default_factory=lambda: FIELDS)
    notes: list[str] = field(default_factory=list)
    clauses: int = 0
    phrases: int = 0
    slop: int = 0
    fuzzy: int = 0
    prefixes: int = 0

    def read(self, item: lucene.Item) -> Node:
        """The tree of a whole query. Raises UnreadableError."""
        try:
            return self._read(item, None, 0)
        except RecursionError as error:
            raise UnreadableError("It is nested too deeply", 0) from error

    def _read(self, item: lucene.Item, name: str | None, depth: int) -> Node:
        if depth > MOST_DEPTH:
            raise UnreadableError("It is nested too deeply", item.pos or 0)
        match item:
            case lucene.SearchField():
                return self._read_field(item, name, depth + 1)
            case lucene.Group() | lucene.FieldGroup() | lucene.Plus():
                return self._read(item.children[0], name, depth + 1)
            case lucene.Prohibit(a=lucene.Word()) if name and self.fields[name].kind == "number":
                return self._number(item, self.fields[name], f"-{item.a.value}")
            case lucene.Not() | lucene.Prohibit():
                return Not(self._read(item.children[0], name, depth + 1))
            case lucene.AndOperation():
                return And(tuple(self._read(c, name, depth + 1) for c in item.children))
            case lucene.OrOperation():
                return Or(tuple(self._read(c, name, depth + 1) for c in item.children))
            case lucene.BaseOperation():
                if name is None:
                    return self._all_of(item, depth + 1)
                return self._any_of(item, name, depth + 1)
            case lucene.Boost():
                factor = min(float(item.force), MOST_BOOST)
                return Boost(self._read(item.expr, name, depth + 1), factor)
            case _:
                return self._leaf(item, name)

    def _read_field(self, item: lucene.SearchField, outer: str | None, depth: int) -> Node:
        name = item.name.lower()
        if name in self.fields:
            return self._read(item.expr, name, depth)
        nearest = nearest_field(name, self.fields)
        hint = f", did you mean “{nearest}”?" if nearest else f". Fields: {', '.join(self.fields)}."
        self._otherwise(f"There is no field “{item.name}”{hint}", item)
        words = split_words(item.name)
        bare = self._bare_items(item.expr)
        if bare:
            return Words(drop_stop_words([*words, *bare]))
        rest = self._read(item.expr, outer, depth)
        return And((Words(words), rest)) if words else rest

    def _all_of(self, operation: lucene.BaseOperation, depth: int) -> Node:
        """Clauses side by side: all are needed, bare words among them as one group."""
        items: list[str | Phrase] = []
        nodes: list[Node] = []
        for child in operation.children:
            bare = self._bare_items(child)
            if bare:
                items += bare
            elif not self._is_punctuation(child):
                nodes.append(self._read(child, None, depth))
        if items:
            nodes.insert(0, Words(drop_stop_words(items)))
        if not nodes:
            return Nothing()
        return nodes[0] if len(nodes) == 1 else And(tuple(nodes))

    def _any_of(self, operation: lucene.BaseOperation, name: str, depth: int) -> Node:
        """``field:(a b)`` is any of them; ``+`` makes one needed and the others optional."""
        needed: list[Node] = []
        others: list[Node] = []
        for child in operation.children:
            node = self._read(child, name, depth)
            if isinstance(child, lucene.Plus) or isinstance(node, Not):
                needed.append(node)
            else:
                others.append(node)
        if all(isinstance(node, Not) for node in needed) and others:
            needed.insert(0, others[0] if len(others) == 1 else Or(tuple(others)))
            others = []
        together = _together(needed, self.fields[name])
        if together and not others:
            return together
        if len(needed) == 1 and not others:
            return needed[0]
        return And(tuple(needed), tuple(others))

    def _leaf(self, item: lucene.Item, name: str | None) -> Node:
        self.clauses += 1
        self._check_cost(item, len(split_words(str(item))))
        place = None if name is None else self.fields[name]
        match item:
            case lucene.Word():
                return self._word(item, place)
            case lucene.Phrase() | lucene.Proximity():
                return self._phrase(item, place)
            case lucene.Fuzzy():
                return self._fuzzy(item, place)
            case lucene.Range() | lucene.From() | lucene.To():
                return self._range(item, place)
        raise UnreadableError("Regular expressions are not searched for", item.pos or 0)

    def _word(self, item: lucene.Item, place: Field | None) -> Node:
        text = _unescape(item.value)
        if item.value == "*":
            return self._anything(item, place)
        if item.value.endswith("*") and not item.value.endswith("\\*"):
            return self._prefix(item, place)
        if place is None:
            # Bare words inside a boolean: all needed, whatever the rest of the query finds.
            return _all([_in_field(word, None) for word in split_words(text)])
        if place.kind == "number":
            return self._number(item, place, text)
        if place.name == "imdb_id" and _IMDB.fullmatch(text):
            return Or((Match(place.name, text), Match(place.name, text[2:])))
        return Match(place.name, text, all=place.kind == "text" and len(split_words(text)) > 1)

    def _anything(self, item: lucene.Item, place: Field | None) -> Node:
        if place is None:
            return All()
        if place.kind == "number":
            return Range(place.name, None, None)
        self._otherwise(f"“{place.name}:*” is not a filter, every film is found", item)
        return All()

    def _prefix(self, item: lucene.Item, place: Field | None) -> Node:
        text = _unescape(item.value[:-1])
        if place is not None and place.kind == "number":
            return _years(item, place, text)
        if place is not None and place.kind == "literal":
            return self._begun(item, place.name, text.rstrip("*"))
        *whole, begun = split_words(text) or ("",)
        if not begun:
            return Nothing()
        name = None if place is None else place.name
        nodes: list[Node] = [_in_field(word, name) for word in whole]
        return _all([*nodes, self._begun(item, name, begun)])

    def _begun(self, item: lucene.Item, name: str | None, begun: str) -> Node:
        self.prefixes += 1
        most = self.limits.max_query_prefixes
        if self.prefixes <= most:
            return Prefix(name, begun)
        self._otherwise(f"Only the first {most} prefixes are read, others are whole words", item)
        return _in_field(begun, name)

    def _number(self, item: lucene.Item, place: Field, text: str) -> Node:
        value = _bound(item, place, text)
        if not place.identifier:
            return Range(place.name, value, value)
        whole = text.isascii() and text.isdigit() and int(text) < 2**63
        return Match(place.name, str(int(text))) if whole else Nothing()

    def _phrase(self, item: lucene.Item, place: Field | None) -> Node:
        phrase = item.term if isinstance(item, lucene.Proximity) else item
        slop = min(int(item.degree), MOST_SLOP) if isinstance(item, lucene.Proximity) else 0
        text = _unescape(phrase.value[1:-1])
        self._check_phrase(item, slop, len(split_words(text)))
        if place is None:
            bare = bare_phrase(text)
            if isinstance(bare, Phrase) and slop:
                return Phrase(None, bare.text, slop)
            return Nothing() if bare is None else Words((bare,))
        if place.kind == "number":
            return self._number(item, place, text)
        if place.kind == "literal":
            return Match(place.name, text)
        words = split_words(text)
        return Phrase(place.name, " ".join(words), slop) if words else Nothing()

    def _check_phrase(self, item: lucene.Item, slop: int, words: int) -> None:
        if words < 2:
            return
        self.phrases += 1
        self.slop += slop
        if slop and words > MOST_SLOPPY_WORDS:
            most = f"{MOST_SLOPPY_WORDS} words in a phrase with ~"
            raise UnreadableError(f"It has more than {most}", item.pos or 0)
        self._check_cost(item, words)

    def _fuzzy(self, item: lucene.Item, place: Field | None) -> Node:
        text = _unescape(str(item.term.value))
        distance = min(-int(-float(item.degree) // 1), 2)
        if place is not None and place.kind == "number":
            return self._number(item, place, text)
        name = None if place is None else place.name
        words = (text,) if place is not None and place.kind == "literal" else split_words(text)
        return _all([self._near(item, name, word, distance) for word in words])

    def _near(self, item: lucene.Item, name: str | None, word: str, distance: int) -> Node:
        if distance < 1:
            return _in_field(word, name)
        self.fuzzy += 1
        if self.fuzzy <= MOST_FUZZY:
            return Fuzzy(name, word, distance)
        note = f"Only the first {MOST_FUZZY} words may have mistakes, others are read as written"
        self._otherwise(note, item)
        return _in_field(word, name)

    def _range(self, item: lucene.Item, place: Field | None) -> Node:
        if place is None or place.kind != "number":
            numbers = ", ".join(n for n, each in self.fields.items() if each.kind == "number")
            message = (
                f"Ranges are for numbers, and “{place.name}” is none"
                if place
                else f"A range needs a field of numbers before it ({numbers})"
            )
            raise UnreadableError(message, item.pos or 0)
        if isinstance(item, lucene.From):
            return Range(place.name, _end(item, item.a, place), None, item.include)
        if isinstance(item, lucene.To):
            return Range(place.name, None, _end(item, item.a, place), True, item.include)
        low = None if str(item.low).strip() == "*" else _end(item, item.low, place)
        high = None if str(item.high).strip() == "*" else _end(item, item.high, place)
        return Range(place.name, low, high, item.include_low, item.include_high)

    def _bare_items(self, item: lucene.Item) -> list[str | Phrase]:
        """The bare words of a clause, counted; none when it is more than words."""
        items = _bare_items(item) or []
        phrases = [len(split_words(one.text)) for one in items if isinstance(one, Phrase)]
        self.clauses += len(items)
        self.phrases += len(phrases)
        self._check_cost(item, max(phrases, default=0))
        return items

    def _check_cost(self, item: lucene.Item, words: int) -> None:
        """Raise UnreadableError, naming it, where more of one kind was read than is allowed."""
        for count, most, name in (
            (self.clauses, self.limits.max_query_clauses, "clauses"),
            (self.phrases, self.limits.max_query_phrases, "phrases"),
            (self.slop, self.limits.max_query_slop, "places of slop in its phrases"),
            (words, self.limits.max_clause_words, "words in one clause"),
        ):
            if count > most:
                raise UnreadableError(f"It has more than {most} {name}", item.pos or 0)

    @staticmethod
    def _is_punctuation(item: lucene.Item) -> bool:
        return isinstance(item, lucene.Word | lucene.Phrase) and not split_words(
            item.value.replace("*", "x")
        )

    def _otherwise(self, message: str, item: lucene.Item) -> None:
        if self.strict:
            raise UnreadableError(message, item.pos or 0)
        note = message if message[-1] in ".?" else f"{message}."
        if note not in self.notes:
            self.notes.append(note)


def _bound(item: lucene.Item, place: Field, text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise _no_number(item, place, text)
    return float(text)


def _no_number(item: lucene.Item, place: Field, text: str) -> UnreadableError:
    return UnreadableError(f"“{place.name}” takes numbers, “{text}” is none", item.pos or 0)


def _years(item: lucene.Item, place: Field, begun: str) -> Range:
    """``year:199*`` is that decade."""
    if place.name != "year" or not re.fullmatch(r"[0-9]{1,4}", begun):
        raise _no_number(item, place, item.value)
    return Range(place.name, float(begun.ljust(4, "0")), float(begun.ljust(4, "9")))


def _end(item: lucene.Item, end: lucene.Item, place: Field) -> float:
    return _bound(item, place, str(end).strip().strip('"'))


def _unescape(text: str) -> str:
    return _ESCAPE.sub(r"\1", text)


def _bare_items(item: lucene.Item) -> list[str | Phrase] | None:
    """The words of a clause that is nothing but words, "phrases" and parentheses around them."""
    match item:
        case lucene.Phrase():
            phrase = bare_phrase(_unescape(item.value[1:-1]))
            return [] if phrase is None else [phrase]
        case lucene.Word() if not item.value.endswith("*"):
            return list(split_words(_unescape(item.value)))
        case lucene.Plus() | lucene.Group() | lucene.UnknownOperation():
            items: list[str | Phrase] = []
            for child in item.children:
                bare = _bare_items(child)
                if bare is None:
                    return None
                items += bare
            return items
    return None


def _in_field(word: str, name: str | None) -> Node:
    return Words((word,)) if name is None else Match(name, word)


def _all(nodes: list[Node]) -> Node:
    if not nodes:
        return Nothing()
    return nodes[0] if len(nodes) == 1 else And(tuple(nodes))


def _together(nodes: list[Node], place: Field) -> Match | None:
    """``title:(+lord +rings)`` as one match of all the words."""
    texts = [node.text for node in nodes if isinstance(node, Match) and node.field == place.name]
    together = place.kind == "text" and len(texts) == len(nodes) > 1
    return Match(place.name, " ".join(texts), all=True) if together else None
