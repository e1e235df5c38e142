"""Rebuild the sample: ``python -m samples.build catalog|ratings|embeddings|all``.

Each file is made from its inputs alone and comes out the same every time.
"""

import argparse
import csv
import gzip
import io
import zipfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from ingest.embeddings import describe_film
from palate.embedder import Embedder, LocalEmbedder
from samples import catalog, ratings

SOURCE = Path("../shared/data/films/movies.json.gz")
EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest time a zip file knows


def build_catalog(source: Path, folder: Path) -> Counter[str]:
    """Write movies.csv.gz; gives how often each rule and fix was applied."""
    counts: Counter[str] = Counter()
    films = catalog.clean(source, counts)
    _write_csv(folder / "movies.csv.gz", catalog.COLUMNS, catalog.to_rows(films))
    counts["films"] = len(films)
    return counts


def build_ratings(source: Path, folder: Path) -> int:
    """Write ratings.csv.gz; gives the number of ratings."""
    made = ratings.generate(catalog.clean(source))
    rows = ({**asdict(one), "rated_at": f"{one.rated_at:%Y-%m-%dT%H:%M:%SZ}"} for one in made)
    _write_csv(folder / "ratings.csv.gz", ["user_id", "movie_id", "rating", "rated_at"], rows)
    return len(made)


def build_embeddings(folder: Path, embedder: Embedder) -> int:
    """Write embeddings.npz for the films of movies.csv.gz; gives their number."""
    films = read_films(folder / "movies.csv.gz")
    vectors = embedder.embed([describe_row(film) for film in films])
    arrays: dict[str, NDArray[Any]] = {
        "movie_id": np.array([int(film["movie_id"]) for film in films], np.int64),
        "embedding": vectors.astype(np.float16),
        "model": np.array(embedder.name),
    }
    # numpy's own savez stamps the time of day into the file.
    with zipfile.ZipFile(folder / "embeddings.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, array, allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", EPOCH), buffer.getvalue())
    return len(films)


def read_films(path: Path) -> list[dict[str, str]]:
    """The rows of movies.csv.gz."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def describe_row(film: dict[str, str]) -> str:
    """The text that is embedded for a row of movies.csv.gz."""
    return describe_film(
        film["title"],
        int(film["year"]) if film["year"] else None,
        [genre for genre in film["genres"].split("|") if genre],
        film["director"] or None,
        [keyword for keyword in film["keywords"].split("|") if keyword],
        film["overview"] or None,
    )


def _write_csv(path: Path, columns: list[str], rows: Iterable[Mapping[str, object]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    # No name and no time inside, so that equal content is an equal file.
    with path.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(text.getvalue().encode())


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m samples.build", description=__doc__)
    parser.add_argument("part", choices=["catalog", "ratings", "embeddings", "all"])
    parser.add_argument("--source", type=Path, default=SOURCE, help="the list of films")
    parser.add_argument("--folder", type=Path, default=catalog.HERE, help="where files go")
    given = parser.parse_args()
    console = Console()
    if given.part in ("catalog", "all"):
        for name, count in sorted(build_catalog(given.source, given.folder).items()):
            console.print(f"{count:6,} {name}")
    if given.part in ("ratings", "all"):
        console.print(f"{build_ratings(given.source, given.folder):6,} ratings")
    if given.part in ("embeddings", "all"):
        console.print(f"{build_embeddings(given.folder, LocalEmbedder()):6,} vectors")


if __name__ == "__main__":
    main()
