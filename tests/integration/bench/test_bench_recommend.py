"""Recommendations on a small scale: every kind is measured, what is missed is said. No times are
judged."""

import pytest

from bench.machine import this_machine
from bench.markdown import recommend_markdown
from bench.recommend import RecommendReport, Timed, bench_made_up, bench_recommend
from palate.errors import ConflictError
from sql.database import Database


def test_a_made_up_catalog_is_measured_as_the_one_in_use(sample_database: Database) -> None:
    report = bench_made_up(sample_database, films=300, ratings=2000, answers=2)
    assert (report.films, report.ratings > 0) == (300, True)
    assert [each.what for each in report.times] == [
        "SQL recommend", "SQL similar", "HTTP recommend", "HTTP recommend, again", "HTTP similar",
    ]  # fmt: skip
    assert all(each.answers == 2 and 0 < each.p50 <= each.p99 for each in report.times)


def test_what_is_missed_is_said_by_how_much() -> None:
    times = (Timed("SQL recommend", 9, 17.5, 30), Timed("SQL similar", 9, 3, 4))
    report = RecommendReport(this_machine(), "PostgreSQL 18, postgres", 10, 20, times)
    shown = recommend_markdown(report)
    assert "<= 15     | missed by 2.5" in shown
    assert "<= 10     | ok" in shown


def test_nobody_to_recommend_to_is_said(database: Database) -> None:
    with pytest.raises(ConflictError, match=r"nothing to recommend by\. Nothing was measured"):
        bench_recommend(database)
