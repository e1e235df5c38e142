"""Real ratings: load, embed, and the tasters move as they should, typed as in the README."""

import csv
from pathlib import Path

import pytest

from tests.acceptance.pages import Command, shell
from tests.conftest import DATA

pytestmark = pytest.mark.slow

FILMS = 3000
"""The first of 9,742: an encoder takes a minute for all."""


def first_films(source: Path, target: Path) -> None:
    """Copy MovieLens's files as far as they are about the first films."""
    target.mkdir()
    kept: set[str] = set()
    for name in ("movies.csv", "links.csv", "tags.csv", "ratings.csv"):
        with (source / name).open(newline="", encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
        kept = kept or {row["movieId"] for row in rows[:FILMS]}
        with (target / name).open("w", newline="", encoding="utf-8") as lines:
            writer = csv.DictWriter(lines, rows[0])
            writer.writeheader()
            writer.writerows(row for row in rows if row["movieId"] in kept)


@pytest.mark.timeout(900)
def test_movielens_from_files_to_tasters(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers", reason="needs the extra `embed`")
    folder = DATA / "ml-latest-small"
    if not folder.is_dir():
        pytest.skip(f"needs MovieLens ratings in {folder}, which are not part of the project")
    first_films(folder, tmp_path / "ml-latest-small")
    with shell(tmp_path) as person:
        for line in (
            "palate ingest movielens ml-latest-small",
            "palate embed generate vectors.parquet",
            "palate ingest embeddings vectors.parquet",
            "palate embed stats",
            "palate test-users create",
            "palate doctor",
        ):
            person.run(Command("console", line))
        report = person.run(Command("console", "palate test-users check"))
        shown = person.run(Command("console", "palate user show 20001"))
    with (tmp_path / "ml-latest-small" / "movies.csv").open(encoding="utf-8") as lines:
        fantasy = sum("Fantasy" in row["genres"] for row in csv.DictReader(lines))
    assert f"ratings       {fantasy} " in shown
    assert "lord" in report
