"""The films that a structure asks for: searched, recommended, sorted, counted, like others."""

import json
from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations, islice
from typing import Any

from pydantic import Field
from sqlalchemy import Connection

from ask.compare import FEWEST_RATINGS
from ask.structure import Sort, Structure
from ask.tree import Asked, make_tree, narrows
from ask.understood import Part, describe_user, parts_of, without_part
from palate.contract import NOBODY_GIVEN, Frozen, RecommendRequest, SearchRequest, SimilarMovie
from palate.statements import Statements
from rerank.recommend import recommend
from rerank.search import Searcher
from search.names import Names
from search.query import ParsedQuery
from sql.database import Database
from sql.syntax import Words, describe

_statements = Statements.beside(__file__, "ask")

CANDIDATES = 300
"""Films that text finds and taste orders: more than a search's, since less is said exactly."""

NEAREST = 1000
"""Films like a film among which those that fit are looked for."""

_SEEDS = 5
"""Films of a person that others are to be like, the most rated."""

_MOST_DROPPED, _MOST_TRIED, _MOST_SHOWN = 3, 20, 5
"""Conditions dropped together, combinations counted, and those that are shown."""

_MEANS = ("score", "similarity")
_BY_RATINGS = Sort(by="rating_count")


class ListedMovie(Frozen):
    """A film in an order by a figure."""

    rank: int
    movie_id: int
    title: str
    year: int | None
    genres: tuple[str, ...]
    director: str | None
    runtime_minutes: int | None
    avg_rating: float | None
    rating_count: int
    budget: int | None
    revenue: int | None
    rating: float | None = Field(description="The user's own rating of this film.")
    value: float = Field(
        description="What it is sorted by. Of ratings the mean, damped by five ratings of the mean "
        "of all films; of years the day counts as thousandths."
    )


class Drop(Frozen):
    """Conditions without which there would be films."""

    parts: tuple[Part, ...]
    films: int = Field(description="Films that fit without them.")


