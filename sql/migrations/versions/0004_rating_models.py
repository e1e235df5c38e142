"""Models that predict ratings, beside factors and orders."""

from sql.migrations.steps import run_file

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run_file(__file__)
