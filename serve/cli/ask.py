"""`palate ask`: a request in plain words, or a structure that it was read as."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from ask.answer import AskAnswer, open_asker
from ask.structure import Structure
from ask.summaries import word_answer
from ask.understood import describe_structure
from palate.contract import SimilarMovie
from palate.errors import MisuseError
from serve.cli.compare import print_comparison
from serve.cli.options import Json, Words
from serve.cli.orders import print_films
from serve.cli.output import examples, out, present, print_json, say
from serve.cli.predict import print_prediction
from serve.cli.preferences import print_preferences
from serve.cli.session import session, user_of
from serve.cli.tables import FILM, GENRES, Column, print_table
from serve.cli.text import line, number

app = typer.Typer()
_MOST_BYTES = 65_536


@app.command(
    epilog=examples(
        "palate ask dark thrillers from the nineties with a big budget, nothing with Tom Hanks",
        "palate ask 'funny films like The Matrix, for user 20001'",
        "palate ask 'would user 20001 like Shrek?'",
        "palate ask 'compare Jaws and Jurassic Park' --json",
        "palate ask 'five westerns before 1970' --structure-only > wanted.json",
        "palate ask --structure wanted.json",
    )
)
def ask(
    context: typer.Context,
    request: Annotated[
        list[str] | None, typer.Argument(help="What you look for, in plain words.")
    ] = None,
    user: Annotated[
        str | None,
        typer.Option("--user", "-u", metavar="USER", help="Whose taste, whomever the words name."),
    ] = None,
    k: Annotated[
        int | None, typer.Option("--k", "-k", min=1, help="Films, where the words say no number.")
    ] = None,
    structure: Annotated[
        str | None, typer.Option(metavar="FILE|-", help="Run this structure instead of words.")
    ] = None,
    structure_only: Annotated[
        bool, typer.Option("--structure-only", help="Print how the words are read, as JSON.")
    ] = False,
    rules: Annotated[
        bool, typer.Option("--rules", help="Read by rules, also where a language model is set.")
    ] = False,
    words: Words = "template",
    json: Json = False,
) -> None:
    """Say what you look for in plain words: search, recommend, compare, predict, sum up.

    What was understood is printed first. `--structure-only` writes it down, to be changed and run
    again by `--structure`.
    """
    text = " ".join(request or ())
    if bool(text) == bool(structure):
        raise MisuseError(
            "Give a request or --structure, one of both. Nothing was done. "
            "`palate ask --help` shows examples."
        )
    wanted = _read_structure(structure) if structure else None
    current = session(context)
    asks = words == "llm" or not (rules or wanted)
    with (
        current.database() as database,
        open_asker(database, current.settings, model=asks) as asker,
    ):
        whose = user_of(database, user)
        if structure_only:
            print_json(asker.read(text, whose, k, rules=rules).structure if text else wanted)
            return
        answer = asker.run(wanted) if wanted else asker.ask(text, whose, k, rules=rules)
        if words == "llm":
            answer = word_answer(answer, asker.writer)
    present(answer, _print, json=json)


def _read_structure(source: str) -> Structure:
    try:
        text = sys.stdin.read(_MOST_BYTES + 1) if source == "-" else _read_file(Path(source))
    except (OSError, UnicodeDecodeError) as error:
        raise MisuseError(f"--structure: {source} cannot be read. Nothing was done.") from error
    try:
        return Structure.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "it"
        raise MisuseError(
            f"--structure: {where}: {line(first['msg'])}. Nothing was done. "
            "`--structure-only` shows what a structure looks like."
        ) from error


def _read_file(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        return file.read(_MOST_BYTES + 1)


def _print(answer: AskAnswer) -> None:
    _print_reading(answer)
    if answer.prediction is not None:
        print_prediction(answer.prediction)
    elif answer.comparison is not None:
        print_comparison(answer.comparison)
    elif answer.preferences is not None:
        print_preferences(answer.preferences)
    elif answer.hits or answer.movies:
        print_films(answer.hits or answer.movies, personalized=answer.personalized)
    elif answer.similar:
        rank: Column[SimilarMovie] = ("#>", lambda each: each.rank)
        cosine: Column[SimilarMovie] = ("similar>", lambda each: number(each.similarity))
        print_table(answer.similar, rank, FILM, GENRES, cosine)
    else:
        out().print("No film fits this.")
    if answer.structure.user_id is not None and answer.why_not_personalized:
        say(f"not personalised: {answer.why_not_personalized}")


def _print_reading(answer: AskAnswer) -> None:
    out().print(f"understood as: {line(describe_structure(answer.structure))}", soft_wrap=True)
    for note in answer.notes:
        say(f"note: {note}")
    out().print()
