"""What a server asks of its database every second."""

from pathlib import Path

from palate.statements import Statements
from serve.api import health
from sql.database import Database

_STATEMENTS = Statements(Path(health.__file__).parent / "statements" / "health.sql")


def test_the_search_that_readiness_tries_reads_next_to_nothing(sample_database: Database) -> None:
    probe = _STATEMENTS.raw("probe_search")
    with sample_database.read() as connection:
        connection.exec_driver_sql(probe)  # what only a session's first search reads
        plan = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {probe}")
        [found] = plan.scalar_one()
    pages = found["Plan"]["Shared Hit Blocks"] + found["Plan"]["Shared Read Blocks"]
    assert pages < 200, "at every look of every worker"
