"""``/healthz``, ``/readyz`` and ``/metrics``: what probes and Prometheus ask."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

from fastapi import APIRouter
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from palate import __version__
from palate.contract import Frozen
from palate.errors import NewerSchemaError, PalateError
from palate.metrics import REGISTRY
from palate.statements import Statements
from serve.api.problems import documented
from serve.api.routes import GuardedRoute, scoped
from serve.api.services import answer, services
from sql.database import Database
from sql.migrate import check_schema

router = APIRouter(route_class=GuardedRoute, tags=["health"])

_FRESH_SECONDS = 1.0
_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_statements = Statements(Path(__file__).parent / "statements" / "health.sql")


class Health(Frozen):
    """The process answers."""

    status: Literal["ok"] = "ok"
    version: str = __version__


class Ready(Frozen):
    """The database answers, its schema is the right one and a search works."""

    status: Literal["ready"] = "ready"
    engine: str


class Readiness:
    """Whether a search would work; asked of the database at most once a second."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._until = 0.0
        self._failure: Exception | None = None

    def check(self) -> str:
        """The name of the engine. Raises PalateError or DBAPIError when a search would fail."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._failure = self._try()
                self._until = time.monotonic() + _FRESH_SECONDS
            if self._failure is not None:
                raise self._failure.with_traceback(None)
            return self._database.search_engine.name

    def _try(self) -> Exception | None:
        try:
            with suppress(NewerSchemaError):  # while a new version rolls out, the old one serves
                check_schema(self._database, functions=False)
            with self._database.read() as connection:
                connection.execute(_statements["probe_search"])
        except (PalateError, DBAPIError) as error:
            return error
        return None


class DatabaseCollector(Collector):
    """The connection pool and the engine, read when Prometheus asks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def collect(self) -> Iterator[Metric]:
        """Gauges of the pool; the engine once it is known, without asking the database."""
        pool = self._database.engine.pool
        if isinstance(pool, QueuePool):
            family = GaugeMetricFamily(
                "palate_pool_connections", "Database connections, by state.", labels=["state"]
            )
            family.add_metric(["used"], pool.checkedout())
            family.add_metric(["idle"], pool.checkedin())
            family.add_metric(["limit"], pool.size())
            yield family
        if "search_engine" in vars(self._database):
            info = InfoMetricFamily("palate_engine", "The search engine and Palate's version.")
            info.add_metric(
                [], {"engine": self._database.search_engine.name, "version": __version__}
            )
            yield info


@router.get(
    "/healthz", summary="Is the process alive", response_model=Health, responses=documented(421)
)
async def healthz() -> Response:
    """Answers while the process does; says nothing of the database."""
    return answer(Health())


@router.get(
    "/readyz",
    summary="Would a search work",
    response_model=Ready,
    responses=documented(421, 500, 503, 504),
)
def readyz(request: Request) -> Response:
    """Migrations applied, search index there, a connection free. 503 says which is not so."""
    readiness: Readiness = request.app.state.readiness
    return answer(Ready(engine=readiness.check()))


@router.get(
    "/metrics",
    summary="Prometheus metrics",
    response_class=PlainTextResponse,
    **scoped("read"),
)
def metrics(request: Request) -> Response:
    """Histograms of requests and stages, the pool, the engine, the process."""
    own = CollectorRegistry()
    own.register(DatabaseCollector(services(request).database))
    return Response(generate_latest(REGISTRY) + generate_latest(own), media_type=_TEXT)
