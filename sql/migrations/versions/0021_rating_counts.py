"""Ratings of each film, counted as they come."""

from sql.migrations.steps import run_file

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    run_file(__file__)
