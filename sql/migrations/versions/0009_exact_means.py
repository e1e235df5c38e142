"""Means of ratings as they are, for what is computed from them."""

from sql.migrations.steps import run_file

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    run_file(__file__)
