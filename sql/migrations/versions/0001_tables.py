"""Films, ratings, people and their statistics."""

from sql.migrations.steps import script_beside

revision = "0001"
down_revision = None
upgrade = script_beside(__file__)
