"""What is told on standard error, by the level that was asked for."""

import logging
from collections.abc import Iterator

import pytest

from palate.logs import set_up_logs
from palate.settings import Settings


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger, as it was afterwards."""
    root = logging.getLogger()
    names = ("alembic", "stamina", "urllib3")
    handlers, levels = root.handlers[:], {name: logging.getLogger(name).level for name in names}
    level = root.level
    yield root
    root.handlers = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


@pytest.mark.parametrize(("level", "told"), [("warning", False), ("info", True), ("debug", True)])
@pytest.mark.parametrize("library", ["stamina", "urllib3.connectionpool"])
def test_retries_are_told_to_who_wants_to_hear_everything(
    root: logging.Logger, level: str, library: str, told: bool
) -> None:
    set_up_logs(Settings(_env_file=None, log_level=level))
    assert logging.getLogger("palate").isEnabledFor(logging.WARNING)
    assert logging.getLogger(library).isEnabledFor(logging.WARNING) == told
    assert root.handlers


@pytest.mark.parametrize(("serving", "first"), [(False, "20"), (True, "{")])
def test_a_command_tells_people_and_a_server_tells_machines(
    root: logging.Logger, capsys: pytest.CaptureFixture[str], serving: bool, first: str
) -> None:
    """Where no terminal is."""
    set_up_logs(Settings(_env_file=None), serving=serving)
    root.info("movies: done")
    told = capsys.readouterr().err
    assert told.startswith(first)
    assert "\x1b" not in told
