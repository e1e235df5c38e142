"""A search for nobody reads a film's popularity from the index alone."""

from sql.migrations.steps import run_file

revision = "0035"
down_revision = "0032"


def upgrade() -> None:
    run_file(__file__)
