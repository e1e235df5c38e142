"""The rules alone read at least eighty of a hundred requests exactly as they are meant."""

import sys

import pytest

from rerank.ask.rules import read_request
from rerank.names import Names, read_names
from sql.database import Database
from tests.ask.table import Case, cases, written

NEEDED = 80


@pytest.fixture(scope="module")
def names(sample_database: Database) -> Names:
    with sample_database.read() as connection:
        return read_names(connection)


def reads(case: Case, names: Names) -> bool:
    reading = read_request(case.ask, names)
    return (
        written(reading.structure) == case.structure and list(reading.not_found) == case.not_found
    )


def test_the_rules_read_eighty_of_a_hundred_requests(names: Names) -> None:
    table = cases()
    wrong = [case.ask for case in table if not reads(case, names)]
    sys.stdout.write(f"{len(table) - len(wrong)} of {len(table)} requests are read as meant\n")
    assert len(table) == 100
    assert len(table) - len(wrong) >= NEEDED, wrong
