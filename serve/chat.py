"""Talk: one message after another, answered by the same tools as all else.

Every sentence is made by our code of what a tool returned: a search, a prediction, a comparison, a
summary, a fact. A language model, where one is set, only reads what is wanted, and plans a message
that asks for several things. One message is one such step, or up to three, bounded in words, films
and time; where a talk stands is held by whoever talks, signed.
"""

import re
from collections.abc import Iterator, Sequence

from pydantic import Field

from ask.answer import AskAnswer, Asker, turn_of
from ask.conversation import Turn
from ask.prediction import predict
from ask.steps import follow
from ask.summaries import word_answer
from ask.understood import describe_structure
from palate.contract import PART_NAMES, Frozen, Words
from palate.errors import MisuseError
from palate.text import name_film
from search.catalog import get_movie
from sql.database import Database

_COMMAND = re.compile(r"/(?P<name>[a-z]+)(?:\s+(?P<place>.*))?", re.DOTALL)
_WHY = re.compile(
    r"why\b(?:.*?(?:\b(?:the|number|film)\s+|#)(?P<place>\w+)\b[^?]*|\s+(?P<alone>\d{1,3}))\?*",
    re.IGNORECASE,
)
_PLACES = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
)  # fmt: skip
COMMANDS = {
    "/why 3": "why the third film stands there",
    "/more": "further films",
    "/not 2": "the same without the second",
}


class ShownFilm(Frozen):
    """A film that was shown, by the place that later messages name it by."""

    place: int
    movie_id: int
    title: str
    year: int | None


class ChatReply(Frozen):
    """What is said to one message."""

    text: tuple[str, ...] = Field(description="Sentences, each from what the catalog holds.")
    films: tuple[ShownFilm, ...] = Field(description="Films that /why 3 and /not 2 are about.")
    answer: AskAnswer | None = Field(description="All of the answer; null: one to /why.")
    conversation: str = Field(description="Where the talk stands: send it with what is said next.")


class Chat:
    """Talks over one catalog. Thread-safe."""

    def __init__(self, database: Database, asker: Asker) -> None:
        self._database = database
        self._asker = asker

    def reply(
        self,
        message: str,
        user_id: int | None = None,
        *,
        after: str | None = None,
        rules: bool = False,
        words: Words = "template",
    ) -> ChatReply:
        """Answer one message. ``after``: `conversation` of the reply before.

        Raises MisuseError for what cannot be meant, and what `Asker.ask` raises.
        """
        turn = None if after is None else self._asker.read_conversation(after)
        asked, place = _read(message)
        if place is not None:
            return self._why(turn, place, user_id, after)
        answer = self._answer(asked, user_id, turn, rules=rules)
        if words == "llm":
            answer = word_answer(answer, self._asker.writer)
        answer = self._asker.write(answer, turn)
        shown = tuple(self._films(turn_of(answer, turn).shown))
        return ChatReply(
            text=tuple(_sentences(answer, shown)),
            films=shown,
            answer=answer,
            conversation=answer.conversation or "",
        )

    def _answer(
        self, asked: str, user_id: int | None, turn: Turn | None, *, rules: bool
    ) -> AskAnswer:
        """The answer in several steps, where a message asks for them, else in one."""
        planned = self._asker.plan(asked, rules=rules)
        if planned is not None:
            plan, by = planned
            answer = follow(self._asker, plan, asked, user_id, by=by, after=turn)
            if answer.shown or by == "rules":
                return answer
        return self._asker.ask(asked, user_id, rules=rules, after=turn)

    def _films(self, movie_ids: Sequence[int]) -> Iterator[ShownFilm]:
        for place, movie_id in enumerate(movie_ids, 1):
            movie = get_movie(self._database, movie_id)
            yield ShownFilm(place=place, movie_id=movie_id, title=movie.title, year=movie.year)

    def _why(
        self, turn: Turn | None, place: int, user_id: int | None, after: str | None
    ) -> ChatReply:
        """Why a film stands where it does: the parts of its score, and what is expected of it."""
        shown = () if turn is None else tuple(self._films(turn.shown))
        if turn is None or after is None or not 1 <= place <= len(shown):
            raise MisuseError(
                f"{len(shown)} films were shown: there is no number {place}. Nothing was done."
            )
        film = shown[place - 1]
        structure = turn.structure
        if user_id is not None:
            structure = structure.model_copy(update={"user_id": user_id})
        found = self._asker.run(structure)
        text = [f"{name_film(film.title, film.year)} is number {place} of what you asked for."]
        wanted = ", ".join(part.says for part in found.understood)
        if wanted:
            text.append(f"You asked for: {wanted}.")
        scored = {each.movie_id: each.contributions for each in found.hits}
        scored |= {each.movie_id: each.contributions for each in found.movies}
        if film.movie_id in scored:
            text.append(_weighed(scored[film.movie_id]))
        if structure.user_id is not None:
            text += predict(
                self._database, structure.user_id, film.movie_id, structure.profile
            ).summary
        return ChatReply(text=tuple(text), films=shown, answer=None, conversation=after)


def _read(message: str) -> tuple[str, int | None]:
    """What is asked, or the place of the film that it is asked why of. Raises MisuseError."""
    text = message.strip()
    if command := _COMMAND.fullmatch(text):
        name, place = command["name"], (command["place"] or "").strip()
        if name == "more":
            return "show me more", None
        if name in ("why", "not") and (number := _place(place)) is not None:
            return (text, number) if name == "why" else (f"without number {number}", None)
        known = ", ".join(COMMANDS)
        raise MisuseError(f"{text[:40]!r} is no command here. Nothing was done. There are {known}.")
    why = _WHY.fullmatch(text)
    return text, _place(why["place"] or why["alone"]) if why else None


def _place(word: str) -> int | None:
    word = word.lower()
    if word in _PLACES:
        return _PLACES.index(word) + 1
    number = re.fullmatch(r"(\d{1,3})(?:st|nd|rd|th)?", word, re.ASCII)
    return int(number[1]) if number else None


def _sentences(answer: AskAnswer, shown: Sequence[ShownFilm]) -> Iterator[str]:
    yield f"Understood as: {describe_structure(answer.structure)}."
    yield from (*answer.left_out, *answer.notes, *answer.told)
    if answer.shown:
        if answer.total is not None:
            yield f"{answer.total:,} films fit."
        yield from (f"{each.place}. {name_film(each.title, each.year)}" for each in shown)
        if answer.structure.user_id is not None and answer.why_not_personalized:
            yield f"Not by taste: {answer.why_not_personalized}."
    elif answer.structure.intent == "unclear":
        yield "Nothing was searched. Say what films you look for, or ask about one."
    elif not answer.told:
        yield "No film fits this."


def _weighed(contributions: dict[str, float]) -> str:
    parts = sorted(contributions.items(), key=lambda each: -abs(each[1]))
    told = ", ".join(f"{PART_NAMES.get(name, name)} {value:.2f}" for name, value in parts if value)
    return f"Its score {sum(contributions.values()):.2f} is made of: {told or 'nothing'}."
