"""Fields of one's own."""

from sql.migrations.steps import script_beside

revision = "0012"
down_revision = "0011"
upgrade = script_beside(__file__)
