"""A structure as a syntax tree: user text becomes words, never query syntax."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from sqlalchemy import Connection

from ask.compare import FEWEST_RATINGS
from ask.kinds import find_genre
from ask.numbers import ABOUT_MINUTES, LONG
from ask.signs import AUDIENCES, SIGNS, Signs
from ask.structure import (
    MOST,
    STEPS,
    Exclusions,
    Kind,
    Mood,
    Person,
    Quantity,
    RatedBy,
    Span,
    Structure,
    Title,
    Way,
)
from ask.words import KEYWORDS
from palate.contract import Audience
from palate.statements import Statements
from search.grammar import bare_phrase, drop_stop_words
from search.names import Names
from sql.syntax import (
    FIELDS,
    All,
    And,
    Filter,
    Ids,
    Match,
    Node,
    Not,
    Nothing,
    Or,
    Phrase,
    Range,
    Words,
    split_words,
)

_statements = Statements.beside(__file__, "ask")

MOST_WORDS = 100
"""Words of a structure's text that are searched: as many as PALATE_MAX_QUERY_CLAUSES by default."""

MOST_IDS = 2000
"""Films that a search is narrowed to by money, to bound the query; of more, the most rated."""

_PIECE = re.compile(r'"([^"]*)"|([^\s"]+)')


@dataclass(frozen=True)
class Known:
    """Which columns a catalog has filled, and where its films become known and unknown."""

    target_audience: bool
    sentiment: bool
    known_from: int
    unknown_to: int
    unknown_rated_to: int
    best_from: float
    worst_to: float


@dataclass(frozen=True)
class Asked:
    """A structure as trees: ``scored`` orders films, ``narrowed`` only leaves others out."""

    scored: tuple[Node, ...]
    narrowed: tuple[Node, ...]
    notes: tuple[str, ...]

    @property
    def tree(self) -> Node:
        """Everything together."""
        nodes = (*self.scored, *self.narrowed)
        if not nodes:
            return All()
        if len(nodes) == 1 and not isinstance(nodes[0], Not):
            return nodes[0]
        only_not = all(isinstance(node, Not) for node in nodes)
        return And((Filter(All()), *nodes) if only_not else nodes)

    @property
    def shown(self) -> Node:
        """The tree without lists of ids, to be read by people."""
        shown = (_without_ids(node) for node in self.narrowed)
        return Asked(self.scored, tuple(node for node in shown if node is not None), ()).tree


def _without_ids(node: Node) -> Node | None:
    """A node that narrows without its lists of ids; None where it is nothing else."""
    match node:
        case Ids():
            return None
        case Filter(inner):
            kept = _without_ids(inner)
            return None if kept is None else Filter(kept)
        case Or(nodes) | And(nodes):
            shown = tuple(kept for each in nodes if (kept := _without_ids(each)) is not None)
            return replace(node, nodes=shown) if shown else None
    return node


def read_known(connection: Connection) -> Known:
    """What the catalog has."""
    row = connection.execute(_statements["known"], {"fewest": FEWEST_RATINGS}).mappings().one()
    return Known(**row)


def make_tree(structure: Structure, connection: Connection, names: Names) -> Asked:
    """The trees of a structure."""
    catalog = _Catalog(connection, names, read_known(connection), [])
    scored = _scored(structure, catalog)
    narrowed = [*_narrowed(structure, catalog), *_than(structure, catalog)]
    if structure.alternatives:
        narrowed.append(Or(tuple(_alternative(each, catalog) for each in structure.alternatives)))
    if structure.intent in ("search", "count") and structure.titles:
        narrowed.append(_ids(structure.titles))
    narrowed += _fame(structure, catalog.known)
    if structure.exclude.audience == "adults":
        narrowed += _audience("families", catalog)
    narrowed += _rated_by(structure.rated_by, structure, catalog)
    excluded = [
        *_excluded(structure.exclude, catalog, structure.genres),
        *_rated_by(structure.exclude.rated_by, structure, catalog),
    ]
    return Asked(
        tuple(scored),
        (*(Filter(node) for node in narrowed), *(Not(node) for node in excluded)),
        tuple(catalog.notes),
    )


class _Catalog(NamedTuple):
    """What conditions are held against, and the notes of what could not be."""

    connection: Connection
    names: Names
    known: Known
    notes: list[str]


def _scored(kind: Kind, catalog: _Catalog) -> list[Node]:
    words = _words(kind.text)
    if words and "text" in kind.any_of:
        words = replace(words, all=False)
    moods = [_mood(mood, catalog) for mood in kind.moods]
    return [*([words] if words else []), *moods]


def _narrowed(kind: Kind, catalog: _Catalog) -> list[Node]:
    narrowed: list[Node] = []
    for name, nodes in (
        ("genres", [Match("genres", genre) for genre in kind.genres]),
        ("keywords", [_keyword(keyword) for keyword in kind.keywords]),
        ("people", [_person(person) for person in kind.people]),
    ):
        narrowed += [_any_of(nodes)] if name in kind.any_of and nodes else nodes
    return [
        *narrowed,
        *_ranges(kind.ranges),
        *_acclaim(kind, catalog.known),
        *_audience(kind.audience, catalog),
        *_money(kind, catalog),
    ]


