"""``python -m serve.cli``: the `palate` command of this environment."""

from serve.cli.main import run

run()
