"""`palate predict`: what a user would give a film."""

import typer

from ask.prediction import Prediction
from ask.prediction import predict as make
from search.names import CatalogNames
from serve.cli.options import Film, Json, Profile, UserId, Words
from serve.cli.output import examples, out, present, print_sentences
from serve.cli.session import session, user_of
from serve.cli.summaries import word_summary
from serve.cli.tables import FILM, print_table
from serve.cli.text import line, number

app = typer.Typer()


@app.command(
    epilog=examples("palate predict 20001 Shrek", "palate predict 20001 'King Kong (2005)'")
)
def predict(
    context: typer.Context,
    user_id: UserId,
    movie: Film,
    profile: Profile = "main",
    words: Words = "template",
    json: Json = False,
) -> None:
    """Predict what a user would give a film: stars, how sure that is, and what it rests on."""
    with session(context).database() as database:
        whose = user_of(database, user_id)
        found = make(database, whose, CatalogNames(database).find(movie).movie_id, profile)
        if words == "llm":
            found = word_summary(found, session(context), database)
    present(found, print_prediction, json=json)


def print_prediction(found: Prediction) -> None:
    """A prediction: its sentences, then the ratings that it rests on."""
    print_sentences(found.summary)
    if found.rests_on:
        out().print()
        print_table(
            found.rests_on,
            ("rests on", FILM[1]),
            ("rating>", lambda each: number(each.rating, 1)),
            ("adds>", lambda each: f"{each.influence:+.2f}"),
            ("alike>", lambda each: number(each.similarity)),
        )
    out().print(f"model: {line(found.model)}")
