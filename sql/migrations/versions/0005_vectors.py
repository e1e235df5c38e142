"""Vectors of films by themselves, where nearness is looked up."""

from sql.migrations.steps import run_file

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    run_file(__file__)
