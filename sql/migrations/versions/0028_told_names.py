"""What TMDB says that names mean is kept; films of a genre are found without reading all films."""

from sql.migrations.steps import run_file

revision = "0028"
down_revision = "0026"


def upgrade() -> None:
    run_file(__file__)
