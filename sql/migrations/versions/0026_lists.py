"""Films' lists are lists of texts, and rows without a key can be published."""

from sql.migrations.steps import script_beside

revision = "0026"
down_revision = "0025"
upgrade = script_beside(__file__)
