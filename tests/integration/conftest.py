"""What tests of several rooms start from."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from sql.database import Database
from sql.embedded import EmbeddedServer
from tests.conftest import Clone
from tests.integration.serve.apis import load_films


@pytest.fixture
def bare_database(clone: Clone) -> Iterator[Database]:
    """A database without a schema."""
    with clone(None) as database:
        yield database


@pytest.fixture
def films(clone: Clone, empty_template: str) -> Iterator[Database]:
    """A catalog of a few films and who rated them."""
    with clone(empty_template) as database:
        load_films(database)
        yield database


@pytest.fixture
def psql(sample_copy: Database) -> Iterator[psycopg.Connection]:
    """A session of a copy of the sample, each statement its own transaction."""
    with psycopg.connect(sample_copy.psql_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A new data directory that other accounts can reach, unlike pytest's own for root."""
    folder = Path(tempfile.mkdtemp(prefix="palate-"))
    folder.chmod(0o711)
    yield folder
    EmbeddedServer.destroy(folder)
    shutil.rmtree(folder)
