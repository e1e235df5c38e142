"""Published protocols, on a small MovieLens made for the test."""

from pathlib import Path

import numpy as np
import pytest

from evaluate.published import PROTOCOLS, repeat_protocol
from evaluate.recommend import Trial
from learn.models.interface import Ratings
from palate.errors import MisuseError


def many(users: int = 40, films: int = 30) -> Ratings:
    draw = np.random.default_rng(3)
    rated = draw.random((users, films)) < 0.7
    rows, columns = np.nonzero(rated)
    times = draw.permutation(len(rows)) * 3600.0
    return Ratings.of(rows, columns, draw.integers(2, 11, len(rows)) / 2, times)


def pairs(ratings: Ratings) -> set[tuple[int, int]]:
    return set(zip(ratings.rows.tolist(), ratings.columns.tolist(), strict=True))


@pytest.mark.parametrize("name", list(PROTOCOLS))
def test_what_is_to_be_found_is_neither_known_nor_masked(name: str) -> None:
    for trial in PROTOCOLS[name].split(many(), 0).values():  # type: ignore[index]
        masked = trial.known if trial.masked is None else trial.masked
        assert len(trial.hidden)
        assert not pairs(trial.hidden) & pairs(masked)
        assert not pairs(trial.hidden) & pairs(trial.known)


def test_of_ml_1m_the_last_tenth_is_found_from_the_first_seven() -> None:
    trials = PROTOCOLS["ml-1m"].split(many(), 0)
    trial = trials["as published"]
    assert (trial.training.values >= 4).all()
    for row in range(len(trial.known.user_ids)):
        known, hidden = trial.known.take(np.array([row])), trial.hidden.take(np.array([row]))
        if len(hidden):
            assert known.times.max() < hidden.times.min()

    def sorted_times(one: Trial) -> list[float]:
        return sorted(one.known.times.tolist())

    assert sorted_times(trials["order shuffled"]) == sorted_times(trial)
    assert not np.array_equal(trials["order shuffled"].known.times, trial.known.times)


def test_strangers_of_ml_20m_teach_nothing() -> None:
    trial = PROTOCOLS["ml-20m"].split(many(), 0)["strangers"]
    assert not np.isin(trial.hidden.user_ids, trial.training.user_ids).any()


def test_ours_stand_beside_what_was_published(tmp_path: Path) -> None:
    ratings = many()
    lines = [
        f"{user}\t{film + 1}\t{int(np.ceil(stars))}\t{int(time)}"
        for user, film, stars, time in zip(
            ratings.rows, ratings.columns, ratings.values, ratings.times, strict=True
        )
    ]
    (tmp_path / "u.data").write_text("\n".join(lines) + "\n")
    (tmp_path / "u.genre").write_text("unknown|0\nDrama|1\n")
    (tmp_path / "u.item").write_text(
        "".join(f"{i}|Film {i} (1990)|01-Jan-1990|||0|1\n" for i in range(1, 31))
    )
    rows = repeat_protocol("ml-100k", tmp_path, models=["popularity", "ease"])
    assert [(row.model, row.setting) for row in rows] == [
        ("popularity", "random quarter"), ("ease", "random quarter"),
        ("best of the benchmark", "published"),
    ]  # fmt: skip
    assert all(0 < row.values["ndcg@10"] < 1 for row in rows)
    with pytest.raises(MisuseError, match="no model oracle"):
        repeat_protocol("ml-100k", tmp_path, models=["oracle"])
