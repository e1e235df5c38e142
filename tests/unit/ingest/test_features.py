"""Features as Parquet: made of training ratings alone, and read with their schema checked."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from ingest.features import PARTS, SCHEMAS, build_features, read_features, read_statistics
from ingest.rejects import RejectedLineError
from ingest.rows import Movie, RatingBlock, Rejected, Source, Tag
from palate.errors import ConflictError, LoadError, MisuseError, NotFoundError

DAY = 86_400.0
MONDAY = datetime(2024, 1, 1, 13, 30, tzinfo=UTC).timestamp()


@dataclass
class Few(Source):
    """A source of a few lines."""

    lines: list[tuple[int, int, float, float]]
    rejected: list[Rejected] = field(default_factory=list)
    name: str = "few"
    location: str = "here"
    file_names: dict[str, str] = field(default_factory=dict)
    ratings_size: int | None = None

    def movies(self) -> Iterator[Movie | Rejected]:
        yield Movie(1, 1, "Heat", year=1995, genres=("Action", "Crime"))
        yield Movie(2, 2, "Up", year=2009, genres=("Animation",))
        yield Movie(3, 3, "Nobody's Film")
        yield from (Movie(i, i, f"Film {i}", genres=("Crime",)) for i in range(4, 11))

    def ratings(self) -> Iterator[RatingBlock]:
        data = "".join(",".join(map(str, line)) + "\n" for line in self.lines)
        yield RatingBlock(data.encode(), len(self.lines), [(0, 1)], self.rejected)

    def tags(self) -> Iterator[Tag | Rejected]:
        yield from ()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """User 1 rates ten films, one a day; user 2 two films years before."""
    films = [1, 2, 4, 5, 6, 7, 8, 9, 10, 3]
    stars = [5.0, 3.0, 4.0, 4.0, 4.0, 4.0, 4.0, 1.0, 1.0, 1.0]
    lines = [(1, film, star, MONDAY + day * DAY)
             for day, (film, star) in enumerate(zip(films, stars, strict=True))]  # fmt: skip
    lines += [(2, 1, 2.0, MONDAY - 800 * DAY), (2, 2, 2.0, MONDAY - 799 * DAY)]
    build_features(Few(lines), tmp_path / "features")
    return tmp_path / "features"


def row(folder: Path, name: str, key: str, value: int) -> dict[str, object]:
    return read_features(folder, name).filter(pl.col(key) == value).collect().row(0, named=True)


def test_each_users_last_ratings_are_held_out_in_order_of_time(folder: Path) -> None:
    parts = {name: read_features(folder, name).collect() for name in PARTS}
    assert {name: len(part) for name, part in parts.items()} == {
        "train": 9, "validation": 1, "test": 2
    }  # fmt: skip
    assert parts["validation"]["movie_id"].to_list() == [9]
    assert parts["test"]["movie_id"].to_list() == [10, 3]
    assert parts["train"]["rated_at"].is_sorted()


def test_a_user_is_described_by_training_ratings(folder: Path) -> None:
    user = row(folder, "users", "user_id", 1)
    assert user["rating_count"] == 7
    assert user["mean_rating"] == pytest.approx(4.0)
    assert user["std_rating"] == pytest.approx((2 / 7) ** 0.5)
    assert (user["min_rating"], user["max_rating"], user["rating_range"]) == (3, 5, 2)
    assert user["top_genres"] == ["Crime", "Action", "Animation"]
    assert user["ratings_per_month"] == 7
    assert user["recency_days"] == 0
    assert row(folder, "users", "user_id", 2)["recency_days"] == pytest.approx(805)


def test_a_film_is_described_by_training_ratings(folder: Path) -> None:
    heat = row(folder, "movies", "movie_id", 1)
    assert heat["rating_count"] == 2
    assert heat["mean_rating"] == pytest.approx(3.5)
    assert heat["trend"] == pytest.approx(5.0 - 2.0)
    assert heat["genres_hot"] == [1, 0, 1]  # Action, Animation, Crime
    unrated = row(folder, "movies", "movie_id", 3)
    assert (unrated["rating_count"], unrated["log_popularity"]) == (0, 0)
    assert unrated["mean_rating"] is unrated["trend"] is unrated["year"] is None


def test_a_rating_is_told_against_its_users_own(folder: Path) -> None:
    rating = row(folder, "train", "movie_id", 4)
    assert (rating["weekday"], rating["hour"]) == (3, 13)
    assert rating["z_score"] == pytest.approx(0)
    last = row(folder, "test", "movie_id", 3)
    assert last["z_score"] == pytest.approx((1 - 4) / (2 / 7) ** 0.5)
    assert read_features(folder, "train").filter(user_id=2).collect()["z_score"].to_list() == [0, 0]


def test_statistics_count_what_was_written(folder: Path) -> None:
    statistics = read_statistics(folder)
    assert (statistics.ratings, statistics.users, statistics.movies) == (12, 2, 10)
    assert (statistics.train, statistics.validation, statistics.test) == (9, 1, 2)
    assert statistics.genres == ["Action", "Animation", "Crime"]
    assert statistics.rating_counts == {"2": 2, "3": 1, "4": 5, "5": 1}
    assert statistics.sparsity == pytest.approx(1 - 12 / 20)


def test_building_again_gives_the_same_files(folder: Path) -> None:
    before = {name: read_features(folder, name).collect() for name in SCHEMAS}
    lines = [
        (r["user_id"], r["movie_id"], r["rating"], r["rated_at"].timestamp())
        for name in PARTS
        for r in before[name].iter_rows(named=True)
    ]
    build_features(Few(lines[::-1]), folder)
    for name, frame in before.items():
        assert read_features(folder, name).collect().equals(frame), name


@pytest.mark.parametrize(
    ("line", "reason"),
    [((1, 1, 7.0, 0.0), "not on the scale"), ((1, 99, 4.0, 0.0), "not in the catalog")],
)
def test_ratings_that_cannot_be_used_stop_the_build(
    folder: Path, line: tuple[int, int, float, float], reason: str
) -> None:
    with pytest.raises(LoadError, match=reason):
        build_features(Few([line]), folder)
    assert read_statistics(folder).ratings == 12
    assert {path.name for path in folder.parent.iterdir()} == {"features"}


def test_a_film_rated_twice_and_a_rejected_line_stop_the_build(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="rated film 1 twice"):
        build_features(Few([(1, 1, 4.0, 0.0), (1, 1, 3.0, 1.0)]), tmp_path / "features")
    with pytest.raises(RejectedLineError):
        build_features(Few([], [Rejected("ratings", 1, None, "odd", "x")]), tmp_path / "features")
    with pytest.raises(LoadError, match="no ratings"):
        build_features(Few([]), tmp_path / "features")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_something_else_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("dear")
    with pytest.raises(ConflictError, match=r"letters\.txt"):
        build_features(Few([(1, 1, 4.0, 0.0)]), tmp_path)
    assert (tmp_path / "letters.txt").read_text() == "dear"


@pytest.mark.parametrize(("memory", "said"), [("much", "no amount"), ("10KB", "too little")])
def test_memory_that_cannot_be_worked_in_is_said(tmp_path: Path, memory: str, said: str) -> None:
    with pytest.raises(MisuseError, match=said):
        build_features(Few([(1, 1, 4.0, 0.0)]), tmp_path / "features", memory=memory)
    assert list(tmp_path.iterdir()) == []


def test_a_place_where_nothing_can_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("dear")
    with pytest.raises(ConflictError, match="cannot be made"):
        build_features(Few([(1, 1, 4.0, 0.0)]), tmp_path / "file" / "features")


def test_files_of_another_schema_are_refused(folder: Path) -> None:
    users = read_features(folder, "users").collect()
    users.with_columns(pl.col("rating_count").cast(pl.Int64)).write_parquet(
        folder / "users.parquet"
    )
    with pytest.raises(LoadError, match="rating_count"):
        read_features(folder, "users")
    (folder / "movies.parquet").write_bytes(b"PAR1 but not really")
    with pytest.raises(LoadError, match="no Parquet"):
        read_features(folder, "movies")
    (folder / "train.parquet").unlink()
    with pytest.raises(NotFoundError):
        read_features(folder, "train")


def test_statistics_of_another_version_are_refused(folder: Path) -> None:
    path = folder / "statistics.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 99}))
    with pytest.raises(LoadError, match="version 99"):
        read_statistics(folder)
    path.write_text("[]")
    with pytest.raises(LoadError, match="no statistics"):
        read_statistics(folder)
    path.unlink()
    with pytest.raises(NotFoundError):
        read_statistics(folder)
