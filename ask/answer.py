"""Requests in plain words, answered: read, linked, and run through the same search as all else."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from pydantic import Field
from sqlalchemy import Connection

from ask.compare import Comparison, compare
from ask.link import link
from ask.model import ModelReader
from ask.prediction import Prediction, predict
from ask.preferences import Preferences, find_preferences
from ask.rules import Reading, read_request
from ask.structure import Structure
from ask.tree import Asked, make_tree, narrows
from ask.understood import note_gaps
from llm import LanguageModel, open_llm
from llm.store import PostgresStore
from palate.contract import (
    Frozen,
    Hit,
    Recommendation,
    RecommendRequest,
    SearchRequest,
    SimilarMovie,
)
from palate.errors import MisuseError
from palate.metrics import stage
from palate.person import PERSON
from palate.settings import Settings
from palate.statements import Statements
from rerank.recommend import recommend
from rerank.search import Searcher
from search.names import CatalogNames, Names
from search.query import ParsedQuery
from sql.database import Database
from sql.syntax import Words, describe

_statements = Statements(Path(__file__).parent / "statements" / "ask.sql")

CANDIDATES = 300
"""Films that text finds and taste orders: more than a search's, since less is said exactly."""

NEAREST = 1000
"""Films like a film among which those that fit are looked for."""


class AskAnswer(Frozen):
    """How a request was read, and its answer: what fits its intent is filled."""

    request: str | None = Field(description="The words; null for a structure.")
    read_by: str = Field(description="rules, structure, or the model that read the request.")
    structure: Structure
    read_as: str | None = Field(description="The films wanted, in the query language.")
    notes: tuple[str, ...]
    not_found: tuple[str, ...] = Field(description="Names that the catalog does not have.")
    personalized: bool
    why_not_personalized: str | None
    relaxed: bool = Field(False, description="Too few films had all words: these have any.")
    hits: tuple[Hit, ...] = Field((), description="Of a search by words.")
    movies: tuple[Recommendation, ...] = Field((), description="Of a search without words.")
    similar: tuple[SimilarMovie, ...] = ()
    prediction: Prediction | None = None
    comparison: Comparison | None = None
    preferences: Preferences | None = None


class Reader(Protocol):
    """Whoever reads requests instead of the rules: a language model."""

    name: str

    def read(self, text: str, names: Names) -> Structure | None:
        """The structure of a request, its names as they were typed; None: the rules read it."""


