"""Films that come and go one by one, and writing of many."""

from sql.migrations.steps import script_beside

revision = "0014"
down_revision = "0013"
upgrade = script_beside(__file__)
