"""The benchmark of loading: a scratch database beside yours, and no trace of it afterwards."""

from pathlib import Path

import pytest
from sqlalchemy import text

from bench.ingest import PeakMemory, bench_ingest, generate
from ingest.sources.movielens import MovieLens
from sql.database import Database

pytestmark = pytest.mark.slow


def test_it_measures_both_and_leaves_nothing(database: Database) -> None:
    report = bench_ingest(database, rows=2_000)
    assert (report.rows, report.films) == (2_000, 1_008)
    assert report.ratio == pytest.approx(report.load_rows_per_second / report.plain_rows_per_second)
    assert report.load_processor, "the server is on this machine"
    assert report.plain_processor
    assert 0 < report.memory_before_mb <= report.memory_peak_mb
    with database.read() as connection:
        scratch = "SELECT count(*) FROM pg_database WHERE datname LIKE 'palate_bench_%'"
        assert connection.execute(text(scratch)).scalar_one() == 0
        assert connection.execute(text("SELECT count(*) FROM movies")).scalar_one() == 0


def test_generated_ratings_are_clean_and_the_same_in_both_files(tmp_path: Path) -> None:
    generate(tmp_path / "ml", 1_000)
    blocks = list(MovieLens(tmp_path / "ml").ratings())
    assert sum(block.rows for block in blocks) == 1_000
    assert not any(block.rejected for block in blocks)
    ours = b"".join(block.data for block in blocks).decode().splitlines()
    plain = (tmp_path / "ml" / "plain.csv").read_text().splitlines()
    assert [line.split(",")[:3] for line in ours] == [line.split(",")[:3] for line in plain]


def test_peak_memory_sees_a_large_object() -> None:
    with PeakMemory(interval=0.001) as memory:
        large = bytearray(64 << 20)
        large[:: 1 << 12] = b"x" * len(large[:: 1 << 12])
    assert memory.peak - memory.before > 50e6
