"""`palate embed`: films' text embeddings."""

from pathlib import Path
from typing import Annotated

import typer

from ingest.embedding_sets import EmbeddingSet, drop_set, list_sets, use_set
from ingest.embeddings import EmbeddingStats, count_embeddings
from ingest.embeddings import generate as make
from ingest.progress import watch
from palate.contract import LARGEST_ID
from palate.embedder import open_embedder, plain_name
from serve.cli.options import Json, Yes
from serve.cli.output import confirm, err, examples, present, print_json, say, warn
from serve.cli.session import session
from serve.cli.tables import print_facts, print_table
from serve.cli.text import count

_STATS = ("films", "embedded", "missing", "model", "dimension", "loaded_at")

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="A set, as `palate embed list` shows it.")
]

app = typer.Typer(
    no_args_is_help=True, help="Text embeddings of films: make them, count them, switch."
)


@app.command(
    epilog=examples(
        "palate embed generate vectors.parquet",
        "palate embed generate some.csv --movie 12 --movie 34",
        "palate embed generate others.parquet --name mine",
    )
)
def generate(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="File to write: .csv or .parquet.")],
    movie: Annotated[
        list[int] | None,
        typer.Option(
            min=0,
            max=LARGEST_ID,
            help="Only this film. Repeat. Without: every film that has no vector.",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Every film that this set lacks; a new one lacks all.")
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Films a batch.")] = 256,
    json: Json = False,
) -> None:
    """Embed films' texts into a file; run it again to go on where it stopped.

    The model is PALATE_EMBEDDING_MODEL on this machine (extra `embed`), or, with
    PALATE_EMBEDDING_URL, an OpenAI-compatible endpoint's.
    """
    with session(context).database() as database:
        embedder = open_embedder(session(context).settings)
        with watch(err()) as progress:
            report = make(
                database,
                file,
                embedder=embedder,
                movie_ids=movie or None,
                name=name,
                batch_size=batch_size,
                progress=progress,
            )
    present(report, say, json=json)


@app.command(epilog=examples("palate embed stats", "palate embed stats --json"))
def stats(context: typer.Context, json: Json = False) -> None:
    """Show how many films have a vector, and of which model."""
    with session(context).database() as database:
        found = count_embeddings(database)
    if json:
        print_json({name: getattr(found, name) for name in _STATS})
    else:
        _print_stats(found)


@app.command("list", epilog=examples("palate embed list", "palate embed list --json"))
def show(context: typer.Context, json: Json = False) -> None:
    """List the sets of embeddings: the one in use, then those that wait."""
    with session(context).database() as database:
        present(list_sets(database), _print_sets, json=json)


@app.command(epilog=examples("palate embed use mine"))
def use(context: typer.Context, name: Name, json: Json = False) -> None:
    """Let searches use another set, as a whole and at once; the one in use waits."""
    with session(context).database(migrate=True) as database:
        report = use_set(database, name)
        model = session(context).settings.embedding_model
    if report and plain_name(report.model) != plain_name(model):
        warn(
            f"queries by meaning, and films put over HTTP, would be embedded by {model}: set "
            f"PALATE_EMBEDDING_MODEL to what makes {report.model}."
        )
    if json or report:
        present(report, say, json=json)
    else:
        say(f"{name} is in use already; nothing was changed.")


@app.command(epilog=examples("palate embed drop mine --yes"))
def drop(context: typer.Context, name: Name, yes: Yes = False) -> None:
    """Delete a set that waits."""
    with session(context).database() as database:
        confirm(f"Delete the embeddings {name}?", yes=yes)
        gone = drop_set(database, name)
    say(f"Deleted {name}: {count(gone.embedded, 'vector')} of {gone.model}.")


def _print_sets(found: list[EmbeddingSet]) -> None:
    if not found:
        say("There are no embeddings. `palate embed generate --help`.")
        return
    print_table(
        found,
        ("name", lambda each: each.name),
        ("model", lambda each: each.model),
        ("numbers>", lambda each: each.dimension),
        ("films>", lambda each: f"{each.embedded:,} ({each.coverage:.1%})"),
        ("loaded at", lambda each: f"{each.loaded_at:%Y-%m-%d %H:%M} UTC"),
        ("", lambda each: "in use" if each.in_use else "waits"),
    )


def _print_stats(found: EmbeddingStats) -> None:
    print_facts(
        [
            ("films", f"{found.films:,}"),
            ("embedded", f"{found.embedded:,} ({found.coverage:.1%})"),
            ("missing", f"{found.missing:,}"),
            ("model", f"{found.model} ({found.dimension} numbers)" if found.model else "none"),
            ("loaded at", f"{found.loaded_at:%Y-%m-%d %H:%M} UTC" if found.loaded_at else None),
        ]
    )
