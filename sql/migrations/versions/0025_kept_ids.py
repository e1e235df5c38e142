"""What was kept of a deleted film knows the text that the film is called by."""

from sql.migrations.steps import run_file

revision = "0025"
down_revision = "0022"


def upgrade() -> None:
    run_file(__file__)
