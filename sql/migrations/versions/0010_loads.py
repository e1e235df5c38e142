"""What a load remembers, and times that every reader can hold."""

from sql.migrations.steps import script_beside

revision = "0010"
down_revision = "0009"
upgrade = script_beside(__file__)
