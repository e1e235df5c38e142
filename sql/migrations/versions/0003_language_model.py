"""What a language model said, and what is known of films by it or by their money."""

from sql.migrations.steps import run_file

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run_file(__file__)
