"""`palate ask`: a request in plain words, or a structure that it was read as."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import ValidationError
from typer import Argument, Option

from ask.answer import AskAnswer, open_asker, turn_of
from ask.compare import format_dollars
from ask.conversation import Turn
from ask.find import ListedMovie
from ask.rules import Ignored, Reading
from ask.structure import Structure
from ask.summaries import word_answer
from ask.understood import describe_structure, parts_of, without_part
from palate.errors import MisuseError
from palate.text import first_wrong
from rerank.people import find_taste
from serve.cli.command import command
from serve.cli.compare import print_comparison
from serve.cli.options import ByRules, Json, WhoseTaste, Words
from serve.cli.orders import print_films
from serve.cli.output import out, present, print_json, print_sentences, say
from serve.cli.predict import print_prediction
from serve.cli.preferences import print_preferences
from serve.cli.session import Session
from serve.cli.tables import FILM, GENRES, Column, print_table
from serve.cli.text import count, line

T = TypeVar("T", Structure, Turn)

_SURE = {
    "some": "not quite sure: words were looked for in texts, or a name is spelt otherwise",
    "low": "unsure: something was left out, or has no film",
}
_FIGURES: dict[str, Column[ListedMovie]] = {
    "year": "year>",
    "runtime_minutes": "minutes>=runtime_minutes",
    "avg_rating": "stars>=avg_rating:.2f",
    "rating_count": "ratings>=rating_count",
    "budget": ("budget>", lambda each: format_dollars(each.budget)),
    "revenue": ("revenue>", lambda each: format_dollars(each.revenue)),
    "profit": ("profit>", lambda each: format_dollars(each.value)),
}
_EXAMPLES = "“dark thrillers from the nineties”, “films like Alien”, “how long is Jaws?”"
_MOST_BYTES = 65_536


@dataclass(frozen=True)
class Asked:
    """Words or a structure, and how they are read and answered."""

    request: Annotated[list[str] | None, Argument(help="What you look for, in plain words.")] = None
    user: WhoseTaste = None
    k: Annotated[
        int | None, Option("--k", "-k", min=1, help="Films, where the words say no number.")
    ] = None
    structure: Annotated[
        str | None, Option(metavar="FILE|-", help="Run this structure instead of words.")
    ] = None
    understood: Annotated[
        bool,
        Option(
            "--understood",
            "--structure-only",
            help="Print what the words are read as, as JSON to edit; search for nothing.",
        ),
    ] = False
    without: Annotated[
        list[str] | None,
        Option(metavar="PART", help="Drop this part of what is understood: ranges.year."),
    ] = None
    conversation: Annotated[
        Path | None,
        Option(
            metavar="FILE", help="Go on with the talk in this file, and write there how it stands."
        ),
    ] = None
    rules: ByRules = False
    words: Words = "template"

    @property
    def text(self) -> str:
        """The words; empty where a structure stands in their place. Raises MisuseError."""
        text = " ".join(self.request or ())
        if bool(text) == bool(self.structure):
            raise MisuseError(
                "Give a request or --structure, one of both. Nothing was done. "
                "`palate ask --help` shows examples."
            )
        return text

    def read_structure(self) -> Structure | None:
        """The structure that is to be run. Raises MisuseError."""
        return _read_file(self.structure, Structure, "--structure") if self.structure else None

    def read_talk(self) -> Turn | None:
        """Where the talk stands that this is said next in. Raises MisuseError."""
        if self.conversation is None or not self.conversation.exists():
            return None
        return _read_file(str(self.conversation), Turn, "--conversation")


@command(
    "palate ask dark thrillers from the nineties with a big budget, nothing with Tom Hanks",
    "palate ask 'funny films like The Matrix, for user 20001'",
    "palate ask 'would user 20001 like Shrek?'",
    "palate ask 'compare Jaws and Jurassic Park' --json",
    "palate ask 'how long is Jaws and who directed it?'",
    "palate ask 'thrillers from the nineties' --conversation talk.json",
    "palate ask 'without the second' --conversation talk.json",
    "palate ask 'five westerns before 1970' --understood > wanted.json",
    "palate ask --structure wanted.json --without ranges.year",
)
def ask(session: Session, asked: Asked, json: Json = False) -> None:
    """Say what you look for in plain words: search, recommend, compare, predict, sum up.

    What was understood is printed first, with what was left out and how sure that is.
    `--understood` writes it down, to be changed and run again by `--structure`. With
    `--conversation`, what is said next goes on from there: “only the ones from the nineties”.
    """
    text, given, after = asked.text, asked.read_structure(), asked.read_talk()
    worded = asked.words == "llm"
    model = worded or not (asked.rules or given)
    with (
        session.database() as database,
        open_asker(database, session.settings, model=model, needed=worded) as asker,
    ):
        whose = find_taste(database, asked.user)
        reading = (
            Reading(given)
            if given
            else asker.read(text, whose, asked.k, rules=asked.rules, after=after)
        )
        reading = replace(reading, structure=_drop(reading.structure, asked.without or ()))
        if asked.understood:
            _say_left_out(reading.left_out)
            print_json(reading.structure)
            return
        answer = asker.run(reading.structure) if given else asker.answer(text, reading)
        if worded:
            answer = word_answer(answer, asker.writer)
    if asked.conversation is not None:
        _keep(asked.conversation, turn_of(answer, after))
    present(answer, _print, json=json)


def _drop(structure: Structure, parts: Iterable[str]) -> Structure:
    """The structure without parts, as they are named in answers."""
    for part in parts:
        if part not in {each.part for each in parts_of(structure)}:
            known = ", ".join(dict.fromkeys(each.part for each in parts_of(structure)))
            raise MisuseError(
                f"--without: nothing was understood as {line(part)}. Nothing was done. "
                f"There is: {known or 'nothing to drop'}."
            )
        structure = without_part(structure, part)
    return structure


def _read_file(source: str, form: type[T], flag: str) -> T:
    try:
        text = sys.stdin.read(_MOST_BYTES + 1) if source == "-" else _text_of(Path(source))
    except (OSError, UnicodeDecodeError) as error:
        raise MisuseError(f"{flag}: {source} cannot be read. Nothing was done.") from error
    try:
        return form.model_validate_json(text)
    except ValidationError as error:
        raise MisuseError(
            f"{flag}: {line(first_wrong(error, 'it'))}. Nothing was done. "
            "`--understood` shows what a structure looks like."
        ) from error


def _text_of(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        return file.read(_MOST_BYTES + 1)


def _keep(path: Path, turn: Turn) -> None:
    try:
        path.write_text(turn.model_dump_json(exclude_defaults=True) + "\n", encoding="utf-8")
    except OSError as error:
        raise MisuseError(
            f"--conversation: {path} cannot be written. The request was answered, and not kept."
        ) from error


def _print(answer: AskAnswer) -> None:
    _print_reading(answer)
    if len(answer.predictions) > 1:
        columns = ("stars>=value:.1f", "from>=low:.1f", "to>=high:.1f", "confidence")
        print_table(answer.predictions, "user>=user_id", FILM, *columns)
    elif answer.prediction is not None:
        print_prediction(answer.prediction)
    elif answer.facts:
        print_sentences(fact.words for fact in answer.facts)
    elif answer.comparison is not None:
        print_comparison(answer.comparison)
    elif answer.preferences is not None:
        print_preferences(answer.preferences)
    elif answer.hits or answer.movies:
        print_films(answer.hits or answer.movies, personalized=answer.personalized)
    elif answer.films:
        _print_sorted(answer)
    elif answer.similar:
        print_table(answer.similar, "#>=rank", FILM, GENRES, "similar>=similarity:.2f")
    elif answer.structure.intent == "unclear":
        out().print("Nothing was searched. Such is understood: " + _EXAMPLES, soft_wrap=True)
    else:
        _print_none(answer)
    if answer.structure.user_id is not None and answer.why_not_personalized:
        say(f"not personalised: {answer.why_not_personalized}")


def _print_none(answer: AskAnswer) -> None:
    out().print("No film fits this.")
    for drop in answer.drop:
        said = " and ".join(f"“{line(part.says)}”" for part in drop.parts)
        flags = " ".join(f"--without {part.part}" for part in drop.parts)
        out().print(f"without {said}: {count(drop.films, 'film')} ({flags})", soft_wrap=True)


def _print_reading(answer: AskAnswer) -> None:
    out().print(f"understood as: {line(describe_structure(answer.structure))}", soft_wrap=True)
    _say_left_out(answer.ignored)
    for note in answer.notes:
        say(f"note: {note}")
    if answer.sure != "high":
        say(_SURE[answer.sure])
    out().print()


def _say_left_out(ignored: Iterable[Ignored]) -> None:
    for one in ignored:
        say(f"left out: “{line(one.words)}”: {one.why}")


def _print_sorted(answer: AskAnswer) -> None:
    if answer.structure.intent == "count":
        out().print(count(answer.total or 0, "film"))
    sort = answer.structure.sort
    figure = _FIGURES["rating_count" if sort is None else sort.by]
    print_table(answer.films, "#>=rank", FILM, GENRES, figure)
