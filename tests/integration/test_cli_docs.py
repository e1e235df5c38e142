"""docs/cli.md is true: its commands run, in its order, and it leaves no command out."""

import importlib.util
import logging
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from serve.cli.main import main
from sql.embedded import EmbeddedServer
from tests.integration.test_cli import command_paths

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^\$ (palate .*)$", PAGE, re.MULTILINE)

FILES = {
    "films.csv": "movie_id,title,genres\n1,Legend (1985),Fantasy\n2,Alien (1979),Horror|Sci-Fi\n",
    "stars.csv": "customer,movie_id,rating\n7,1,4.5\n8,2,3\n",
    "ml-latest-small/movies.csv": "movieId,title,genres\n1,Toy Story (1995),Children|Fantasy\n",
    "ml-latest-small/ratings.csv": "userId,movieId,rating,timestamp\n1,1,4.0,964982703\n",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the files that the page names, to work in."""
    for name, content in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PALATE_DATA_DIR", str(tmp_path / "data"))
    yield tmp_path
    for data_dir in ("data", "elsewhere", "restored"):
        EmbeddedServer.destroy(tmp_path / data_dir)


def can_run(command: str) -> bool:
    """Serving runs until it is stopped (see test_cli_processes.py); embedding needs its extra."""
    embeds = "embed generate" in command or "few.csv" in command
    installed = importlib.util.find_spec("sentence_transformers") is not None
    return not command.startswith("palate serve") and (installed or not embeds)


@pytest.mark.timeout(900)
def test_the_commands_of_the_page_run_in_its_order(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert len(COMMANDS) > 40
    for command in filter(can_run, COMMANDS):
        try:
            code = main(shlex.split(command)[1:])
        finally:
            logging.getLogger().handlers.clear()
        assert code == 0, (command, capfd.readouterr().err)


def test_every_command_is_on_the_page() -> None:
    for path in command_paths():
        assert " ".join(path) in PAGE, path
