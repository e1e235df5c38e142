"""One catalog of a few films for each file of tests, and a client of it."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from palate.settings import Settings
from sql.database import Database
from sql.embedded import EmbeddedServer
from tests.conftest import cloned
from tests.integration.serve.apis import client_of, load_films


@pytest.fixture(scope="module")
def films(server: EmbeddedServer, settings: Settings, empty_template: str) -> Iterator[Database]:
    """What one test writes, the others of its file find: each has users and films of its own."""
    with cloned(server, settings, empty_template) as database:
        load_films(database)
        yield database


@pytest.fixture(scope="module")
def client(films: Database, settings: Settings) -> Iterator[TestClient]:
    with client_of(films, settings) as client:
        yield client
