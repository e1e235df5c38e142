"""Run the HTTP server until it is told to stop."""

import contextlib
import math
import secrets
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from threading import Event
from types import FrameType

import structlog
import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr
from sse_starlette.sse import AppStatus

from palate import metrics
from palate.errors import ListenError
from palate.logs import set_up_logs
from palate.settings import Settings
from serve.api.app import Faces, create_app, create_guard
from serve.api.protocol import limited_protocol
from sql.database import Database
from sql.migrate import migrate

_log = structlog.get_logger()
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_KEEP_ALIVE_SECONDS = 65
_FAREWELL_SECONDS = 1.0
_LOOK_SECONDS = 0.5
_SWITCH_SECONDS = (
    0.001  # until a thread lets the loop in, which answers the probes; Python's is .005
)


def serve(settings: Settings, *, insecure: bool = False, faces: Faces | None = None) -> None:
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
        if settings.workers == 1:
            _run(database, settings, address, insecure, faces)
        else:
            _run_many(settings, address, insecure, faces)


def _run(
    database: Database,
    settings: Settings,
    address: socket.socket,
    insecure: bool,
    faces: Faces | None,
) -> None:
    app = create_app(database, settings, insecure=insecure, faces=faces)
    if settings.preload_encoder:
        app.state.services.encoder.loaded()
    server = create_server(app, settings)
    sys.setswitchinterval(_SWITCH_SECONDS)
    with _stopping(server.stop):
        _listen(address, settings)
        _log.info("serving", host=settings.host, port=address.getsockname()[1])
        server.run(sockets=[address])


def _run_many(
    settings: Settings, address: socket.socket, insecure: bool, faces: Faces | None
) -> None:
    """Serve by processes that share the address and the connections; one that ends is replaced."""
    share = {
        "pool_size": max(1, settings.pool_size // settings.workers),
        "cursor_secret": settings.cursor_secret or SecretStr(secrets.token_hex(32)),
    }
    context, stop = get_context("spawn"), Event()
    _listen(address, settings)

    def start() -> SpawnProcess:
        arguments = (settings.model_copy(update=share), address, insecure, faces)
        process = context.Process(target=_work, args=arguments, daemon=True)
        process.start()
        return process

    with metrics.shared(), _stopping(stop.set):
        workers = [start() for _ in range(settings.workers)]
        while not stop.is_set():
            wait([worker.sentinel for worker in workers], timeout=_LOOK_SECONDS)
            gone = [worker for worker in workers if not worker.is_alive()]
            if gone and not stop.wait(_LOOK_SECONDS):  # not in a hurry, where each one fails
                _log.warning("worker_replaced", exit_codes=[worker.exitcode for worker in gone])
                for worker in gone:
                    metrics.forget(worker.pid or 0)
                workers = [start() if worker in gone else worker for worker in workers]
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.join(settings.shutdown_timeout + 2 * _FAREWELL_SECONDS)


def _work(settings: Settings, address: socket.socket, insecure: bool, faces: Faces | None) -> None:
    set_up_logs(settings, serving=True)
    with Database.open(settings) as database:
        _run(database, settings, address, insecure, faces)


class Server(uvicorn.Server):
    """Told to stop, it goes on for a moment, so that clients learn it from an answer.

    Each answer then closes its connection, and the readiness probe fails; a connection that is
    shut while a request is on its way would lose that request.
    """

    def __init__(self, config: uvicorn.Config, stopping: Event) -> None:
        super().__init__(config)
        self._stopping = stopping
        self._until: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM: stop after a moment. SIGINT, or once more: now."""
        _log.info("stopping", signal=signal.Signals(sig).name)
        if sig == signal.SIGINT or self._until is not None:
            super().handle_exit(sig, frame)
            return
        self._stopping.set()
        self._until = time.monotonic() + _FAREWELL_SECONDS

    def stop(self) -> None:
        """Stop now; before it runs, it does not begin."""
        self.should_exit = True

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second; true once it is to stop."""
        if self._until is not None and time.monotonic() >= self._until:
            self.should_exit = True
        return await super().on_tick(counter)


def create_server(app: FastAPI, settings: Settings) -> Server:
    """A server for ``app`` with the settings' address and limits, not yet running."""
    # A stream ends by itself within PALATE_LLM_REASON_SECONDS.
    AppStatus.enable_automatic_graceful_drain = False
    return Server(
        uvicorn.Config(
            app,
            http=limited_protocol(settings),
            loop="uvloop" if sys.platform != "win32" else "auto",
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            server_header=False,
            ws="none",
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=math.ceil(settings.shutdown_timeout),
        ),
        app.state.services.stopping,
    )


def _bound(settings: Settings) -> socket.socket:
    """A socket of the address to listen on, refusing connections until ``_listen``."""
    with _told(settings):
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = min(found)  # IPv4 where a name has both
        with contextlib.ExitStack() as on_error:
            bound = on_error.enter_context(socket.socket(family, kind, protocol))
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
            on_error.pop_all()
    return bound


def _listen(address: socket.socket, settings: Settings) -> None:
    """Two that were started together may both be bound; only one of them can listen."""
    with _told(settings):
        address.listen()


@contextlib.contextmanager
def _told(settings: Settings) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ListenError(
            f"Palate cannot listen on {settings.host}, port {settings.port} ({error.strerror}). "
            "Nothing was started. Choose another PALATE_PORT or PALATE_HOST, or stop what "
            "listens there."
        ) from error


@contextlib.contextmanager
def _stopping(stop: Callable[[], None]) -> Iterator[None]:
    """Make SIGINT and SIGTERM call ``stop``, and nothing else.

    Before it runs, so that no signal is lost; and after, because uvicorn raises the signal that
    stopped it again, which must not cut the clean-up short.
    """

    def handle(number: int, _: FrameType | None) -> None:
        _log.info("stopping", signal=signal.Signals(number).name)
        stop()

    before = {number: signal.signal(number, handle) for number in _STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
