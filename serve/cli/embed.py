"""`palate embed`: films' text embeddings."""

import typer

app = typer.Typer(no_args_is_help=True, help="Text embeddings of films: make them, count them.")
