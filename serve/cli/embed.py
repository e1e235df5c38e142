"""`palate embed`: films' text embeddings."""

from pathlib import Path
from typing import Annotated

import typer

from ingest.embeddings import EmbeddingStats, count_embeddings
from ingest.embeddings import generate as make
from ingest.progress import watch
from palate.contract import LARGEST_ID
from palate.embedder import open_embedder
from serve.cli.options import Json
from serve.cli.output import err, examples, present, print_json, say
from serve.cli.session import session
from serve.cli.tables import print_facts

_STATS = ("films", "embedded", "missing", "model", "dimension", "loaded_at")

app = typer.Typer(no_args_is_help=True, help="Text embeddings of films: make them, count them.")


@app.command(
    epilog=examples(
        "palate embed generate vectors.parquet",
        "palate embed generate some.csv --movie 12 --movie 34",
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