def _alternative(kind: Kind, catalog: _Catalog) -> Node:
    """One of several kinds of films, as a whole."""
    fame = _fame(kind, catalog.known)
    nodes = (*_scored(kind, catalog), *_narrowed(kind, catalog), *fame)
    only_not = all(isinstance(node, Not) for node in nodes)
    return And((All(), *nodes) if only_not else nodes)


def _words(text: str) -> Words | None:
    items = [
        item
        for phrase, word in _PIECE.findall(text)
        for item in ([bare_phrase(phrase)] if phrase else split_words(word))
        if item
    ]
    return Words(drop_stop_words(items[:MOST_WORDS])) if items else None


def _any_of(nodes: Iterable[Node]) -> Node:
    found = tuple(nodes)
    return found[0] if len(found) == 1 else Or(found)


def _signs(signs: Signs, names: Names, besides: tuple[str, ...] = ()) -> Iterator[Node]:
    """What shows a sign; genres ``besides`` are asked for anyway, and so are none."""
    own = (find_genre(names, genre) for genre in signs.genres)
    yield from (Match("genres", genre) for genre in own if genre and genre not in besides)
    yield Match("keywords", signs.words)


def _mood(mood: Mood, catalog: _Catalog) -> Node:
    signs = SIGNS[mood]
    nodes = [*_signs(signs, catalog.names), Match("overview", signs.words)]
    if signs.sentiment and catalog.known.sentiment:
        nodes.append(Match("sentiment", signs.sentiment))
    if mood == "epic":
        nodes.append(Range("runtime_minutes", LONG, None))
    return Or(tuple(nodes))


def _whole(column: str, text: str) -> Node:
    """A name of one or more words, all of it."""
    return Phrase(column, text) if len(split_words(text)) > 1 else Match(column, text)


def _keyword(keyword: str) -> Node:
    """A keyword, those that say the same, or its words in a row: a rare one has few films."""
    same = next((same for same in KEYWORDS.values() if keyword in same), (keyword,))
    phrase = bare_phrase(keyword)
    elsewhere = [Words((phrase,))] if phrase and len(same) == 1 else []
    return _any_of([*(_whole("keywords", each) for each in same), *elsewhere])


def _ids(titles: Iterable[Title]) -> Ids:
    return Ids(tuple(title.movie_id for title in titles if title.movie_id is not None))


_CALLED = {
    "runtime_minutes": "length", "avg_rating": "mean rating", "rating_count": "number of ratings",
    "actor": "first actor",
}  # fmt: skip


def _than(structure: Structure, catalog: _Catalog) -> Iterator[Node]:
    """Less or more than a film has, or the same; nothing of what is not known of it."""
    for than in structure.than:
        film = than.film or next(iter(structure.titles), None)
        found = {"movie_id": film and film.movie_id}
        rows = catalog.connection.execute(_statements["figures"], found).mappings()
        value = (dict(next(rows, {}))).get(than.by)
        called = _CALLED.get(than.by, than.by)
        if value is None:
            catalog.notes.append(
                f"The {called} of {film} is not known here: no film can be held against it."
            )
            yield Nothing()
        elif than.by == "director" or than.by == "actor":
            catalog.notes.append(f"The {called} of {film} is {value}.")
            yield _person(Person(name=value, role=than.by))
        elif than.by == "decade":
            yield Range("year", value, value + 9)
        else:
            span = _held(than.by, than.way, float(value))
            yield from _narrowed(Kind(ranges={than.by: span}), catalog)


def _held(quantity: Quantity, way: Way, value: float) -> Span:
    """The numbers that are less or more than one, or about the same."""
    step, least = STEPS.get(quantity, 1), -MOST if quantity == "profit" else 0.0
    if way == "same":
        around = ABOUT_MINUTES if quantity == "runtime_minutes" else 0
        return Span(low=max(least, value - around), high=value + around)
    return Span(high=max(least, value - step)) if way == "less" else Span(low=value + step)


def _rated_by(rated: Iterable[RatedBy], structure: Structure, catalog: _Catalog) -> Iterator[Node]:
    for one in rated:
        who = structure.user_id if one.user_id is None else one.user_id
        bound = {
            "user_id": who, "profile": structure.profile, "low": one.low, "high": one.high,
        }  # fmt: skip
        yield _films(catalog, "rated_by", bound, f"of user {who}") or Nothing()


def _films(
    catalog: _Catalog, statement: str, bound: Mapping[str, object], which: str
) -> Ids | None:
    """The most rated films that a statement finds; None where there are none."""
    rows = catalog.connection.execute(_statements[statement], {**bound, "n": MOST_IDS})
    found = tuple(rows.scalars())
    if len(found) == MOST_IDS:
        catalog.notes.append(f"Of the films {which}, only the {MOST_IDS} most rated were read.")
    return Ids(found) if found else None


