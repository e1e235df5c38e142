"""What palate/contract says holds in SQL and at every face; a failure names what is missing."""

import re

import pytest
from sqlalchemy import text

from palate.contract import COMPONENTS, PART_NAMES, PARTS, PROFILE_PATTERN, Hit, Recommendation
from rerank import answer, explain, features, learned, recommend
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


def test_search_columns_begins_with_the_columns_of_a_hit(sample_database: Database) -> None:
    hit = columns_of(sample_database, "search_hit")
    assert columns_of(sample_database, "search_columns")[: len(hit)] == hit
    assert sorted(learned.SAID) == sorted(hit)


def test_what_recommend_returns_are_columns_of_a_hit(sample_database: Database) -> None:
    own = set(PARTS) - set(COMPONENTS)
    own |= {f"{name}_contribution" for name in own} | {"sources"}
    hit = set(columns_of(sample_database, "search_hit"))
    columns = columns_of(sample_database, "recommend")
    assert set(columns) - hit == own
    assert {f"{name}_contribution" for name in PARTS} - set(columns) == set()


def test_the_mixer_has_a_weight_for_every_part(sample_database: Database) -> None:
    assert set(columns_of(sample_database, "mixer")) - {"only_one"} == set(PARTS)


def test_every_component_has_a_word_for_it() -> None:
    assert set(explain.WORDS) == set(COMPONENTS)
    assert set(PART_NAMES) == set(COMPONENTS) | set(PARTS)


def test_the_learned_order_knows_no_component_of_its_own() -> None:
    assert set(features.COMPONENTS) - set(COMPONENTS) == set()


def test_a_recommendation_is_a_hit_without_a_query() -> None:
    assert set(Recommendation.model_fields) - set(Hit.model_fields) == {"sources", "rules"}


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


_UNCOMMENTED = text("""
    SELECT 'function ' || p.oid::regprocedure FROM pg_proc p
    WHERE p.pronamespace = current_schema()::regnamespace AND obj_description(p.oid) IS NULL
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
    UNION ALL
    SELECT 'relation ' || c.relname FROM pg_class c
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'm', 'v')
      AND obj_description(c.oid, 'pg_class') IS NULL
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
    UNION ALL
    SELECT 'column ' || c.relname || '.' || a.attname
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'm', 'v', 'c')
      AND NOT a.attisdropped AND col_description(c.oid, a.attnum) IS NULL
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
""")


def test_every_table_column_and_function_says_what_it_is(sample_database: Database) -> None:
    with sample_database.read() as connection:
        assert sorted(connection.execute(_UNCOMMENTED).scalars()) == []


def test_the_account_at_psql_adds_up(sample_database: Database) -> None:
    asked = text(
        "SELECT rank, max(score) AS score, sum(contribution) AS total, min(reason) AS reason "
        "FROM explain_search('lord', 20001, k => 3) GROUP BY rank"
    )
    with sample_database.read() as connection:
        rows = connection.execute(asked).all()
    assert len(rows) == 3
    for row in rows:
        assert row.total == pytest.approx(row.score, abs=0.001)
        assert row.reason


def test_a_lover_and_a_hater_are_told_apart_in_words(sample_database: Database) -> None:
    asked = text("SELECT user_id, likes, dislikes FROM tastes WHERE user_id IN (20001, 20002)")
    with sample_database.read() as connection:
        tastes = {row.user_id: row for row in connection.execute(asked)}
    assert tastes[20001].likes.startswith("Fantasy")
    assert tastes[20001].dislikes is None
    assert tastes[20002].dislikes.startswith("Fantasy")
    assert tastes[20002].likes is None
