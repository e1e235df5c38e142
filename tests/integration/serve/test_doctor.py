"""palate doctor: each thing that can be wrong is named with what to do."""

import pytest
import sqlalchemy

from palate.errors import DiskFullError
from palate.settings import Settings
from serve.doctor import Check, run_checks
from sql.database import Database
from sql.stats import refresh_stats
from sql.vectors import index_vectors
from tests.faulty_model import KEY, Answer, faulty_model, says, sends
from tests.local_model import LocalModel

LLM = {"llm_url", "llm_model", "llm_api_key", "llm_timeout", "llm_deadline", "llm_attempts"}


def look(database: Database, settings: Settings) -> dict[str, Check]:
    return {check.name: check for check in run_checks(database, settings)}


def change(database: Database, statement: str) -> None:
    with database.begin() as connection:
        connection.execute(sqlalchemy.text(statement))


def test_a_loaded_sample_is_well(sample_copy: Database, settings: Settings) -> None:
    assert {check.status for check in run_checks(sample_copy, settings)} == {"ok"}


def test_a_misspelt_setting_is_named(
    sample_database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PALATE_DATABSE_URL", "postgresql://somewhere/else")
    found = look(sample_database, settings)["settings"]
    assert (found.status, found.advice) == ("warn", "Is PALATE_DATABASE_URL meant?")
    assert "somewhere" not in found.detail


def test_an_empty_database_is_told_what_to_load(database: Database, settings: Settings) -> None:
    data = look(database, settings)["data"]
    assert data.status == "warn"
    assert "palate ingest sample" in data.advice


def test_what_is_wrong_is_named(sample_copy: Database, settings: Settings) -> None:
    change(sample_copy, "UPDATE movies SET embedding = NULL WHERE movie_id < 10")
    change(sample_copy, "DELETE FROM movie_search WHERE movie_id < 10")
    change(sample_copy, "INSERT INTO ratings (user_id, movie_id, rating) VALUES (9, 9, 5)"
                        " ON CONFLICT DO NOTHING")  # fmt: skip
    change(sample_copy, "INSERT INTO ratings (user_id, movie_id, rating) VALUES (99999, 9, 5)")
    checks = look(sample_copy, settings)
    assert checks["vectors"].status == "warn"
    assert checks["search index"].status == "warn"
    assert checks["statistics"].status == "warn"
    assert all(check.advice for check in checks.values() if check.status != "ok")


def test_popularity_that_searches_have_otherwise_is_told(
    sample_copy: Database, settings: Settings
) -> None:
    index_vectors(sample_copy)
    assert look(sample_copy, settings)["statistics"].status == "ok"
    change(sample_copy, "UPDATE candidate_features SET popularity = 9 WHERE movie_id = 1")
    assert look(sample_copy, settings)["statistics"].status == "warn"
    refresh_stats(sample_copy)
    assert look(sample_copy, settings)["statistics"].status == "ok"


def test_a_server_that_compiles_short_queries_is_named(
    sample_copy: Database, settings: Settings
) -> None:
    name = sample_copy.url.database
    change(sample_copy, f"ALTER DATABASE {name} SET jit = on")
    with Database(sample_copy.psql_url, settings) as database:
        jit = look(database, settings)["jit"]
    assert jit.status == "warn"
    assert f"ALTER DATABASE {name} SET jit = off" in jit.advice


def test_a_full_disk_is_called_that(sample_database: Database) -> None:
    refusal = "DO $$ BEGIN RAISE EXCEPTION 'no space' USING ERRCODE = 'disk_full'; END $$"
    with pytest.raises(DiskFullError, match=r"disk is full.*Make room"):
        change(sample_database, refusal)


def test_a_missing_schema_fails(sample_copy: Database, settings: Settings) -> None:
    change(sample_copy, "UPDATE schema_version SET version_num = '0000'")
    schema = look(sample_copy, settings)["schema"]
    assert schema.status == "fail"
    assert "newer" in schema.detail


def test_a_server_that_is_down_fails(settings: Settings) -> None:
    with Database("postgresql://nobody@127.0.0.1:1/none", settings) as database:
        server = look(database, settings)["server"]
    assert server.status == "fail"
    assert "PALATE_DATABASE_URL" in server.detail
    assert "doctor" not in server.detail


def test_without_a_language_model_rules_answer(database: Database, settings: Settings) -> None:
    assert look(database, settings)["language model"].detail.startswith("none set")


def test_a_language_model_is_asked_for_a_small_answer(
    database: Database, settings: Settings, local_model: LocalModel
) -> None:
    check = look(database, local_model.settings(settings))["language model"]
    assert check.status == "ok"
    assert check.detail.startswith("gemma-3-270m at 127.0.0.1 answers after")


def test_what_is_wrong_with_a_language_model_is_told_without_its_key(
    database: Database, settings: Settings
) -> None:
    def found(answer: Answer, **changes: object) -> Check:
        with faulty_model(answer) as faulty:
            mine = faulty.settings(llm_attempts=1).model_dump(include=LLM) | changes
            check = look(database, settings.model_copy(update=mine))["language model"]
        assert check.status == "warn"
        assert KEY not in check.detail + check.advice
        return check

    refused = found(sends(401, f'{{"error": {{"message": "{KEY}"}}}}'))
    assert "answered 401" in refused.detail
    assert "PALATE_LLM_API_KEY" in refused.advice
    other = found(says('{"ready": true}'), llm_model="another")
    assert "is not among its 1 models" in other.detail
    assert "PALATE_LLM_MODEL" in found(sends(500, "{}"), llm_model=None).advice
    assert "PALATE_LLM_URL" in found(sends(500, "{}"), llm_url=None).advice
    assert "gave no answer of the form" in found(says("Yes")).detail
