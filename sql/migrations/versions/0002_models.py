"""What was learned from ratings, where SQL can use it."""

from sql.migrations.steps import run_file

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    run_file(__file__)
