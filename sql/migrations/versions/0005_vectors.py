"""Vectors of films by themselves, where nearness is looked up."""

from sql.migrations.steps import script_beside

revision = "0005"
down_revision = "0004"
upgrade = script_beside(__file__)
