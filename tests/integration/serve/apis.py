"""What the tests of the HTTP API share: twelve films, and a client on this machine."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from starlette.testclient import TestClient

from palate.settings import Settings
from palate.statements import run_script
from serve.api.app import Faces, create_app
from serve.api.run import create_server
from sql.database import Database

FANTASY_LOVER, CRIME_LOVER, STRANGER = 1, 2, 999
_FILMS = Path(__file__).with_name("api_films.sql")


def load_films(database: Database) -> None:
    """Fill an empty database with ``api_films.sql``."""
    with database.begin() as connection:
        run_script(connection, _FILMS.read_text(encoding="utf-8"))


def client_of(database: Database, settings: Settings) -> TestClient:
    """A client of the API over ``database``, as if from the same machine."""
    app = create_app(database, settings)
    return TestClient(app, base_url="http://localhost", client=("127.0.0.1", 40000))


@contextmanager
def running(database: Database, settings: Settings, faces: Faces | None = None) -> Iterator[str]:
    """A real server on a free port of this machine; gives its address."""
    settings = settings.model_copy(update={"host": "127.0.0.1", "port": 0})
    server = create_server(create_app(database, settings, faces=faces), settings)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
