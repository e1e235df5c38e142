"""The two towers in the database: served by search, folded in, and safe from a killed training."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from learn import registry
from learn.data import read_ratings
from learn.models.epochs import listening
from learn.models.factors import Svd
from learn.models.two_tower.model import TwoTower
from learn.tower_vectors import read_vectors
from learn.train import train
from palate.contract import SearchRequest
from rerank.profile import rate
from rerank.search import Searcher
from serve.cli.main import main
from sql.database import Database

pytestmark = pytest.mark.slow

pytest.importorskip("torch", reason="the extra embed is not installed")

ROOT = Path(__file__).parents[3]
USER = 1
TRAIN = [
    "train", "two-tower", "--rank", "16", "--epochs", "3", "--set", "batch=1024",
    "--set", "drawn=64", "--set", "width=16", "--no-evaluate",
]  # fmt: skip


_KILLED = """
import sys
from learn.models.epochs import listening
from serve.cli.main import main

def wait(epoch, _):
    if epoch == 2:
        print("second", flush=True)
        sys.stdin.read()

with listening(wait):
    main(sys.argv[1:])
"""


def ids(database: Database) -> list[int]:
    response = Searcher(database).search(SearchRequest(q="love", user_id=USER))
    return [hit.movie_id for hit in response.hits]


def small() -> TwoTower:
    return TwoTower(rank=16, width=16, epochs=1, batch=1024, drawn=64)


def test_search_uses_the_stored_vectors_and_ratings_are_folded_in(
    few_raters_copy: Database,
) -> None:
    model = small()
    trained = train(few_raters_copy, model, evaluate=False)
    assert trained.factors.state == "active"
    assert trained.factors.parameters["loss"] == "softmax"
    assert "device" not in trained.factors.parameters
    hits = Searcher(few_raters_copy).search(SearchRequest(q="love", user_id=USER)).hits
    assert all(hit.components["collaborative"] is not None for hit in hits)
    with few_raters_copy.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT f.movie_id, -(u.factors <#> f.factors_out) FROM user_factors u"
            f" JOIN movie_factors f USING (model_id) WHERE u.user_id = {USER}"
        ).all()
    assert {row[0] for row in rows} == set(model.movie_ids.tolist())
    scores = model.score([USER], [row[0] for row in rows])[0]
    assert scores == pytest.approx(np.array([row[1] for row in rows]), abs=1e-3)

    newcomer = SearchRequest(q="love", user_id=555_555)
    searcher = Searcher(few_raters_copy)
    assert not searcher.search(newcomer).personalized
    rate(few_raters_copy, 555_555, 1, 5.0)
    after = searcher.search(newcomer)
    assert after.personalized
    assert after.hits[0].components["collaborative"] is not None


def test_a_killed_training_leaves_the_active_model_and_goes_on(
    few_raters_copy: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    train(few_raters_copy, Svd(rank=8), evaluate=False)
    active, before = registry.active_model(few_raters_copy, "factors"), ids(few_raters_copy)
    monkeypatch.setenv("PALATE_DATABASE_URL", few_raters_copy.psql_url)
    monkeypatch.setenv("PALATE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("PALATE_MLFLOW_TRACKING_URI", "off")
    process = subprocess.Popen(
        [sys.executable, "-c", _KILLED, *TRAIN],
        env=dict(os.environ) | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}, cwd=tmp_path,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert "second\n" in process.stdout  # epoch: that of the first is kept
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert registry.active_model(few_raters_copy, "factors") == active
    assert len(registry.list_models(few_raters_copy)) == 1
    assert ids(few_raters_copy) == before

    epochs: list[int] = []
    with listening(lambda epoch, _: epochs.append(epoch)):
        assert main([*TRAIN, "--resume", "--vectors", str(tmp_path / "vectors")]) == 0
    assert epochs == list(range(epochs[0], 4))
    assert epochs[0] > 1
    shown = capsys.readouterr()
    assert "two-tower 1" in shown.out
    assert "Wrote the vectors of 3,198 films" in shown.err
    now = registry.active_model(few_raters_copy, "factors")
    assert now is not None
    assert now.name == "two-tower"
    assert not list(tmp_path.glob("checkpoints/*"))
    served = ids(few_raters_copy)
    written = read_vectors(tmp_path / "vectors", read_ratings(few_raters_copy))
    registry.activate(few_raters_copy, registry.save_factors(few_raters_copy, written, metrics={}))
    assert ids(few_raters_copy) == served


def test_options_that_belong_to_two_tower(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "svd", "--resume"]) == 2
    assert "belong to two-tower" in capsys.readouterr().err
    assert main(["train", "two-tower", "--device", "abacus"]) == 2
    assert "no device abacus" in capsys.readouterr().err
    assert main(["train", "two-tower", "--loss", "hinge"]) == 2
    assert "no loss hinge" in capsys.readouterr().err
