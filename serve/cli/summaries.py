"""Summaries whose facts a language model chooses."""

from typing import TypeVar

from ask.compare import Comparison
from ask.prediction import Prediction
from ask.preferences import Preferences
from palate.contract import Words
from serve.cli.output import say
from serve.cli.session import Session
from sql.database import Database

T = TypeVar("T", Prediction, Comparison, Preferences)


def word_summary(found: T, words: Words, current: Session, database: Database) -> T:
    """The same, with ``words`` llm with a summary whose facts a model chose; where it did not,
    says why."""
    if words == "template":
        return found
    from ask.summaries import word_summary as word  # slow, and rarely wanted
    from rerank.wording import Writer

    with current.language_model(database) as model:
        made, why = word(found, Writer(model, current.settings))
    if why:
        say(f"the summary is by rules: {why}")
    return made