def _person(person: Person) -> Node:
    columns = {"director": ["director"], "actor": ["actors"], "any": ["director", "actors"]}
    return _any_of(_whole(column, person.name) for column in columns[person.role])


def _ranges(ranges: Mapping[Quantity, Span]) -> Iterator[Node]:
    for quantity, span in ranges.items():
        if quantity in FIELDS:
            yield Range(quantity, span.low, span.high)


def _acclaim(kind: Kind, known: Known) -> Iterator[Node]:
    if kind.acclaim is not None or "avg_rating" in kind.ranges:
        yield Range("rating_count", FEWEST_RATINGS, None)
    if kind.acclaim == "high":
        yield Range("avg_rating", known.best_from, None)
    if kind.acclaim == "low":
        yield Range("avg_rating", None, known.worst_to)


def _fame(kind: Kind, known: Known) -> Iterator[Node]:
    if kind.fame == "known":
        yield Range("rating_count", known.known_from, None)
    if kind.fame == "unknown":
        sort = kind.sort if isinstance(kind, Structure) else None
        by_rating = (
            kind.acclaim or "avg_rating" in kind.ranges or (sort and sort.by == "avg_rating")
        )
        yield Range("rating_count", None, known.unknown_rated_to if by_rating else known.unknown_to)


def _audience(
    wanted: Audience | None, catalog: _Catalog, besides: tuple[str, ...] = ()
) -> Iterator[Node]:
    """Signs of an audience."""
    if wanted is None:
        return
    if catalog.known.target_audience:
        fitting = {"families": ("families", "kids")}.get(wanted, (wanted,))
        yield _any_of(Match("target_audience", each) for each in fitting)
    elif wanted == "adults":
        genres = [find_genre(catalog.names, genre) for genre in AUDIENCES["kids"].genres]
        yield from (Not(Match("genres", genre)) for genre in genres if genre)
    else:
        yield _any_of(_signs(AUDIENCES[wanted], catalog.names, besides))


def _money(kind: Kind, catalog: _Catalog) -> Iterator[Node]:
    """Tiers as films have them, by their money where the column is empty; then amounts."""
    for column, tiers in (("budget_tier", kind.budget), ("revenue_tier", kind.revenue)):
        if tiers:
            others = _films_by_money(catalog, {f"{column}s": list(tiers)})
            yield _any_of([*(Match(column, tier) for tier in tiers), *([others] if others else [])])
    if _MONEY & kind.ranges.keys():
        yield _films_by_money(catalog, _amounts(kind.ranges)) or Nothing()


_MONEY: frozenset[Quantity] = frozenset({"budget", "revenue", "profit"})
_ENDS = ("least", "most")
_ASKED_OF_MONEY = (
    "budget_tiers", "revenue_tiers", *(f"{end}_{name}" for name in _MONEY for end in _ENDS)
)  # fmt: skip


def _amounts(ranges: Mapping[Quantity, Span]) -> dict[str, object]:
    """The bounds of money; a bound on one side asks that the money is known."""
    spans = {name: span for name, span in ranges.items() if name in _MONEY}
    least = {f"least_{name}": -MOST if s.low is None else s.low for name, s in spans.items()}
    return least | {f"most_{name}": span.high for name, span in spans.items()}


def _films_by_money(catalog: _Catalog, asked: Mapping[str, object]) -> Ids | None:
    parameters = {**dict.fromkeys(_ASKED_OF_MONEY), **asked}
    return _films(catalog, "films_by_money", parameters, "with that money")


def _excluded(exclude: Exclusions, catalog: _Catalog, wanted: tuple[str, ...]) -> Iterator[Node]:
    yield from (Match("genres", genre) for genre in exclude.genres)
    yield from (_whole("keywords", keyword) for keyword in exclude.keywords)
    yield from (_person(person) for person in exclude.people)
    if exclude.titles:
        yield _ids(exclude.titles)
    yield from _ranges(exclude.ranges)
    for quantity in _MONEY & exclude.ranges.keys():
        amounts = _amounts({quantity: exclude.ranges[quantity]})
        yield _films_by_money(catalog, amounts) or Nothing()
    if exclude.audience != "adults":
        yield from _audience(exclude.audience, catalog, besides=wanted)
    for mood in exclude.moods:
        yield _any_of(_signs(SIGNS[mood], catalog.names))
    words = _words(exclude.text)
    if words is not None:
        yield Words(words.items, all=False)


def narrows(structure: Structure) -> bool:
    """Whether a structure says anything about the films that are wanted."""
    free = Structure(
        intent=structure.intent, user_id=structure.user_id, profile=structure.profile,
        seen=structure.seen, k=structure.k,
    )  # fmt: skip
    return structure != free
