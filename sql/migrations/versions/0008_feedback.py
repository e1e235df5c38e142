"""What became of answers, and where films can be watched."""

from sql.migrations.steps import script_beside

revision = "0008"
down_revision = "0007"
upgrade = script_beside(__file__)
