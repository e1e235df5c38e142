"""What a load remembers, and times that every reader can hold."""

from sql.migrations.steps import run_file

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    run_file(__file__)
