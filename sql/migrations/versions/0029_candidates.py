"""What a person's search reads of each candidate is copied into one row."""

from sql.migrations.steps import run_file

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    run_file(__file__)
