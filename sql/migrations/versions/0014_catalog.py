"""Films that come and go one by one, and writing of many."""

from sql.migrations.steps import run_file

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    run_file(__file__)
