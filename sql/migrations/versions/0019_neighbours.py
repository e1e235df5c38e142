"""What people of alike taste lately liked."""

from sql.migrations.steps import script_beside

revision = "0019"
down_revision = "0017"
upgrade = script_beside(__file__)
