"""Summaries of predictions, comparisons and preferences, worded by a language model if it can."""

from typing import TypeVar

from ask.answer import AskAnswer, Prediction
from ask.compare import Comparison
from ask.preferences import Preferences
from rerank.wording import Passage, Writer, summary_passage

T = TypeVar("T", Prediction, Comparison, Preferences)


def word_summary(found: T, writer: Writer) -> tuple[T, str | None]:
    """The same with its summary worded, and why it is the rules' where it is."""
    [text] = writer.word([_passage(found)])
    if text.source == "template":
        return found.model_copy(update={"why_not_worded": text.why}), text.why
    changed = {"summary": text.sentences, "summary_by": writer.model_name}
    return found.model_copy(update=changed), None


def word_answer(answer: AskAnswer, writer: Writer) -> AskAnswer:
    """An answer with the summary in it worded, where it has one; a note says why it is not."""
    for name in ("prediction", "comparison", "preferences"):
        if (found := getattr(answer, name)) is not None:
            summarised, why = word_summary(found, writer)
            notes = (*answer.notes, f"The summary is by rules: {why}.") if why else answer.notes
            return answer.model_copy(update={name: summarised, "notes": notes})
    return answer


def _passage(found: Prediction | Comparison | Preferences) -> Passage:
    match found:
        case Prediction():
            rated = {each.title: each.rating for each in found.rests_on}
            return summary_passage(found.summary, names=(found.title, *rated), rated=rated)
        case Comparison():
            names = (name for m in found.movies for name in (m.title, m.director) if name)
            genres = {genre for movie in found.movies for genre in movie.genres}
            return summary_passage(
                found.summary, names=names, genres=sorted(genres), numbers=(len(found.movies),)
            )
        case Preferences():
            names = (trait.name for trait in (*found.directors, *found.actors))
            genres = {trait.name for trait in found.genres}
            return summary_passage(found.summary, names=names, genres=sorted(genres))
