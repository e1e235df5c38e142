"""What people did beside rating, and users who are called by a name."""

from sql.migrations.steps import run_file

revision = "0007"
down_revision = "0005"


def upgrade() -> None:
    run_file(__file__)
