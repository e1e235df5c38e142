"""What the documentation repeats is what the code says."""

from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_paradedb_index_in_the_docs_is_the_one_that_migrations_make() -> None:
    script = (ROOT / "sql" / "engines" / "paradedb.sql").read_text()
    start = script.index("CREATE EXTENSION")
    ddl = script[start:].strip()
    assert ddl in (ROOT / "docs" / "sql.md").read_text()
