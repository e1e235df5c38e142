"""What a language model said, and what is known of films by it or by their money."""

from sql.migrations.steps import script_beside

revision = "0003"
down_revision = "0002"
upgrade = script_beside(__file__)
