"""A user may be called by digits behind a 0, which is no way to write a number."""

from sql.migrations.steps import run_file

revision = "0032"
down_revision = "0029"


def upgrade() -> None:
    run_file(__file__)
