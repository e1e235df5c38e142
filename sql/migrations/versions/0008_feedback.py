"""What became of answers, and where films can be watched."""

from sql.migrations.steps import run_file

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    run_file(__file__)
