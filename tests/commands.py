"""The whole `palate` command, with every command imported: for tests that walk them."""

from typing import Any

from typer.main import get_command

from serve.cli.main import app, load_command


def whole_command() -> Any:
    """The root group; ``commands`` of it and of its groups are complete."""
    group: Any = get_command(app)
    group.commands = {name: load_command(name) for name in group.commands}
    return group
