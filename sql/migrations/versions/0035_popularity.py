"""Searches read a film's popularity from the index alone."""

from sql.migrations.steps import script_beside

revision = "0035"
down_revision = "0032"

upgrade = script_beside(__file__)
