"""`palate embed`: films' text embeddings."""

from pathlib import Path
from typing import Annotated

import typer

from serve.cli.output import err, print_facts, print_json, say
from serve.cli.session import LARGEST_ID, Json, examples, session

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
    from ingest.embeddings import generate as make
    from ingest.progress import watch
    from palate.embedder import open_embedder

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
    if json:
        print_json(report)
    else:
        say(str(report))


@app.command(epilog=examples("palate embed stats", "palate embed stats --json"))
def stats(context: typer.Context, json: Json = False) -> None:
    """Show how many films have a vector, and of which model."""
    from ingest.embeddings import count_embeddings

    with session(context).database() as database:
        found = count_embeddings(database)
    if json:
        print_json(
            {
                "films": found.films,
                "embedded": found.embedded,
                "missing": found.missing,
                "model": found.model,
                "dimension": found.dimension,
                "loaded_at": found.loaded_at,
            }
        )
        return
    print_facts(
        [
            ("films", f"{found.films:,}"),
            ("embedded", f"{found.embedded:,} ({found.coverage:.1%})"),
            ("missing", f"{found.missing:,}"),
            ("model", f"{found.model} ({found.dimension} numbers)" if found.model else "none"),
            ("loaded at", f"{found.loaded_at:%Y-%m-%d %H:%M} UTC" if found.loaded_at else None),
        ]
    )
