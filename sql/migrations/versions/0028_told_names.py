"""What TMDB says that names mean is kept; films of a genre are found without reading all films."""

from sql.migrations.steps import script_beside

revision = "0028"
down_revision = "0026"
upgrade = script_beside(__file__)
