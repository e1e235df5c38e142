"""Runs are kept, read back with MLflow's own client, and never in the way of training."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mlflow")

from learn.models.epochs import listening, tell_epoch
from learn.tracking import EXPERIMENT, git_revision, tracked, tracking_uri
from palate.errors import MisuseError
from palate.settings import Settings
from tests.at_once import run_at_once

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")


_TRACK = """
import sys
from palate.settings import Settings
from learn import tracking

print("ready", flush=True)
sys.stdin.read()
tracking._PATIENCE = 600  # on a busy machine, too
settings = Settings(data_dir=sys.argv[1], mlflow_tracking_uri=None, _env_file=None)
with tracking.tracked(settings, "train", print) as run:
    run.metrics({"done": 1})
"""


@pytest.fixture(scope="module")
def begun_at_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, list[str]]:
    """A store that two trainings opened first and at once, and what they said."""
    folder = tmp_path_factory.mktemp("data")
    return settings(folder), run_at_once(_TRACK, [str(folder)], 2)


@pytest.fixture(scope="module")
def kept(begun_at_once: tuple[Settings, list[str]]) -> Settings:
    """Runs kept in a file: MLflow makes its tables once."""
    return begun_at_once[0]


def settings(folder: Path, uri: str | None = None) -> Settings:
    return Settings(data_dir=folder, mlflow_tracking_uri=uri, _env_file=None)


def test_trainings_that_begin_at_once_all_keep_their_runs(
    begun_at_once: tuple[Settings, list[str]],
) -> None:
    from mlflow.tracking import MlflowClient

    kept, said = begun_at_once
    assert said == ["", ""]
    client = MlflowClient(tracking_uri=tracking_uri(kept))
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    assert [run.info.status for run in runs] == ["FINISHED", "FINISHED"]


def read_back(kept: Settings) -> tuple[Any, list[str]]:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=tracking_uri(kept))
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    run = client.search_runs([experiment.experiment_id])[0]
    return run, [file.path for file in client.list_artifacts(run.info.run_id)]


def test_a_run_holds_what_was_said(kept: Settings) -> None:
    said: list[str] = []
    with tracked(kept, "train", said.append) as run:
        run.parameters({"rank": 8, "model": "svd"})
        for fit in range(2):
            for epoch in (1, 2):
                tell_epoch(epoch, loss=1 / (epoch + fit))
        run.metrics({"ndcg@10": 0.5})
        run.tags({"fingerprint": "abc"})
        run.artefact("report.json", b"{}")
    found, files = read_back(kept)
    assert said == []
    assert found.info.status == "FINISHED"
    assert found.data.params == {"rank": "8", "model": "svd"}
    assert found.data.metrics == {"ndcg_at_10": 0.5, "fit 1/loss": 0.5, "fit 2/loss": 1 / 3}
    assert found.data.tags["fingerprint"] == "abc"
    assert found.data.tags.get("mlflow.source.git.commit") == git_revision()
    assert files == ["report.json"]
    epochs = [(m.step, m.value) for m in _history(kept, found.info.run_id)]
    assert epochs == [(1, 1.0), (2, 0.5)]


def _history(kept: Settings, run_id: str) -> list[Any]:
    from mlflow.tracking import MlflowClient

    found = MlflowClient(tracking_uri=tracking_uri(kept)).get_metric_history(run_id, "fit 1/loss")
    return list(found)


def test_off_keeps_nothing(tmp_path: Path) -> None:
    with tracked(settings(tmp_path, "off"), "train") as run:
        run.metrics({"ndcg@10": 0.5})
    assert not run.kept
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_fails_is_said_once_and_fails_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    said: list[str] = []
    served = settings(tmp_path, "http://somebody:secret@127.0.0.1:9")
    with tracked(served, "train", said.append) as run:
        run.metrics({"ndcg@10": 0.5})
        run.artefact("report.json", b"{}")
    assert said == [
        "This run is not kept at http://127.0.0.1:9 (no answer); what was learned is. "
        "PALATE_MLFLOW_TRACKING_URI=off keeps none."
    ]


def test_whatever_ends_the_training_ends_the_run(kept: Settings) -> None:
    def stopped() -> None:
        with tracked(kept, "train"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert read_back(kept)[0].info.status == "KILLED"


def test_listeners_hear_only_what_happens_inside() -> None:
    heard: list[int] = []
    tell_epoch(1)
    with listening(lambda epoch, _: heard.append(epoch)):
        tell_epoch(2)
    tell_epoch(3)
    assert heard == [2]


def test_the_revision_is_that_of_a_folder_under_git(tmp_path: Path) -> None:
    assert git_revision(tmp_path) is None
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run([*git, "init", "-q"], check=True)
    (tmp_path / "file").write_text("1")
    subprocess.run([*git, "add", "file"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "first"], check=True)
    clean = git_revision(tmp_path)
    assert clean is not None
    (tmp_path / "file").write_text("2")
    assert git_revision(tmp_path) == f"{clean}-dirty"


def test_nothing_is_kept_of_what_was_refused(tmp_path: Path) -> None:
    with pytest.raises(MisuseError), tracked(settings(tmp_path), "train"):
        raise MisuseError("There are no ratings.")
    assert list(tmp_path.iterdir()) == []
