"""Files that were taken from a place that is followed."""

from sql.migrations.steps import run_file

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    run_file(__file__)
