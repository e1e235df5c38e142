"""The server over standard input and output, for an assistant that starts it itself."""

from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.to_thread
from mcp.server.stdio import stdio_server

from serve.api.keys import Scope
from serve.api.lines import Kind
from serve.api.problems import ForbiddenError
from serve.mcp.server import Context, make_server
from serve.mcp.tools import Toolbox

T = TypeVar("T")


class _Desk:
    """Whoever starts the process may read; and write, where they said so."""

    def __init__(self, *, write: bool) -> None:
        self._write = write

    def check(self, _: Context, scope: Scope) -> None:
        if scope != "read" and not self._write:
            raise ForbiddenError(
                "This server only reads. Nothing was changed. Start it as `palate mcp --write`."
            )

    async def run(self, _: Context, _line: Kind, work: Callable[[], T]) -> T:
        return await anyio.to_thread.run_sync(work)


def serve(box: Toolbox, *, write: bool) -> None:
    """Answer until standard input ends."""
    server = make_server(box, _Desk(write=write))

    async def run() -> None:
        async with stdio_server() as (read, out):
            await server.run(read, out, server.create_initialization_options())

    anyio.run(run)
