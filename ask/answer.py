"""Requests in plain words, answered: read, linked, and run through the same search as all else."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import structlog
from pydantic import Field, ValidationError

from ask.caller import for_caller, write_number
from ask.compare import Comparison, compare
from ask.conversation import MOST_SHOWN, Turn, TurnSigner, read_next
from ask.facts import FilmFact, find_facts
from ask.find import Drop, Finder, ListedMovie
from ask.link import link
from ask.model import ModelReader
from ask.plan import Plan, may_be_several, plan_by_rules
from ask.prediction import Prediction, predict
from ask.preferences import Preferences, find_preferences
from ask.rules import Ignored, Reading, Sure, doubt, read_request
from ask.structure import Structure
from ask.told import ToldNames
from ask.tree import narrows
from ask.understood import Part, parts_of
from ingest.polite import SyncError
from llm import LanguageModel, open_llm
from llm.store import PostgresStore
from palate.contract import Frozen, Hit, Recommendation, SimilarMovie, known_user
from palate.errors import MisuseError, NotFoundError, NotInstalledError
from palate.items import count
from palate.metrics import stage
from palate.person import PERSON
from palate.settings import Settings
from rerank.search import Searcher
from search.names import CatalogNames, Names
from sql.database import Database

_log = structlog.get_logger(__name__)


class AskAnswer(Frozen):
    """How a request was read, and its answer: what fits its intent is filled."""

    request: str | None = Field(description="The words; null for a structure.")
    read_by: str = Field(description="rules, structure, or the model that read the request.")
    structure: Structure
    read_as: str | None = Field(description="The films wanted, in the query language.")
    understood: tuple[Part, ...] = Field(
        (), description="Every condition and the order; drop or change it in `structure`."
    )
    ignored: tuple[Ignored, ...] = Field((), description="Words that count for nothing, and why.")
    sure: Sure = Field(
        "high",
        description="high: everything is read by name and number; some: words are looked for in "
        "texts, or a name is spelt otherwise; low: something is left out or has no film.",
    )
    drop: tuple[Drop, ...] = Field(
        (), description="Where nothing fits: conditions to drop, and the films there are then."
    )
    conversation: str | None = Field(
        None, description="Where this talk stands: send it with what is said next."
    )
    notes: tuple[str, ...]
    not_found: tuple[str, ...] = Field(description="Names that the catalog does not have.")
    personalized: bool
    why_not_personalized: str | None
    relaxed: bool = Field(False, description="Too few films had all words: these have any.")
    hits: tuple[Hit, ...] = Field((), description="Of a search by words.")
    movies: tuple[Recommendation, ...] = Field((), description="Of a search without words.")
    films: tuple[ListedMovie, ...] = Field((), description="In an order by a figure.")
    total: int | None = Field(None, description="How many films fit; counted with an order.")
    similar: tuple[SimilarMovie, ...] = ()
    similar_by: str | None = Field(
        None, description="texts, factors, or genres, keywords and people."
    )
    facts: tuple[FilmFact, ...] = ()
    prediction: Prediction | None = None
    predictions: tuple[Prediction, ...] = Field((), description="Of every user and film named.")
    comparison: Comparison | None = None
    preferences: Preferences | None = None

    @property
    def shown(self) -> tuple[Hit | Recommendation | ListedMovie | SimilarMovie, ...]:
        """The films of the answer, in whatever order was asked for."""
        return self.hits or self.movies or self.films or self.similar

    @property
    def told(self) -> tuple[str, ...]:
        """What the answer says in sentences."""
        counted = self.structure.intent == "count"
        summed = (*self.predictions, self.comparison, self.preferences)
        return (
            *((count(self.total or 0, "film") + ".",) if counted else ()),
            *(fact.words for fact in self.facts),
            *(sentence for each in summed if each for sentence in each.summary),
        )

    @property
    def left_out(self) -> tuple[str, ...]:
        """The words that count for nothing, each with why, in a sentence."""
        return tuple(f"Left out: “{one.words}”: {one.why}." for one in self.ignored)


class Asker:
    """Answers requests in plain words over one database. Thread-safe; one a process."""

    def __init__(
        self,
        database: Database,
        searcher: Searcher,
        reader: ModelReader | None = None,
        why_rules: str | None = None,
    ) -> None:
        """``why_rules``: why no model reads, where one is set; notes say it."""
        self._database = database
        self._searcher = searcher
        self._reader = reader
        self._why_rules = why_rules
        self._signer = TurnSigner(database.settings)
        self._finder = Finder(database, searcher)
        self.writer = searcher.writer
        self.names = CatalogNames(database)
        self._told_names = ToldNames(database)

    def ask(
        self,
        text: str,
        user_id: int | None = None,
        k: int | None = None,
        *,
        rules: bool = False,
        after: Turn | None = None,
    ) -> AskAnswer:
        """Answer a request. ``user_id`` is whose taste it is about, whomever the text
        names; ``k`` stands where the text names none.

        ``rules``: a model that is set does not read it; ``after``: what was asked before, where
        this is said next. Raises MisuseError for a request that is too long or lacks what its
        intent needs, and what the commands behind the intents raise.
        """
        return self.answer(text, self.read(text, user_id, k, rules=rules, after=after))

    def read(
        self,
        text: str,
        user_id: int | None = None,
        k: int | None = None,
        *,
        rules: bool = False,
        after: Turn | None = None,
    ) -> Reading:
        """How a request is understood; ``ask`` answers it. Raises MisuseError."""
        if not text.strip():
            raise MisuseError("The request has no words. Nothing was done. Say what you look for.")
        names = self.names.get()
        text = write_number(text, names, self._database, user_id)
        reading = self._read(text, names, rules=rules, after=after)
        text, told = self._told(text, reading.not_found, names)
        if told:
            reading = self._read(text, names, rules=rules, after=after)
        return for_caller(replace(reading, notes=(*told, *reading.notes)), user_id, k)

    def _told(self, text: str, unknown: Sequence[str], names: Names) -> tuple[str, tuple[str, ...]]:
        """The text with unknown names as the catalog has them, where TMDB knows them, and what is
        to be said of that."""
        notes = []
        try:
            for name in unknown:
                if (meant := self._told_names.find(name, names)) and name in text:
                    text = text.replace(name, meant, 1)
                    notes.append(f"“{name}” was read as {meant}, as TMDB knows it.")
        except SyncError as error:
            _log.warning("tmdb not asked", error=str(error))
        return text, tuple(notes)

    def _read(self, text: str, names: Names, *, rules: bool, after: Turn | None) -> Reading:
        reader = None if rules else self._reader
        with stage("parse"):
            try:
                reading = read_next(text, names, after) if after else read_request(text, names)
            except ValidationError as error:  # as of a user 10^30
                raise MisuseError(
                    "The request says what nothing can be, such as a number that is too large. "
                    "Nothing was searched. Say it otherwise."
                ) from error
            if reader is not None and after is None and not reading.structure.alternatives:
                structure = reader.read(text, names, reading.structure)
                if structure is None:
                    reading = reading.noted(
                        f"{reader.name} gave no usable answer in time: read by rules."
                    )
                else:
                    linked = replace(link(structure, names), read_by=reader.name)
                    reading = doubt(text, replace(linked, ignored=reading.ignored))
        if self._why_rules is not None and not rules:
            reading = reading.noted(self._why_rules)
        return reading

    def plan(self, text: str, *, rules: bool = False) -> tuple[Plan, str] | None:
        """The steps of a message that asks for several, and who planned them: the rules, or the
        model where these make out none and it may. None: it asks for one thing."""
        if planned := plan_by_rules(text):
            return planned, "rules"
        if rules or self._reader is None or not may_be_several(text):
            return None
        made = self._reader.plan(text)
        return None if made is None else (made, self._reader.name)

    def run(self, structure: Structure) -> AskAnswer:
        """Answer a structure, as `ask` gave it or as somebody changed it. Raises as ``ask``."""
        linked = link(structure, self.names.get())
        return self.answer(None, replace(linked, read_by="structure"))

    def answer(self, text: str | None, reading: Reading) -> AskAnswer:
        """The answer to a request as it was read. Raises as ``ask``."""
        structure = reading.structure
        if structure.user_id is not None:
            PERSON.set(structure.user_id)
        if structure.k > self._database.settings.max_k:
            raise MisuseError(
                f"k is {structure.k}; at most {self._database.settings.max_k} are allowed. Ask "
                "for fewer, or raise PALATE_MAX_K."
            )
        answers: dict[str, Callable[[Reading], dict[str, Any]]] = {
            "predict": self._predict, "compare": self._compare, "summarise": self._summarise,
            "facts": self._facts, "unclear": lambda _: {},
        }  # fmt: skip
        found = answers.get(structure.intent, self._films)(reading)
        notes = (
            *reading.notes,
            *note_gaps(text, reading, self.names.get()),
            *found.pop("notes", ()),
            *_unknown(reading, self.names.get()),
        )
        weakened = found.pop("weakened", False) or found.get("relaxed", False)
        facts = {"personalized": False, "why_not_personalized": None, "read_as": None} | found
        return AskAnswer(
            request=text,
            read_by=reading.read_by,
            structure=structure,
            understood=tuple(parts_of(structure)),
            ignored=reading.left_out,
            sure="low" if weakened else reading.sure,
            notes=notes,
            not_found=reading.not_found,
            **facts,
        )

    def write(self, answer: AskAnswer, before: Turn | None = None) -> AskAnswer:
        """The answer with where the talk, which stood ``before``, stands now, signed."""
        signed = self._signer.write(turn_of(answer, before))
        return answer.model_copy(update={"conversation": signed})

    def read_conversation(self, text: str) -> Turn:
        """The turn that `write` signed. Raises MisuseError for another text."""
        return self._signer.read(text)

    def _predict(self, reading: Reading) -> dict[str, Any]:
        structure = reading.structure
        user = _named_user(structure, "rating to predict", "would user 5 like ...")
        found = tuple(
            predict(self._database, user_id, movie_id, structure.profile)
            for user_id in (user, *structure.users)
            for movie_id in structure.movie_ids
        )
        return {"prediction": found[0], "predictions": found} if found else {}

    def _compare(self, reading: Reading) -> dict[str, Any]:
        ids = reading.structure.movie_ids
        if len(set(ids)) < 2:
            return {"notes": ("Two films or more are needed for a comparison.",)}
        return {"comparison": compare(self._database, ids)}

    def _summarise(self, reading: Reading) -> dict[str, Any]:
        structure = reading.structure
        user = _named_user(structure, "taste to sum up", "what does user 5 like")
        return {"preferences": find_preferences(self._database, user, structure.profile)}

    def _films(self, reading: Reading) -> dict[str, Any]:
        structure = reading.structure
        if structure.users:
            found = self._films(replace(reading, structure=structure.changed(users=())))
            others = ", ".join(map(str, structure.users))
            note = (
                f"A list is in the order of one taste, user {structure.user_id}'s: nothing of user "
                f"{others} is used. Ask for each, or “would user 5 and user 7 like ...” of a film."
            )
            return found | {"notes": (*found.get("notes", ()), note), "weakened": True}
        lost = bool(reading.not_found) and not narrows(structure)
        alike = structure.titles or structure.like_people
        if lost or (structure.intent == "similar" and not alike):
            return {"notes": ("Nothing was searched: nothing else is asked for.",)}
        rated = tuple(one for one in structure.rated_by if one.user_id is not None)
        of_asker = structure.seen == "drop" or rated != structure.rated_by
        if structure.user_id is not None or not of_asker:
            return self._finder.films(structure, self.names.get())
        structure = structure.changed(seen="keep", rated_by=rated)
        found = self._finder.films(structure, self.names.get())
        note = "It is not said who asks, so nothing is known of what was seen: name a user."
        return found | {"notes": (*found["notes"], note), "weakened": True}

    def _facts(self, reading: Reading) -> dict[str, Any]:
        with self._database.read() as connection:
            return {"facts": find_facts(connection, reading.structure)}


def _named_user(structure: Structure, whose: str, example: str) -> int:
    if structure.user_id is None:
        raise MisuseError(
            f"It is not said whose {whose}. Nothing was done. Name the user: “{example}”."
        )
    if known_user(structure.user_id) is None:
        raise NotFoundError("The user is unknown: nothing was rated or sent yet.")
    return structure.user_id


def turn_of(answer: AskAnswer, before: Turn | None = None) -> Turn:
    """Where a talk stands after an answer: what was not understood is as if it were not said."""
    if before is not None and answer.structure.intent == "unclear" and answer.ignored:
        return before
    shown = [film.movie_id for film in answer.shown] or answer.structure.movie_ids
    return Turn(structure=answer.structure, shown=tuple(shown[:MOST_SHOWN]))


def make_reader(model: LanguageModel | None, settings: Settings) -> ModelReader | None:
    """Who reads requests where this model is set; None: the rules."""
    return None if model is None else ModelReader(model, settings.llm_ask_seconds)


@contextmanager
def open_asker(
    database: Database, settings: Settings, *, model: bool = True, needed: bool = False
) -> Iterator[Asker]:
    """An asker over ``database``, for one command: a language model reads, where one is set.

    Where it cannot be used, the rules read, which a note says; where it is ``needed``, MisuseError
    and NotInstalledError are raised, as by `open_llm`.
    """
    found, why = None, None
    try:
        found = open_llm(settings, PostgresStore(database)) if model else None
    except (MisuseError, NotInstalledError) as error:
        if needed:
            raise
        why = f"Read by rules: {str(error).replace(' Nothing was done.', '')}"
    try:
        searcher = Searcher(database, settings, model=found)
        yield Asker(database, searcher, make_reader(found, settings), why)
    finally:
        if found is not None:
            found.close()


def note_gaps(text: str | None, reading: Reading, names: Names) -> Iterator[str]:
    """What to know of an answer that cannot be about what was asked."""
    searched = reading.structure.intent == "search" and not reading.not_found
    if names.empty:
        yield "There are no films yet: `palate ingest --help` shows how to load some."
    elif text and searched and not narrows(reading.structure):
        yield "The request says nothing of the films that are wanted: all are meant."


def _unknown(reading: Reading, names: Names) -> Iterator[str]:
    yield from (
        f"The catalog has nobody and nothing called “{name}”." for name in reading.not_found
    )
    people = (*reading.structure.people, *reading.structure.exclude.people)
    acting = reading.not_found or any(person.role != "director" for person in people)
    if acting and not names.has_actors and not names.empty:
        yield "This catalog has no actors at all: of people, only directors can be asked for."
