"""The rules alone read at least four of five requests exactly as they are meant."""

import sys
from pathlib import Path

import pytest

from ask.rules import read_request
from search.names import Names, read_names
from sql.database import Database
from tests.integration.ask.table import FRESH, LATER, TABLE, Case, cases, written


@pytest.fixture(scope="module")
def names(sample_database: Database) -> Names:
    with sample_database.read() as connection:
        return read_names(connection)


def reads(case: Case, names: Names) -> bool:
    reading = read_request(case.ask, names)
    return (
        written(reading.structure) == case.structure and list(reading.not_found) == case.not_found
    )


@pytest.mark.parametrize(
    ("table", "size", "needed"),
    [(TABLE, 100, 80), (LATER, 30, 24), (FRESH, 80, 64)],
    ids=["hundred", "later", "fresh"],
)
def test_the_rules_read_four_of_five_requests(
    names: Names, table: Path, size: int, needed: int
) -> None:
    requests = cases(table)
    wrong = [case.ask for case in requests if not reads(case, names)]
    right = len(requests) - len(wrong)
    sys.stdout.write(f"{right} of {len(requests)} requests are read as meant\n")
    assert len(requests) == size
    assert right >= needed, wrong
