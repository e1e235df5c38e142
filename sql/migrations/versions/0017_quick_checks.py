"""Ratings and events of the profile main are checked without a regular expression."""

from sql.migrations.steps import script_beside

revision = "0017"
down_revision = "0014"
upgrade = script_beside(__file__)
