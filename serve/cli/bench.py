"""`palate bench`: measured speed."""

import typer

app = typer.Typer(no_args_is_help=True, help="Measure speed on this machine.")
