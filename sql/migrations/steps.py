"""What every migration does: run the SQL file beside it."""

from collections.abc import Callable
from pathlib import Path

from alembic import op

from palate.statements import run_script


def script_beside(migration: str) -> Callable[[], None]:
    """An ``upgrade()`` that runs the ``.sql`` file of the migration's own name."""

    def upgrade() -> None:
        run_file(migration)

    return upgrade


def run_file(migration: str) -> None:
    """Run the ``.sql`` file that has the migration's own name."""
    run_script(op.get_bind(), Path(migration).with_suffix(".sql").read_text(encoding="utf-8"))