class Asker:
    """Answers requests in plain words over one database. Thread-safe; one a process."""

    def __init__(
        self, database: Database, searcher: Searcher, reader: Reader | None = None
    ) -> None:
        self._database = database
        self._searcher = searcher
        self._reader = reader
        self.writer = searcher.writer
        self.names = CatalogNames(database)

    def ask(
        self, text: str, user_id: int | None = None, k: int | None = None, *, rules: bool = False
    ) -> AskAnswer:
        """Answer a request. ``user_id`` is whose taste it is about, whomever the text
        names; ``k`` stands where the text names none.

        ``rules``: a model that is set does not read it. Raises MisuseError for a request that is
        too long or lacks what its intent needs, and what the commands behind the intents raise.
        """
        return self._answer(text, self.read(text, user_id, k, rules=rules))

    def read(
        self, text: str, user_id: int | None = None, k: int | None = None, *, rules: bool = False
    ) -> Reading:
        """How a request is understood; ``ask`` answers it. Raises MisuseError."""
        if not text.strip():
            raise MisuseError("The request has no words. Nothing was done. Say what you look for.")
        names, reader = self.names.get(), None if rules else self._reader
        with stage("parse"):
            reading = read_request(text, names)
            if reader is not None:
                structure = reader.read(text, names)
                note = f"{reader.name} gave no usable answer in time: read by rules."
                reading = (
                    replace(reading, notes=(*reading.notes, note))
                    if structure is None
                    else replace(link(structure, names), read_by=reader.name)
                )
        return _for_caller(reading, user_id, k)

    def run(self, structure: Structure) -> AskAnswer:
        """Answer a structure, as `ask` gave it or as somebody changed it. Raises as ``ask``."""
        linked = link(structure, self.names.get())
        return self._answer(None, replace(linked, read_by="structure"))

    def _answer(self, text: str | None, reading: Reading) -> AskAnswer:
        structure = reading.structure
        if structure.user_id is not None:
            PERSON.set(structure.user_id)
        if structure.k > self._database.settings.max_k:
            raise MisuseError(
                f"k is {structure.k}; at most {self._database.settings.max_k} are allowed. Ask "
                "for fewer, or raise PALATE_MAX_K."
            )
        answers = {
            "predict": self._predict, "compare": self._compare, "summarise": self._summarise
        }  # fmt: skip
        found = answers.get(structure.intent, self._films)(reading)
        notes = (
            *reading.notes,
            *note_gaps(text, reading, self.names.get()),
            *found.pop("notes", ()),
            *_unknown(reading.not_found),
        )
        facts = {"personalized": False, "why_not_personalized": None, "read_as": None} | found
        return AskAnswer(
            request=text,
            read_by=reading.read_by,
            structure=structure,
            notes=notes,
            not_found=reading.not_found,
            **facts,
        )

    def _predict(self, reading: Reading) -> dict[str, Any]:
        structure = reading.structure
        if structure.user_id is None:
            raise MisuseError(
                "It is not said whose rating to predict. Nothing was done. Name the user: "
                "“would user 5 like ...”."
            )
        if not structure.titles:
            return {}
        movie_id = structure.titles[0].movie_id
        assert movie_id is not None  # noqa: S101  (titles are linked)
        found = predict(self._database, structure.user_id, movie_id, structure.profile)
        return {"prediction": found}

    def _compare(self, reading: Reading) -> dict[str, Any]:
        ids = [title.movie_id for title in reading.structure.titles if title.movie_id is not None]
        if len(set(ids)) < 2:
            return {"notes": ("Two films or more are needed for a comparison.",)}
        return {"comparison": compare(self._database, ids)}

    def _summarise(self, reading: Reading) -> dict[str, Any]:
        structure = reading.structure
        if structure.user_id is None:
            raise MisuseError(
                "It is not said whose taste to sum up. Nothing was done. Name the user: "
                "“what does user 5 like”."
            )
        return {
            "preferences": find_preferences(self._database, structure.user_id, structure.profile)
        }

    def _films(self, reading: Reading) -> dict[str, Any]:
        structure = reading.structure
        lost = bool(reading.not_found) and not narrows(structure)
        if lost or (structure.intent == "similar" and not structure.titles):
            return {"notes": ("Nothing was searched: nothing else is asked for.",)}
        names = self.names.get()
        found = self._find(structure, names, any_person=False)
        if _empty(found) and len(structure.people) > 1:
            either = self._find(structure, names, any_person=True)
            if not _empty(either):
                note = "No film is by all of these people: these are by any of them."
                either["notes"] = (*either["notes"], note)
                return either
        return self._without_words(structure, names) if _empty(found) else found

    def _without_words(self, structure: Structure, names: Names) -> dict[str, Any]:
        """The films that fit all else, when none has the words that no rule knows."""
        rest = structure.model_copy(update={"text": ""})
        note = f"No film that fits the rest has “{structure.text}” in its texts."
        if not structure.text or not narrows(rest):
            return self._find(structure, names, any_person=False)
        found = self._find(rest, names, any_person=False)
        found["notes"] = (*found["notes"], note)
        return found

    def _find(self, structure: Structure, names: Names, *, any_person: bool) -> dict[str, Any]:
        with self._database.read() as connection:
            asked = make_tree(structure, connection, names, any_person=any_person)
            if structure.intent == "similar":
                return _shared(asked) | self._similar(connection, structure, asked)
        if asked.scored and structure.intent == "search":
            return _shared(asked) | self._search(structure, asked)
        return _shared(asked) | self._recommend(structure, asked)

    def _similar(
        self, connection: Connection, structure: Structure, asked: Asked
    ) -> dict[str, Any]:
        narrowed = asked.scored or asked.narrowed
        filter_ = self._database.search_engine.compile(asked.tree).query if narrowed else None
        merged: dict[int, SimilarMovie] = {}
        for title in structure.titles:
            rows = connection.execute(
                _statements["similar"],
                {
                    "movie_id": title.movie_id,
                    "n": NEAREST if narrowed or structure.seen == "drop" else structure.k + 10,
                    "user_id": structure.user_id,
                    "profile": structure.profile,
                    "filter": None if filter_ is None else json.dumps(filter_),
                    "seen": structure.seen,
                },
            )
            for row in rows.mappings():
                movie = SimilarMovie(**row)
                before = merged.get(movie.movie_id)
                if before is None or movie.score > before.score:
                    merged[movie.movie_id] = movie
        named = {title.movie_id for title in structure.titles}
        ordered = sorted(
            (movie for movie in merged.values() if movie.movie_id not in named),
            key=lambda movie: (-movie.score, movie.movie_id),
        )[: structure.k]
        ranked = tuple(m.model_copy(update={"rank": n}) for n, m in enumerate(ordered, 1))
        tasted = any(movie.content is not None for movie in ranked)
        nothing = ("No film like it fits, or it has no text vector to be like.",)
        return {
            "notes": asked.notes if ranked else (*asked.notes, *nothing),
            "similar": ranked,
            "personalized": tasted,
            "why_not_personalized": None if tasted else _no_taste(structure),
        }

    def _search(self, structure: Structure, asked: Asked) -> dict[str, Any]:
        words = [node for node in asked.scored if isinstance(node, Words)]
        parsed = ParsedQuery(
            tree=asked.tree,
            text=structure.text,
            read_as=describe(asked.shown),
            notes=[],
            plain_words=[item for w in words for item in w.items if isinstance(item, str)],
        )
        request = SearchRequest(
            q=structure.text,
            user_id=structure.user_id,
            profile=structure.profile,
            k=structure.k,
            candidates=min(max(CANDIDATES, structure.k), self._database.settings.max_candidates),
            seen=structure.seen,
        )
        response = self._searcher.search(request, parsed)
        corrected = response.did_you_mean
        return {
            "hits": response.hits,
            "personalized": response.personalized,
            "why_not_personalized": response.why_not_personalized,
            "relaxed": response.relaxed,
            "notes": (
                *asked.notes,
                *((f"Did you mean “{corrected}”?",) if corrected else ()),
            ),
        }

    def _recommend(self, structure: Structure, asked: Asked) -> dict[str, Any]:
        request = RecommendRequest(
            user_id=structure.user_id,
            profile=structure.profile,
            k=structure.k,
            candidates=min(max(100, structure.k), self._database.settings.max_candidates),
            seen="drop" if structure.intent == "recommend" else structure.seen,
        )
        only = asked.tree if asked.scored or asked.narrowed else None
        found = recommend(self._database, request, only)
        return {
            "movies": found.movies,
            "personalized": found.personalized,
            "why_not_personalized": found.why_not_personalized,
        }


