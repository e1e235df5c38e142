"""Films that other services were asked about."""

from sql.migrations.steps import script_beside

revision = "0020"
down_revision = "0019"
upgrade = script_beside(__file__)
