"""Text embeddings of other models beside those in use."""

from sql.migrations.steps import run_file

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    run_file(__file__)
