"""Means of ratings as they are, for what is computed from them."""

from sql.migrations.steps import script_beside

revision = "0009"
down_revision = "0008"
upgrade = script_beside(__file__)
