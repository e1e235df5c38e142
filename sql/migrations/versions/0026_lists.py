"""Films' lists are lists of texts, and rows without a key can be published."""

from sql.migrations.steps import run_file

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    run_file(__file__)
