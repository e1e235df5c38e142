"""Ratings and events of the profile main are checked without a regular expression."""

from sql.migrations.steps import run_file

revision = "0017"
down_revision = "0014"


def upgrade() -> None:
    run_file(__file__)