def make_reader(model: LanguageModel | None) -> Reader | None:
    """Who reads requests where this model is set; None: the rules."""
    return None if model is None else ModelReader(model)


@contextmanager
def open_asker(database: Database, settings: Settings, *, model: bool = True) -> Iterator[Asker]:
    """An asker over ``database``, for one command: a language model reads, where one is set.

    Raises MisuseError and NotInstalledError, as `open_llm`, unless no ``model`` is wanted.
    """
    found = open_llm(settings, PostgresStore(database)) if model else None
    try:
        yield Asker(database, Searcher(database, settings, model=found), make_reader(found))
    finally:
        if found is not None:
            found.close()


def _for_caller(reading: Reading, user_id: int | None, k: int | None) -> Reading:
    """The reading for who asks: words never reach another person's taste than the caller's."""
    structure, notes = reading.structure, reading.notes
    if k is not None and "k" not in structure.model_fields_set:
        structure = structure.model_copy(update={"k": k})
    if user_id is not None:
        named = structure.user_id
        if named not in (None, user_id):
            notes = (*notes, f"Asked for user {user_id}: user {named} in the words is left out.")
        structure = structure.model_copy(update={"user_id": user_id})
    return replace(reading, structure=structure, notes=notes)


def _shared(asked: Asked) -> dict[str, Any]:
    wanted = asked.scored or asked.narrowed
    return {"read_as": describe(asked.shown) if wanted else None, "notes": asked.notes}


def _empty(found: dict[str, Any]) -> bool:
    return not (found.get("hits") or found.get("movies") or found.get("similar"))


def _no_taste(structure: Structure) -> str:
    if structure.user_id is None:
        return "no user_id was given"
    return f"user {structure.user_id} ({structure.profile}) has no taste vector"


def _unknown(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"The catalog has nobody and nothing called “{name}”." for name in names)
