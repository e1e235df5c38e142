"""Summaries of predictions, comparisons and preferences, arranged by a language model if it can."""

from itertools import chain
from typing import TypeVar

from ask import compare, prediction, preferences
from ask.answer import AskAnswer
from ask.compare import Comparison
from ask.prediction import Prediction
from ask.preferences import Preferences
from rerank.wording import Passage, Writer

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
            about, sentences = "a predicted rating", prediction.describe(found)
        case Comparison():
            about, sentences = "films side by side", [compare.describe(found)]
        case Preferences():
            about, sentences = "what a user likes", preferences.describe(found)
    return Passage(0, "summary", about, tuple(chain.from_iterable(sentences)), found.summary)
