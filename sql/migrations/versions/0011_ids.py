"""Ids of films that are texts."""

from sql.migrations.steps import script_beside

revision = "0011"
down_revision = "0010"
upgrade = script_beside(__file__)
