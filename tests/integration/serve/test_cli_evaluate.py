"""`palate evaluate` and `palate features` as they are typed."""

import json
import re
from pathlib import Path

import pytest

from serve.cli.main import main
from sql.database import Database

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def on_the_sample(few_raters_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PALATE_DATABASE_URL", few_raters_database.psql_url)
    monkeypatch.setenv("COLUMNS", "140")


def test_search_is_measured_and_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = ["--users", "25", "--samples", "100"]
    assert main(["evaluate", "search", *few, "--output", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "one-word:" in shown
    assert "genre-decade:" in shown
    assert "more than BM25" in shown
    assert {path.name for path in tmp_path.iterdir()} == {"search.json", "search.html", "search.md"}
    assert re.search(r"\| bm25 +\|", (tmp_path / "search.md").read_text())

    stored = str(tmp_path / "search.json")
    assert main(["evaluate", "search", "--compare", stored, "--compare", stored]) == 0
    assert "+0.0000" in capsys.readouterr().out
    again = ["evaluate", "search", *few, "--queries", "two-words", "--compare", stored]
    assert main(again) == 0
    assert "two-words" in capsys.readouterr().out


def test_search_is_measured_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--queries", "one-word", "--users", "10", "--samples", "100", "--json"]
    assert main(["evaluate", "search", *asked]) == 0
    run = json.loads(capsys.readouterr().out)
    assert run["about"]["data"] == "sample"
    assert run["results"]["one-word"]["rankings"]["bm25"]["metrics"]["ndcg@10"]["mean"] > 0


def test_recommendation_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--model", "svd", "--protocol", "temporal", "--users", "50", "--samples", "100"]
    assert main(["evaluate", "recommend", *asked, "--output", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "temporal: 50 users" in shown
    assert "coverage" in shown
    assert re.search(r"\| svd +\|", (tmp_path / "recommend.md").read_text())


def test_predicted_ratings_are_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "predict", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["whole"]["n"] == sum(each["n"] for each in found["by_confidence"])
    assert found["whole"]["n"] == sum(each["n"] for each in found["by_stars"])
    assert found["whole"]["covered"] >= found["level"] - 0.05
    common = [each["covered"] for each in found["by_stars"] if each["n"] > 300]
    assert min(common) >= found["level"] - 0.08


def test_what_cannot_be_measured_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "recommend", "--model", "oracle"]) == 2
    assert "no model oracle" in capsys.readouterr().err
    assert main(["evaluate", "search", "--compare", "no-such.json", "--users", "5"]) == 1
    assert "no-such.json" in capsys.readouterr().err


def test_features_are_built(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "features"
    assert main(["features", "build", str(folder)]) == 0
    assert "150 users" in capsys.readouterr().out
    assert main(["features", "build", str(folder), "--test", "0.5", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["test_fraction"] == 0.5
    assert main(["features", "build", str(tmp_path)]) == 1
    assert "holds something else" in capsys.readouterr().err
