"""What was learned from ratings, where SQL can use it."""

from sql.migrations.steps import script_beside

revision = "0002"
down_revision = "0001"
upgrade = script_beside(__file__)
