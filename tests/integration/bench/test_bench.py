"""Benchmarks on a small scale: they run, and report what they promise. No times are judged."""

import pytest

from bench.growth import MadeUpFilms, bench_growth, vocabulary
from bench.machine import this_machine
from bench.markdown import growth_markdown, report_markdown
from bench.search import LADDER, Latency, Report, bench_search
from bench.ways import TERMS
from palate.errors import ConflictError
from sql.database import Database

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def report(sample_database: Database) -> Report:
    return bench_search(sample_database, clients=(1, 2), candidates=(20, 100), requests=3, rate=200)


def test_every_kind_of_search_is_measured(report: Report) -> None:
    measured = {(x.over, x.clients, x.candidates, x.personalized) for x in report.latencies}
    assert len(measured) == len(report.latencies) == 2 * 2 * 2 * 2
    assert {latency.requests for latency in report.latencies} == {3}
    assert all(0 < x.p50 <= x.p95 <= x.p99 for x in report.latencies)


def test_the_targets_are_those_of_one_client(report: Report) -> None:
    names = [target.name for target in report.targets()]
    assert "personalised / unpersonalised p50, HTTP, 100 candidates" in names
    assert "HTTP / SQL p50, 20 candidates" in names
    assert len(names) == 4 + 2 + 2 + 4


def test_the_ladder_has_each_way_to_search(report: Report) -> None:
    assert {(rung.over, rung.personalized) for rung in report.ladder} == {
        (over, personalized) for over in LADDER for personalized in (False, True)
    }
    assert all(0 < rung.p50 <= rung.p99 for rung in report.ladder)
    assert set(report.throughput) == {"SQL", "HTTP"}
    assert min(report.throughput.values()) > 0
    shown = report_markdown(report)
    assert "| Searcher " in shown
    assert "personalised searches a second over SQL" in shown


def test_the_report_names_machine_and_database(report: Report) -> None:
    shown = report_markdown(report)
    assert f"{report.machine.cores} cores" in shown
    assert "engine `postgres`; 3,198 films" in shown
    assert shown.count("\n| SQL  |") == shown.count("\n| HTTP |") == 4


def test_nobody_to_personalise_for_is_said(database: Database) -> None:
    with pytest.raises(ConflictError, match="Nobody in this database has a taste vector"):
        bench_search(database, over=("SQL",))


def test_growth_is_measured_in_a_scratch_database(sample_database: Database) -> None:
    grown = bench_growth(sample_database, (150, 200), requests=2, rate=200)
    assert [step.films for step in grown] == [150, 200]
    shown = growth_markdown(grown)
    assert [line.split()[1] for line in shown.splitlines()[2:]] == ["150", "200"]
    with sample_database.read() as connection:
        left = connection.exec_driver_sql(
            "SELECT count(*) FROM pg_database WHERE datname LIKE 'palate_bench_%%'"
        )
        assert left.scalar_one() == 0


def test_made_up_films_are_the_same_every_time_and_hold_what_is_searched() -> None:
    films = MadeUpFilms(300)
    assert list(films.movies()) == list(films.movies())
    assert set(" ".join(TERMS).split()) <= set(vocabulary())
    assert films.vectors().shape == (300, 384)


def test_a_target_is_reached_or_missed() -> None:
    def latency(personalized: bool, p50: float) -> Latency:
        return Latency("SQL", 1, 100, personalized, 1, p50, p50, p50)

    latencies = (latency(False, 1), latency(True, 2))
    slow = Report(this_machine(), "postgres", "18", 1, 1, 1, latencies)
    ratio = slow.targets()[0]
    assert (ratio.measured, ratio.reached) == (2.0, False)
