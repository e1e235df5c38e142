"""What people of alike taste lately liked."""

from sql.migrations.steps import run_file

revision = "0019"
down_revision = "0017"


def upgrade() -> None:
    run_file(__file__)
