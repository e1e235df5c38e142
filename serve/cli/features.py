"""`palate features`: what is known of users, films and ratings, as files to learn from."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from ingest.features import FeatureStatistics, build_features
from ingest.sources.movielens import MovieLens
from serve.cli.command import command
from serve.cli.output import Done, err, say
from serve.cli.session import Session
from serve.cli.tables import print_facts

Share = Annotated[float, Option(min=0.0, max=0.9, help="Share of each user's ratings.")]


def _print(made: FeatureStatistics, folder: Path) -> None:
    print_facts(
        ("source", made.source),
        ("ratings", f"{made.ratings:,} of {made.users:,} users"),
        ("films", f"{made.movies:,}, {made.rated_movies:,} of them rated"),
        ("parts", f"{made.train:,} train, {made.validation:,} validation, {made.test:,} test"),
        ("sparsity", f"{made.sparsity:.2%}"),
    )
    say(f"Wrote {folder}.")


@command(
    "palate features build features",
    "palate features build features-25m --movielens ml-25m.zip --memory 3GB",
)
def build(
    session: Session,
    folder: Annotated[Path, Argument(help="Folder to write; features in it are replaced.")],
    movielens: Annotated[
        Path | None,
        Option(metavar="PATH", help="A MovieLens folder or zip, instead of the database."),
    ] = None,
    test: Share = 0.2,
    validation: Share = 0.2,
    memory: Annotated[str, Option(help="Memory to work in; more goes to disk.")] = "2GB",
    threads: Annotated[int, Option(min=1, help="Threads to work with.")] = 2,
) -> Done:
    """Write users, movies, train, validation and test as Parquet, and statistics.json.

    The last ratings of each user are the test part, those before them the validation part.
    Users and films are described by their training ratings alone.
    """
    with err().status("Building features"), ExitStack() as opened:
        source = (
            MovieLens(movielens)
            if movielens is not None
            else opened.enter_context(session.database())
        )
        made = build_features(
            source, folder, test=test, validation=validation, memory=memory, threads=threads
        )
    return Done(made, lambda: _print(made, folder))
