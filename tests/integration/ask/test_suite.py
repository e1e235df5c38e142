"""What is understood of requests: the suites over MovieLens, held to the bars of docs/ask.md."""

import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from ask.hint import understands
from ask.rules import read_request
from ask.understood import describe_structure
from ingest.rows import Movie
from ingest.sources.movielens import MovieLens
from search.names import Names
from search.names import read_names as read_sample_names
from sql.database import Database
from tests.conftest import DATA
from tests.integration.ask.suite import (
    FRESH,
    SAMPLE,
    SUITE,
    Case,
    judge,
    read,
    read_cases,
    read_names,
)

needs_movielens = pytest.mark.skipif(
    not (DATA / "ml-latest-small").exists(), reason="MovieLens is not beside the checkout"
)


def test_every_kind_is_read_over_the_sample(sample_database: Database) -> None:
    with sample_database.read() as connection:
        names = read_sample_names(connection)
    wrong = {
        case.ask: describe_structure(reading.structure)
        for case in read_cases(SAMPLE)
        if judge(case, reading := read_request(case.ask, names)) != "right"
    }
    assert wrong == {}


@cache
def movielens_names() -> Names:
    source = MovieLens(DATA / "ml-latest-small", DATA / "tmdb_metadata.jsonl.gz")
    return read_names(source, DATA / "ml-latest-small" / "ratings.csv")


def judged(cases: list[Case]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for case in cases:
        verdict = judge(case, read(case.ask, movielens_names()))
        found.setdefault(verdict, []).append(case.ask)
    sys.stdout.write(f"{Counter({name: len(asks) for name, asks in found.items()})}\n")
    return found


@needs_movielens
def test_the_suite_is_read_right() -> None:
    """At least 85 % right, at most 3 % wrong or misleading; the rest says what is left out."""
    cases = read_cases(SUITE)
    found = judged(cases)
    assert len(cases) >= 300
    assert min(Counter(case.kind for case in cases).values()) >= 10
    assert len(found["right"]) >= 0.85 * len(cases)
    false = found.get("wrong", []) + found.get("misleading", [])
    assert len(false) <= 0.03 * len(cases), false


@needs_movielens
@pytest.mark.parametrize("path", FRESH, ids=lambda path: path.stem)
def test_what_was_fresh_stays_read(path: Path) -> None:
    """Rounds of sixty, written after the rules; docs/ask.md has how they did at first sight."""
    cases = read_cases(path)
    found = judged(cases)
    assert len(cases) >= 60
    assert len(found["right"]) >= 0.85 * len(cases), found
    assert len(found.get("misleading", [])) <= 0.05 * len(cases), found["misleading"]


@needs_movielens
def test_search_can_tell_a_request_from_words() -> None:
    """The cheap guess takes most requests for requests, and hardly a title."""
    asks = [case.ask for case in read_cases(SUITE) if case.kind != "other languages"]
    assert sum(map(understands, asks)) >= 0.7 * len(asks)
    source = MovieLens(DATA / "ml-latest-small")
    titles = [movie.title for movie in source.movies() if isinstance(movie, Movie) and movie.title]
    assert sum(map(understands, titles)) <= 0.01 * len(titles)
