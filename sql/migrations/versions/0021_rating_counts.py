"""Ratings of each film, counted as they come."""

from sql.migrations.steps import script_beside

revision = "0021"
down_revision = "0020"
upgrade = script_beside(__file__)
