"""Progress: a bar on a terminal, log lines elsewhere."""

import io

from rich.console import Console
from structlog.testing import capture_logs

from ingest.progress import watch


def test_a_terminal_gets_a_bar_with_rows_a_second() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with watch(console) as progress:
        progress.step("Reading ratings", 100)
        progress.advance(1234, 50)
        progress.step("Checking")
        progress.say("Another load is running")
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert "Reading ratings" in shown
    assert "1,234 rows" in shown
    assert "rows/s" in shown
    assert "Another load is running" in shown


def test_elsewhere_every_step_is_a_log_line() -> None:
    with capture_logs() as lines, watch(Console(file=io.StringIO())) as progress:
        progress.step("Reading ratings")
        progress.advance(10)
        progress.advance(20)
        progress.step("Checking")
        progress.say("Waiting")
    assert [line["event"] for line in lines] == ["Reading ratings: done", "Waiting"]
    assert lines[0]["rows"] == 30


def test_long_steps_are_logged_on_the_way() -> None:
    console = Console(file=io.StringIO())
    with capture_logs() as lines, watch(console, seconds=0) as progress:
        progress.step("Reading ratings")
        progress.advance(10)
        progress.advance(20)
    assert [(line["event"], line["rows"]) for line in lines] == [
        ("Reading ratings", 10),
        ("Reading ratings", 30),
        ("Reading ratings: done", 30),
    ]
