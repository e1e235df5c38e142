"""The embedded server and the databases that tests use: real ones, cloned from a template."""

import os
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import hypothesis
import psycopg
import pytest
from hypothesis import HealthCheck
from psycopg import sql as psql
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from ingest.embedding_sets import load_embeddings
from ingest.load import load
from ingest.sources.movielens import MovieLens
from ingest.sources.sample import sample
from palate.settings import Settings
from sql.database import Database
from sql.embedded import EmbeddedServer
from sql.migrate import migrate
from test_users.tasters import create_tasters
from tests.local_model import local_model as local_model

DATA = Path(__file__).parents[2] / "shared" / "data"
"""Real ratings and film texts for development; they are no part of the project."""

SAMPLES = Path(__file__).parents[1] / "samples"


# Examples are the same in every run, however slow the machine. To look for others:
# pytest --hypothesis-profile explore
hypothesis.settings.register_profile(
    "explore",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
hypothesis.settings.register_profile(
    "same", hypothesis.settings.get_profile("explore"), derandomize=True
)
hypothesis.settings.load_profile("same")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the tests marked slow, too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--slow"):
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason="slow: make test SLOW=1"))


def pytest_configure() -> None:
    """Tests use no settings of the person who runs them, and keep no runs where theirs are.

    Nor do they go by way of a proxy, or of libpq's own variables.
    """
    for name in list(os.environ):
        if name.startswith("PG") or (name.startswith("PALATE_") and "_TEST_" not in name):
            del os.environ[name]
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "localhost,127.0.0.1"
    Settings.model_config["env_file"] = None
    os.environ["PALATE_MLFLOW_TRACKING_URI"] = "off"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Where the time went: seconds of each folder's tests with what sets them up, and how many."""
    seconds, tests = defaultdict[str, float](float), Counter[str]()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                folder = str(Path(report.location[0]).parent)
                seconds[folder] += report.duration
                tests[folder] += report.when == "call"
    if len(seconds) > 1:
        terminalreporter.section("seconds by folder")
        for folder, spent in sorted(seconds.items(), key=lambda one: -one[1]):
            terminalreporter.line(f"{spent:8.1f} s {tests[folder]:5} tests  {folder}")


class FileByFile(LoadScopeScheduling):  # type: ignore[misc]
    """The tests of a file run on one worker, so that what they share is set up once; the pages of
    the documentation share little, and each goes alone."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::")[0]
        return nodeid if file.endswith("acceptance/test_docs.py") else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FileByFile:
    """The order of the files is kept: the long ones come first."""
    config.option.loadscopereorder = False
    return FileByFile(config, log)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """One embedded server for the whole run, faster than it is safe."""
    folder = tmp_path_factory.mktemp("palate")
    server = EmbeddedServer.start(folder, durable=False)
    yield server
    server.leave()
    EmbeddedServer.destroy(folder)


@pytest.fixture(scope="session")
def settings(server: EmbeddedServer) -> Settings:
    """Default settings, so that no PALATE_ variable of the caller leaks in."""
    return Settings(data_dir=server.data_dir, cursor_secret="for tests", _env_file=None)


@contextmanager
def cloned(server: EmbeddedServer, settings: Settings, template: str | None) -> Iterator[Database]:
    """A database of its own, dropped afterwards."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server.url_for("postgres"), autocommit=True) as admin:
        source = (
            psql.SQL(" TEMPLATE {} STRATEGY FILE_COPY").format(psql.Identifier(template))
            if template
            else psql.SQL("")
        )
        admin.execute(psql.SQL("CREATE DATABASE {}").format(psql.Identifier(name)) + source)
        # As `db migrate` does for its own roles: what tests say at psql finds Palate's schema.
        admin.execute(
            psql.SQL("ALTER DATABASE {} SET search_path = palate, public, pg_temp").format(
                psql.Identifier(name)
            )
        )
    database = Database(server.url_for(name), settings)
    try:
        yield database
    finally:
        database.close()
        with psycopg.connect(server.url_for("postgres"), autocommit=True) as admin:
            admin.execute(psql.SQL("DROP DATABASE {} WITH (FORCE)").format(psql.Identifier(name)))


def name_of(database: Database) -> str:
    """The name of a database on its server."""
    assert database.url.database is not None
    return database.url.database


Clone = Callable[[str | None], AbstractContextManager[Database]]


@pytest.fixture(scope="session")
def clone(server: EmbeddedServer, settings: Settings) -> Clone:
    """Makes a database of a template, or of nothing, for as long as a context is open."""
    return partial(cloned, server, settings)


@pytest.fixture(scope="session")
def empty_template(clone: Clone) -> Iterator[str]:
    """A migrated database without data, to clone."""
    with clone(None) as database:
        migrate(database)
        database.engine.dispose()
        yield name_of(database)


@pytest.fixture
def database(clone: Clone, empty_template: str) -> Iterator[Database]:
    """A migrated, empty database for one test."""
    with clone(empty_template) as database:
        yield database


@pytest.fixture(scope="session")
def sample_template(clone: Clone, empty_template: str) -> Iterator[str]:
    """The sample with its vectors, to clone."""
    with clone(empty_template) as database:
        with sample() as source:
            load(database, source)
        load_embeddings(database, SAMPLES / "embeddings.npz")
        database.engine.dispose()
        yield name_of(database)


@pytest.fixture(scope="session")
def sample_database(clone: Clone, sample_template: str) -> Iterator[Database]:
    """The sample and the tasters, for tests that only read."""
    with clone(sample_template) as database:
        create_tasters(database)
        yield database


@pytest.fixture
def sample_copy(clone: Clone, sample_template: str) -> Iterator[Database]:
    """The sample without tasters, for one test that writes."""
    with clone(sample_template) as database:
        yield database


@pytest.fixture(scope="session")
def few_raters_template(clone: Clone, sample_template: str) -> Iterator[str]:
    """The sample with 150 of its 600 raters, to clone: learning takes a quarter of the time."""
    with clone(sample_template) as database:
        with database.begin(patient=True) as connection:
            connection.exec_driver_sql("DELETE FROM ratings WHERE user_id > 150")
            connection.exec_driver_sql("DELETE FROM users WHERE user_id > 150")
            connection.exec_driver_sql("SELECT refresh_stats()")
        database.engine.dispose()
        yield name_of(database)


@pytest.fixture(scope="session")
def few_raters_database(clone: Clone, few_raters_template: str) -> Iterator[Database]:
    """150 raters of the sample and the tasters, for tests that only read."""
    with clone(few_raters_template) as database:
        create_tasters(database)
        yield database


@pytest.fixture
def few_raters_copy(clone: Clone, few_raters_template: str) -> Iterator[Database]:
    """150 raters of the sample, for one test that writes."""
    with clone(few_raters_template) as database:
        yield database


@pytest.fixture(scope="session")
def movielens_database(clone: Clone, empty_template: str) -> Iterator[Database]:
    """ml-latest-small without vectors, for tests that only read."""
    folder = DATA / "ml-latest-small"
    if not folder.is_dir():
        pytest.skip(f"needs MovieLens ratings in {folder}, which are not part of the project")
    with clone(empty_template) as database:
        load(database, MovieLens(folder))
        yield database
