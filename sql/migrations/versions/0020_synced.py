"""Films that other services were asked about."""

from sql.migrations.steps import run_file

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    run_file(__file__)
