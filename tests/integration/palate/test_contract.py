"""What palate/contract.py says holds in SQL and at every face; a failure names what is missing."""

import re

import pytest
from sqlalchemy import text

from palate.contract import COMPONENTS, PARTS, PROFILE_PATTERN, Hit, Recommendation
from rerank import answer, explain, learned, recommend
from serve.cli import orders
from sql.database import Database

_COLUMNS = text(
    "SELECT coalesce(p.proargnames, '{}') AS names, coalesce(p.proargmodes, '{}') AS modes, "
    "p.prorettype::regtype::text AS returns FROM pg_proc p WHERE p.proname = :name"
)


def columns_of(database: Database, name: str) -> list[str]:
    """The columns that a function of ours returns, or those of a type."""
    with database.read() as connection:
        rows = connection.execute(_COLUMNS, {"name": name}).all()
        if not rows:
            found = text(
                "SELECT attname FROM pg_attribute WHERE attrelid = CAST(:name AS regclass) "
                "AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
            )
            return list(connection.execute(found, {"name": name}).scalars())
    (row,) = rows
    return [name for name, mode in zip(row.names, row.modes, strict=True) if mode == "t"]


def test_a_hit_of_sql_has_every_component_and_its_contribution(sample_database: Database) -> None:
    hit = set(columns_of(sample_database, "search_hit"))
    assert set(COMPONENTS) - hit == set()
    assert {f"{name}_contribution" for name in COMPONENTS} - hit == set()


def test_the_blend_has_a_weight_for_every_component(sample_database: Database) -> None:
    assert set(columns_of(sample_database, "blend")) - {"only_one"} == set(COMPONENTS)


def test_a_field_of_a_hit_is_a_column_of_search_or_of_movies(sample_database: Database) -> None:
    there = columns_of(sample_database, "search_hit") + columns_of(sample_database, "movies")
    assert set(answer.READ) - set(there) == set()
    assert set(recommend.READ) - set(columns_of(sample_database, "recommend") + there) == set()


def test_search_features_begins_with_the_columns_of_a_hit(sample_database: Database) -> None:
    hit = columns_of(sample_database, "search_hit")
    assert columns_of(sample_database, "search_features")[: len(hit)] == hit


def test_what_recommend_returns_are_columns_of_a_hit(sample_database: Database) -> None:
    hit = set(columns_of(sample_database, "search_hit"))
    assert set(columns_of(sample_database, "recommend")) - hit == set()
    named = {name for name in COMPONENTS if name in columns_of(sample_database, "recommend")}
    assert named == set(PARTS)


@pytest.mark.parametrize("words", [explain.WORDS, orders.PART_NAMES], ids=["reasons", "table"])
def test_every_component_has_a_word_for_it(words: dict[str, str]) -> None:
    assert set(words) == set(COMPONENTS)


def test_the_learned_order_knows_no_component_of_its_own() -> None:
    assert set(learned.COMPONENTS) - set(COMPONENTS) == set()


def test_a_recommendation_is_a_hit_without_a_query() -> None:
    assert set(Recommendation.model_fields) - set(Hit.model_fields) == set()


def test_tables_check_the_same_profiles(sample_database: Database) -> None:
    constraints = text(
        "SELECT conrelid::regclass::text AS relation, pg_get_constraintdef(oid) AS definition "
        "FROM pg_constraint WHERE contype = 'c' AND pg_get_constraintdef(oid) LIKE '%profile%~%'"
    )
    with sample_database.read() as connection:
        found = {row.relation: row.definition for row in connection.execute(constraints)}
    assert found
    for relation, definition in found.items():
        assert f"'^{PROFILE_PATTERN}$'" in definition, relation
        assert re.fullmatch(PROFILE_PATTERN, "main")
