"""Ids of films that are texts."""

from sql.migrations.steps import run_file

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    run_file(__file__)
