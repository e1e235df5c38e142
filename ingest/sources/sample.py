"""The sample: 3,200 real films and synthetic raters that Palate carries along."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files

from ingest.sources.table import Table

NAME = "sample"


@contextmanager
def sample() -> Iterator[Table]:
    """The sample as a source, readable while the context is open."""
    folder = files("samples")
    with (
        as_file(folder / "movies.csv.gz") as movies,
        as_file(folder / "ratings.csv.gz") as ratings,
    ):
        yield Table(NAME, movies=movies, ratings=ratings)
