"""`palate serve`: the HTTP API, pages for people, tools for assistants."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI
from typer import Option

from serve.api.run import serve as run
from serve.cli.command import command
from serve.cli.session import Session
from serve.web.mount import add_pages


@command("palate serve", "palate serve --host 0.0.0.0 --api-keys-file keys.txt")
def serve(
    session: Session,
    host: Annotated[str | None, Option(envvar="PALATE_HOST", help="Address to listen on.")] = None,
    port: Annotated[
        int | None,
        Option("--port", "-p", envvar="PALATE_PORT", min=0, max=65535, help="Port."),
    ] = None,
    api_keys_file: Annotated[
        Path | None,
        Option(
            envvar="PALATE_API_KEYS_FILE",
            help="File of API keys, as `palate keys create` prints them. Without: loopback only.",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        Option(
            envvar="PALATE_WORKERS", min=1, max=64, help="Processes; they share PALATE_POOL_SIZE."
        ),
    ] = None,
    insecure: Annotated[
        bool, Option(help="Listen anywhere without keys: anyone may write.")
    ] = False,
) -> None:
    """Serve the HTTP API and the page until Ctrl-C; what runs is finished first."""
    flags = {"host": host, "port": port, "api_keys_file": api_keys_file, "workers": workers}
    given = {name: value for name, value in flags.items() if value is not None}
    run(session.settings.model_copy(update=given), insecure=insecure, faces=add_faces)


def add_faces(app: FastAPI) -> None:
    """Add to the API what else a server shows: its pages, and MCP where its extra is installed."""
    add_pages(app)
    with suppress(ModuleNotFoundError):
        from serve.mcp.endpoint import add_mcp

        add_mcp(app)
