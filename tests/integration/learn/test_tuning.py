"""Studies: what they are tried on, that they go on after any stop, and the blend's weights."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("optuna")

import optuna

from learn import registry, tuning
from learn.blend import TunedBlend, apply_blend, tune_blend
from learn.candidates import fetch_candidates, read_weights, score_candidates
from learn.data import read_movies, read_ratings
from learn.held_out import hold_out
from learn.models.baselines import Popularity
from learn.models.factors import Svd
from learn.models.families import MODELS
from learn.models.interface import Movies, Ratings
from learn.objectives import Objective, Step, ndcg, open_objective
from learn.split import temporal_split
from learn.tuning import command, studies_file, tune
from palate.errors import ConflictError, MisuseError
from palate.settings import Settings
from sql.database import Database
from tests.at_once import run_at_once

pytestmark = pytest.mark.slow

_TUNE = """
import sys
from palate.settings import Settings
from learn.tuning import tune
from sql.database import Database

settings = Settings(data_dir=sys.argv[2], _env_file=None)
with Database(sys.argv[1], settings) as database:
    tune(database, "svd", trials=1000, study="killed", tried=lambda *_: print("tried", flush=True))
"""
_OPEN = """
import sys
import optuna
from palate.settings import Settings
from learn.tuning import _open

print("ready", flush=True)
sys.stdin.read()
print(_open(Settings(data_dir=sys.argv[1], _env_file=None), "one", "svd").study_name)
"""


@pytest.fixture
def own(few_raters_database: Database, tmp_path: Any) -> Iterator[Database]:
    """The sample, with studies in a folder of the test's own."""
    settings = Settings(data_dir=tmp_path, _env_file=None)
    with Database(few_raters_database.psql_url, settings) as database:
        yield database


def finished(database: Database, study: str) -> list[Any]:
    file = studies_file(database.settings)
    found = optuna.load_study(study_name=study, storage=f"sqlite:///{file}")
    return [trial for trial in found.trials if trial.state.is_finished()]


