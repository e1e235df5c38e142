"""What people did beside rating, and users who are called by a name."""

from sql.migrations.steps import script_beside

revision = "0007"
down_revision = "0005"
upgrade = script_beside(__file__)
