"""Text embeddings of other models beside those in use."""

from sql.migrations.steps import script_beside

revision = "0022"
down_revision = "0021"
upgrade = script_beside(__file__)