def test_a_study_goes_on_after_kill_9(own: Database) -> None:
    killed = subprocess.Popen(
        [sys.executable, "-c", _TUNE, own.psql_url, str(own.settings.data_dir)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert killed.stdout is not None
    assert [killed.stdout.readline() for _ in range(3)] == ["tried\n"] * 3
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    before = finished(own, "killed")
    found = tune(own, "svd", trials=len(before) + 1, study="killed")
    after = finished(own, "killed")
    assert [t.params for t in after[: len(before)]] == [t.params for t in before]
    assert found.trials == len(after) == len(before) + 1
    assert found.before == before[0].value  # the default parameters are tried first
    assert found.value == max(t.value for t in after)
    assert found.command is not None
    assert found.command.startswith("palate train svd --set rank=")
    again = tune(own, "svd", trials=1, study="killed")
    assert again == found  # it has that many


def test_several_that_open_the_first_study_at_once_share_its_file(tmp_path: Path) -> None:
    assert run_at_once(_OPEN, [str(tmp_path)], 4) == ["one\n"] * 4


def test_whoever_tries_the_same_study_shares_its_attempts(
    own: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(monkeypatch, [0.5] * 9)

    def beside(attempt: int, *_: object) -> None:
        if attempt == 0:
            tune(own, "als", trials=3, study="shared")

    assert tune(own, "als", trials=5, study="shared", tried=beside).trials == 5
    drawn = [tuple(trial.params.items()) for trial in finished(own, "shared")]
    assert len(set(drawn)) == 5


def test_a_study_is_of_one_model_and_one_set_of_ratings(
    own: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(monkeypatch, [0.5])
    tune(own, "svd", trials=1, study="mine")
    with pytest.raises(ConflictError, match="another --study"):
        tune(own, "als", trials=1, study="mine")
    monkeypatch.setattr(tuning, "fingerprint", lambda _: "others")
    with pytest.raises(ConflictError, match="fingerprint"):
        tune(own, "svd", trials=1, study="mine")


def test_attempts_below_the_median_are_given_up(
    own: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(monkeypatch, [0.5, 0.6, 0.5, 0.6, 0.5, 0.1, 0.7])
    heard: list[float] = []
    found = tune(own, "als", trials=7, tried=lambda _, value, __: heard.append(value))
    assert (found.trials, found.pruned, found.value) == (7, 1, 0.7)
    assert heard == [0.5, 0.6, 0.5, 0.6, 0.5, 0.7]
    assert found.study.startswith("als-")


def given(monkeypatch: pytest.MonkeyPatch, values: list[float]) -> None:
    """An objective that gives these values, at its first step and in the end."""
    left = list(values)

    def attempt(_: Mapping[str, Any], step: Step) -> float:
        value = left.pop(0)
        step(1, value)
        return value

    @contextmanager
    def made(_: Database, name: str, **__: Any) -> Iterator[Objective]:
        yield Objective(MODELS[name]().parameters(), attempt)

    monkeypatch.setattr(tuning, "open_objective", made)


def test_nothing_is_tried_on_what_evaluation_measures(
    few_raters_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    taught: list[Ratings] = []

    class Spy(Popularity):
        def _learn(self, ratings: Ratings, movies: Movies | None) -> None:
            taught.append(ratings)
            super()._learn(ratings, movies)

    monkeypatch.setitem(MODELS, "spy", Spy)
    with open_objective(few_raters_database, "spy") as goal:
        reached = goal.attempt(goal.defaults, lambda *_: None)
    assert 0 < reached < 1
    ratings = read_ratings(few_raters_database)
    rest = ratings.where(~temporal_split(ratings, 0.2))
    learned = rest.where(~temporal_split(rest, 0.2))
    assert registry.fingerprint(taught[0].where(np.ones(len(taught[0]), np.bool_))) == (
        registry.fingerprint(learned)
    )


def test_candidates_stand_as_sql_has_them(few_raters_database: Database) -> None:
    with hold_out(few_raters_database, ("one-word",), users=60) as held:
        model = Svd(rank=16).fit(held.training, read_movies(held.database))
        registry.activate(held.database, registry.save_factors(held.database, model, metrics={}))
        lists = fetch_candidates(held.database, held.queries["one-word"])
        ours = ndcg(lists, score_candidates(model, lists))
        theirs = ndcg(lists, np.nan_to_num(lists.components["collaborative"]))
    assert ours == pytest.approx(theirs, abs=2e-3)


def test_the_order_is_tuned_on_its_own_features(few_raters_database: Database) -> None:
    with open_objective(few_raters_database, "order") as goal:
        reached = goal.attempt({**goal.defaults, "rounds": 5, "least_in_leaf": 20}, lambda *_: None)
    assert 0 < reached < 1


def test_weights_are_tuned_and_used_when_applied(few_raters_copy: Database) -> None:
    before = read_weights(few_raters_copy)
    found = tune_blend(few_raters_copy)
    assert read_weights(few_raters_copy) == before
    assert sum(found.after.values()) == pytest.approx(1, abs=1e-3)
    assert found.after["collaborative"] == 0  # no factors are active
    apply_blend(few_raters_copy, found, force=True)
    assert read_weights(few_raters_copy) == pytest.approx(dict(found.after), abs=1e-4)
    worse = TunedBlend(found.before, found.before, 0.6, 0.5, 10)
    with pytest.raises(ConflictError, match="--force"):
        apply_blend(few_raters_copy, worse)


def test_what_cannot_be_tuned_is_said(few_raters_database: Database) -> None:
    with pytest.raises(MisuseError, match="popularity cannot be tuned"):
        tune(few_raters_database, "popularity")


def test_every_space_is_of_parameters_that_there_are() -> None:
    for name, space in tuning.SPACES.items():
        if name != "order":
            assert set(space) <= set(MODELS[name]().parameters())
    assert command("bpr", {"rank": 8}) is None
    assert command("order", {"leaves": 7}) == "palate train --set order.leaves=7"
