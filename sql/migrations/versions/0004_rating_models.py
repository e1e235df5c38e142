"""Models that predict ratings, beside factors and orders."""

from sql.migrations.steps import script_beside

revision = "0004"
down_revision = "0003"
upgrade = script_beside(__file__)
