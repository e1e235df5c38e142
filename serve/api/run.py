"""Run the HTTP server until it is told to stop."""

import contextlib
import math
import signal
import socket
from collections.abc import Iterator
from types import FrameType

import structlog
import uvicorn
from fastapi import FastAPI

from palate.errors import ListenError
from palate.settings import Settings
from serve.api.app import create_app, create_guard
from sql.database import Database
from sql.migrate import migrate

_log = structlog.get_logger()
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# The address, the headers and the request line, before h11 gives up on them.
_HEADER_BYTES = 32_768
_KEEP_ALIVE_SECONDS = 65


def serve(settings: Settings, *, insecure: bool = False) -> None:
    """Serve until SIGINT or SIGTERM, then finish what runs and return.

    The embedded database is started and migrated; another one is only connected to, and may be
    down: searches then answer 503 until it is back. Raises, before anything starts, ListenError
    when the address cannot be had, MisuseError when listening there without keys would let
    strangers in, and NotInstalledError when the encoder is to be loaded and is not there.
    """
    create_guard(settings, insecure=insecure).check_listening(settings.host)
    with _bound(settings) as address, Database.open(settings) as database:
        if database.server is not None:
            migrate(database)
        app = create_app(database, settings, insecure=insecure)
        if settings.preload_encoder:
            app.state.services.searcher.encoder.load()
        server = create_server(app, settings)
        with _stopping(server):
            _log.info("serving", host=settings.host, port=address.getsockname()[1])
            server.run(sockets=[address])


def create_server(app: FastAPI, settings: Settings) -> uvicorn.Server:
    """A uvicorn server for ``app`` with the settings' address and limits, not yet running."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            server_header=False,
            ws="none",
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=math.ceil(settings.shutdown_timeout),
            h11_max_incomplete_event_size=settings.max_url_length + _HEADER_BYTES,
        )
    )


def _bound(settings: Settings) -> socket.socket:
    """A socket of the address to listen on, refusing connections until the server listens."""
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = min(found)  # IPv4 where a name has both
        with contextlib.ExitStack() as on_error:
            bound = on_error.enter_context(socket.socket(family, kind, protocol))
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
            on_error.pop_all()
    except OSError as error:
        raise ListenError(
            f"Palate cannot listen on {settings.host}, port {settings.port} ({error.strerror}). "
            "Nothing was started. Choose another PALATE_PORT or PALATE_HOST, or stop what "
            "listens there."
        ) from error
    return bound


@contextlib.contextmanager
def _stopping(server: uvicorn.Server) -> Iterator[None]:
    """Make SIGINT and SIGTERM stop ``server``, and nothing else.

    Before it runs, so that no signal is lost; and after, because uvicorn raises the signal that
    stopped it again, which must not cut the clean-up short.
    """

    def stop(number: int, _: FrameType | None) -> None:
        _log.info("stopping", signal=signal.Signals(number).name)
        server.should_exit = True

    before = {number: signal.signal(number, stop) for number in _STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
