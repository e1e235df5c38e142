"""What was kept of a deleted film knows the text that the film is called by."""

from sql.migrations.steps import script_beside

revision = "0025"
down_revision = "0022"
upgrade = script_beside(__file__)
