"""`palate models` and what `palate train` says, as they are typed."""

import json
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("lightgbm")

from learn import registry
from learn.data import read_ratings
from learn.models.factors import Svd
from serve.cli.main import main
from sql.database import Database


@pytest.fixture
def database(
    few_raters_copy: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Database:
    monkeypatch.setenv("PALATE_DATABASE_URL", few_raters_copy.psql_url)
    monkeypatch.setenv("PALATE_DATA_DIR", str(tmp_path))
    return few_raters_copy


def printed(capsys: pytest.CaptureFixture[str], *typed: str) -> Any:
    assert main(list(typed)) == 0
    return json.loads(capsys.readouterr().out)


def test_every_command_prints_json(
    database: Database, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGTZ", "Asia/Kolkata")
    model = registry.save_factors(database, Svd(rank=4).fit(read_ratings(database)), metrics={})
    assert printed(capsys, "models", "activate", str(model), "--json")["state"] == "active"
    (listed,) = printed(capsys, "models", "list", "--json")
    assert (listed["id"], listed["name"]) == (model, "svd")
    assert main(["models", "list"]) == 0
    made = registry.get_model(database, model).created_at
    assert made.utcoffset() == timedelta(hours=5, minutes=30)
    assert f"{made.astimezone(UTC):%Y-%m-%d %H:%M}" in capsys.readouterr().out
    assert printed(capsys, "models", "off", "factors", "--json") == {
        "kind": "factors",
        "changed": True,
    }
    assert printed(capsys, "models", "off", "factors", "--json")["changed"] is False
    assert printed(capsys, "models", "rollback", "factors", "--json")["id"] == model
    assert main(["models", "remove", str(model), "--yes"]) == 1
    assert "is the active model" in capsys.readouterr().err
    printed(capsys, "models", "off", "factors", "--json")
    assert printed(capsys, "models", "remove", str(model), "--yes", "--json")["id"] == model
    assert printed(capsys, "models", "list", "--json") == []


def test_what_cannot_be_measured_is_not_used_unless_forced(
    database: Database, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with database.begin() as connection:
        connection.exec_driver_sql(
            "DELETE FROM ratings WHERE user_id NOT IN"
            " (SELECT user_id FROM users ORDER BY user_id LIMIT 4)"
        )
    made = printed(capsys, "train", "svd", "--rank", "2", "--json")
    assert made["factors"]["state"] == "candidate"
    assert "could not be measured" in made["refused"][0]
    made = printed(capsys, "train", "svd", "--rank", "2", "--force", "--json")
    assert (made["factors"]["state"], made["refused"]) == ("active", [])
    films = tmp_path / "films.csv"
    films.write_text("movie_id,title,genres\n1,Heat (1995),Crime\n")
    assert main(["ingest", "csv", "--movies", str(films), "--replace"]) == 0
    assert "3,198 films" in (said := capsys.readouterr().err)
    assert "and 2 trained models" in said


def test_written_vectors_are_loaded_as_a_candidate(
    database: Database, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    from learn.models.two_tower.model import TwoTower
    from learn.tower_vectors import write_vectors

    taught = read_ratings(database).take(np.arange(40))
    towers = TwoTower(rank=8, width=8, epochs=1).fit(taught)
    write_vectors(towers, tmp_path / "vectors")
    stored = printed(capsys, "models", "load", str(tmp_path / "vectors"), "--json")
    assert (stored["name"], stored["state"]) == ("two-tower", "candidate")
    assert stored["fingerprint"] == registry.fingerprint(towers.ratings)
    _, inward, outward = registry.read_factors(database, stored["id"])
    assert np.array_equal(inward, towers.factors_in)
    assert np.array_equal(outward, towers.factors_out)
    with database.begin() as connection:
        connection.exec_driver_sql("DELETE FROM ratings")
        connection.exec_driver_sql("UPDATE movies SET movie_id = movie_id + 1000000")
    assert main(["models", "load", str(tmp_path / "vectors")]) == 1
    assert "other films" in capsys.readouterr().err
    assert main(["models", "load", str(tmp_path / "nowhere")]) == 1
    assert "There is no" in capsys.readouterr().err
