"""`palate tune` and the parameters of `palate train` as they are typed."""

import json
from pathlib import Path

import pytest

pytest.importorskip("optuna")
pytest.importorskip("lightgbm")

from serve.cli.main import main
from sql.database import Database

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def on_the_sample(
    few_raters_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PALATE_DATABASE_URL", few_raters_database.psql_url)
    monkeypatch.setenv("PALATE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "140")


def test_a_study_prints_what_uses_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tune", "svd", "--trials", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["trials"], found["pruned"]) == (1, 0)
    assert found["value"] == found["before"] > 0
    assert found["command"] == (
        "palate train svd --set rank=64 --set degree_exponent=0.4 --set shrinkage=0.4"
        " --set slope=0.5 --set recent=2.0"
    )
    assert (tmp_path / "studies.db").exists()
    assert main(["tune", "svd", "--trials", "1"]) == 0
    shown = capsys.readouterr()
    assert "1, 0 of them given up early" in shown.out
    assert found["command"] in shown.err


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["tune", "oracle"], "oracle cannot be tuned"),
        (["tune", "svd", "--apply"], "belong to blend"),
        (["tune", "blend", "--study", "mine"], "without a study"),
        (["tune", "blend", "--trials", "5"], "Leave out --trials"),
        (["train", "oracle"], "no model oracle"),
        (["train", "--set", "rank=3"], "belong to one model"),
        (["train", "svd", "--set", "rank"], "write NAME=VALUE"),
        (["train", "svd", "--set", "rank=three"], "rank=three is no whole number"),
        (["train", "svd", "--set", "rank=-1"], "rank=-1 cannot be: it is at least 1"),
        (["train", "ease", "--set", "l2=nan"], "l2=nan cannot be: it is at least 0"),
        (["train", "svd", "--set", "depth=3"], "svd has no depth"),
        (["train", "--set", "order.depth=3"], "order has no depth"),
        (["train", "svd", "--engine", "spark"], "Spark trains als"),
        (["bench", "train", "--model", "oracle"], "no model oracle"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_cannot_be_is_said(
    typed: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(typed) == 2
    assert said in capsys.readouterr().err
