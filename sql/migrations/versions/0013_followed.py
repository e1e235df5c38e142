"""Files that were taken from a place that is followed."""

from sql.migrations.steps import script_beside

revision = "0013"
down_revision = "0012"
upgrade = script_beside(__file__)
