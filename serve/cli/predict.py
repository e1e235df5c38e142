"""`palate predict`: what a user would give a film."""

from ask.prediction import Prediction
from ask.prediction import predict as make
from search.names import CatalogNames
from serve.cli.command import command
from serve.cli.options import Film, Profile, UserId, Words
from serve.cli.output import out, print_sentences
from serve.cli.session import Session, user_of
from serve.cli.summaries import word_summary
from serve.cli.tables import FILM, print_table
from serve.cli.text import line
from sql.database import Database


def print_prediction(found: Prediction) -> None:
    """A prediction: its sentences, then the ratings that it rests on."""
    print_sentences(found.summary)
    if found.rests_on:
        out().print()
        films = ("rests on", FILM[1])
        figures = ("rating>:.1f", "adds>=influence:+.2f", "alike>=similarity:.2f")
        print_table(found.rests_on, films, *figures)
    out().print(f"model: {line(found.model)}")


@command(
    "palate predict 20001 Shrek", "palate predict 20001 'King Kong (2005)'", show=print_prediction
)
def predict(
    session: Session,
    database: Database,
    user_id: UserId,
    movie: Film,
    profile: Profile = "main",
    words: Words = "template",
) -> Prediction:
    """Predict what a user would give a film: stars, how sure that is, and what it rests on."""
    whose = user_of(database, user_id)
    found = make(database, whose, CatalogNames(database).find(movie).movie_id, profile)
    return word_summary(found, words, session, database)