class Finder:
    """Finds the films of structures whose names are linked."""

    def __init__(self, database: Database, searcher: Searcher) -> None:
        self._database = database
        self._searcher = searcher

    def films(self, structure: Structure, names: Names) -> dict[str, Any]:
        """The films, as fields of an answer; what no film has is left out, which a note says."""
        found = self._find(structure, names)
        if not is_empty(found):
            return found
        for looser, note in _looser(structure):
            other = self._find(looser, names)
            if not is_empty(other) and not (looser.text != structure.text and other.get("relaxed")):
                return other | {"notes": (*other["notes"], note), "weakened": True}
        return found | {"drop": tuple(self._drops(structure, names))}

    def _drops(self, structure: Structure, names: Names) -> Iterator[Drop]:
        """What to drop, so that there are films: as few conditions as will do, most films last."""
        kept = [part for part in parts_of(structure) if part.part not in ("k", "user_id", "sort")]
        for size in range(1, min(len(kept), _MOST_DROPPED + 1)):
            found = []
            for parts in islice(combinations(kept, size), _MOST_TRIED):
                lighter = structure
                for part in reversed(parts):  # entries of a list: the last first
                    lighter = without_part(lighter, part.part, part.entry)
                if films := self._count(lighter, names):
                    found.append(Drop(parts=parts, films=films))
            if found:
                yield from sorted(found, key=lambda drop: drop.films)[:_MOST_SHOWN]
                return

    def _count(self, structure: Structure, names: Names) -> int:
        with self._database.read() as connection:
            asked = make_tree(structure, connection, names)
            bound = self._bound(structure, asked)
            return int(connection.execute(_statements["count"], bound).scalar_one())

    def _bound(self, structure: Structure, asked: Asked) -> dict[str, Any]:
        narrowed = asked.scored or asked.narrowed
        filter_ = self._database.search_engine.compile(asked.tree).query if narrowed else None
        return {
            "filter": None if filter_ is None else json.dumps(filter_),
            "user_id": structure.user_id,
            "profile": structure.profile,
            "seen": structure.seen,
        }

    def _find(self, structure: Structure, names: Names) -> dict[str, Any]:
        with self._database.read() as connection:
            asked = make_tree(structure, connection, names)
            if structure.intent == "similar":
                return _shared(asked) | self._similar(connection, structure, asked)
            if structure.intent == "count" or structure.sort is not None:
                return _shared(asked) | self._sorted(connection, structure, asked)
        if asked.scored and structure.intent == "search":
            return _shared(asked) | self._search(structure, asked)
        return _shared(asked) | self._recommend(structure, asked)

    def _sorted(self, connection: Connection, structure: Structure, asked: Asked) -> dict[str, Any]:
        sort = structure.sort or _BY_RATINGS
        bound = self._bound(structure, asked)
        order = {
            "by": sort.by, "sign": 1 if sort.descending else -1, "fewest": FEWEST_RATINGS,
            "k": structure.k,
        }  # fmt: skip
        rows = connection.execute(_statements["sorted"], bound | order).mappings()
        films = tuple(ListedMovie(**row) for row in rows)
        total = connection.execute(_statements["count"], bound).scalar_one()
        notes = list(asked.notes)
        if sort.by == "avg_rating":
            notes.append(
                f"Of films with {FEWEST_RATINGS} ratings or more; a mean counts with five ratings "
                "of the mean of all."
            )
        why = "the order is by a figure, not by taste" if structure.user_id is not None else None
        return {"notes": tuple(notes), "films": films, "total": total, "why_not_personalized": why}

    def _search(self, structure: Structure, asked: Asked) -> dict[str, Any]:
        words = [node for node in asked.scored if isinstance(node, Words)]
        parsed = ParsedQuery(
            tree=asked.tree,
            text=structure.text,
            read_as=describe(asked.shown),
            notes=[],
            plain_words=[item for w in words for item in w.items if isinstance(item, str)],
        )
        page = self._page(structure, CANDIDATES)
        request = SearchRequest(q=structure.text, seen=structure.seen, **page)
        only_text = bool(structure.text) and len(asked.scored) == 1 and not asked.narrowed
        plain = only_text and is_plain(structure.text) and not structure.any_of
        response = self._searcher.search(request, None if plain else parsed)
        notes = list(asked.notes)
        if response.relaxed:
            notes.append(
                f"Few films or none have all of “{structure.text}”: others have some of it."
            )
        if response.reading is not None:
            notes.append(f"Nothing has “{structure.text}”: read as “{response.reading.text}”.")
        shared = ("hits", "personalized", "why_not_personalized", "relaxed")
        return {name: getattr(response, name) for name in shared} | {
            "read_as": response.query.read_as,
            "weakened": response.reading is not None,
            "notes": tuple(notes),
        }

    def _page(self, structure: Structure, candidates: int) -> dict[str, Any]:
        most = self._database.settings.max_candidates
        page = {name: getattr(structure, name) for name in ("user_id", "profile", "k")}
        return page | {"candidates": min(max(candidates, structure.k), most)}

    def _recommend(self, structure: Structure, asked: Asked) -> dict[str, Any]:
        seen = "drop" if structure.intent == "recommend" else structure.seen
        request = RecommendRequest(seen=seen, **self._page(structure, 100))
        only = asked.tree if asked.scored or asked.narrowed else None
        found = recommend(self._database, request, only)
        shared = ("movies", "personalized", "why_not_personalized")
        return {name: getattr(found, name) for name in shared}

    def _similar(
        self, connection: Connection, structure: Structure, asked: Asked
    ) -> dict[str, Any]:
        seeds, own = _seeds(connection, structure)
        bound = self._bound(structure, asked)
        narrowed = bound["filter"] is not None or structure.seen == "drop" or len(seeds) > 1
        bound["n"] = NEAREST if narrowed else structure.k + len(own) + 10
        by, found = _nearest(connection, seeds, bound)
        left_out = {title.movie_id for title in structure.titles} | own
        ordered = sorted(
            (movie for movie in found if movie.movie_id not in left_out),
            key=lambda movie: (-movie.score, movie.movie_id),
        )[: structure.k]
        ranked = tuple(m.model_copy(update={"rank": n}) for n, m in enumerate(ordered, 1))
        tasted = any(movie.content is not None for movie in ranked)
        notes = [*asked.notes, *_how_alike(by, structure)] if ranked else list(asked.notes)
        return {
            "notes": tuple(notes),
            "similar": ranked,
            "similar_by": by if ranked else None,
            "personalized": tasted,
            "why_not_personalized": None if tasted else _no_taste(structure, by),
        }


def _looser(structure: Structure) -> Iterator[tuple[Structure, str]]:
    """What is looked for where no film fits, and the note that says so."""
    if len(structure.people) > 1 and "people" not in structure.any_of:
        note = "No film is by all of these people: these are by any of them."
        yield structure.changed(any_of=(*structure.any_of, "people")), note
    if structure.intent == "count":
        return
    if structure.keywords:
        words = " ".join((structure.text, *structure.keywords)).strip()
        note = "No film that fits has these keywords: their words were looked for in texts."
        yield structure.changed(text=words, keywords=()), note
    rest = structure.changed(text="")
    if structure.text and narrows(rest):
        yield rest, f"No film that fits the rest has “{structure.text}” in its texts."


_WAYS = {
    "factors": ("alike_by_factors", "what the same people rate alike"),
    "genres, keywords and people": (
        "alike_by_what_is_shared", "shared genres, keywords and people, the known ones first"
    ),
}  # fmt: skip


def _nearest(
    connection: Connection, seeds: list[int], bound: dict[str, Any]
) -> tuple[str, list[SimilarMovie]]:
    """Films near all seeds: by their texts, else by factors, else by what is shared."""
    for by in ("texts", *_WAYS):
        statement = "similar" if by == "texts" else _WAYS[by][0]
        found = (
            connection.execute(_statements[statement], bound | {"movie_id": seed}).mappings()
            for seed in seeds
        )
        none = {"rank": 0, "content": None}
        near = [
            [SimilarMovie(**{**none, "score": row["similarity"], **row}) for row in rows]
            for rows in found
        ]
        if any(near):
            return by, _mean(near)
    return "texts", []


def _mean(near: list[list[SimilarMovie]]) -> list[SimilarMovie]:
    """Each film once, with the mean of its scores; a seed that it is not near counts as nothing."""
    scores: dict[int, list[SimilarMovie]] = defaultdict(list)
    for films in near:
        for movie in films:
            scores[movie.movie_id].append(movie)
    lists = sum(1 for films in near if films)
    return [
        found[0].model_copy(
            update={name: sum(getattr(m, name) for m in found) / lists for name in _MEANS}
        )
        for found in scores.values()
    ]


def _seeds(connection: Connection, structure: Structure) -> tuple[list[int], set[int]]:
    """The films that others are to be like, and those of the people whose films these are."""
    seeds = structure.movie_ids
    own: set[int] = set()
    for person in structure.like_people:
        rows = connection.execute(_statements["made_by"], {"name": person.name, "n": 1000}).all()
        directed = [row for row in rows if row.directed] or rows
        seeds += [row.movie_id for row in directed[:_SEEDS]]
        own |= {row.movie_id for row in directed}
    return seeds, own


def _how_alike(by: str, structure: Structure) -> Iterator[str]:
    if by != "texts":
        yield f"Alike by {_WAYS[by][1]}: the films named have no vectors of their texts."
    for person in structure.like_people:
        yield f"Films of {person.name} are left out: ask for “films by {person.name}” for those."


def _no_taste(structure: Structure, by: str) -> str:
    if structure.user_id is None:
        return NOBODY_GIVEN
    if by != "texts":
        return "likeness without vectors of texts knows no taste"
    return f"user {describe_user(structure.user_id)} ({structure.profile}) has no taste vector"


def _shared(asked: Asked) -> dict[str, Any]:
    wanted = asked.scored or asked.narrowed
    return {"read_as": describe(asked.shown) if wanted else None, "notes": asked.notes}


def is_plain(text: str) -> bool:
    """Whether a text is words only, so that search reads it as it would anywhere."""
    operators = {"AND", "OR", "NOT"}
    return all(c.isalnum() or c in " '-" for c in text) and not operators & set(text.split())


def is_empty(found: dict[str, Any]) -> bool:
    """Whether an answer has no films."""
    return not any(found.get(name) for name in ("hits", "movies", "similar", "films"))
