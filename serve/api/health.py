"""``/healthz``, ``/readyz`` and ``/metrics``: what probes and Prometheus ask."""

import json
import math
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
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import QueuePool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from palate import __version__
from palate.contract import Frozen
from palate.errors import DatabaseUnavailableError, NewerSchemaError, PalateError
from palate.metrics import REGISTRY
from palate.statements import Statements
from serve.api.problems import OverloadedError, documented
from serve.api.routes import GuardedRoute, scoped
from serve.api.services import answer, respond, services
from serve.api.watches import Watch
from sql.database import Database
from sql.migrate import check_schema

router = APIRouter(route_class=GuardedRoute, tags=["health"])

_LOOK_SECONDS = 1.0
_LOOK_AGAIN_SECONDS = 0.2
_STALE_SECONDS = 30.0  # longer than a search, a free connection and a connect may take together
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


class Readiness(Watch):
    """Whether a search would work: a thread looks, so that no probe waits for the database."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.looked = threading.Event()
        self._database = database
        self._failure: Exception | None = None
        self._seen = -math.inf

    def look(self) -> None:
        """Try a search. Where every connection is in use, what was seen before still holds."""
        try:
            with suppress(NewerSchemaError):  # while a new version rolls out, the old one serves
                check_schema(self._database, functions=False)
            with self._database.read() as connection:
                connection.execute(_statements["probe_search"])
            self._failure = None
        except (PalateError, DBAPIError) as error:
            if not isinstance(error.__cause__, PoolTimeoutError):
                self._failure = error
        self.again = _LOOK_SECONDS if self._failure is None else _LOOK_AGAIN_SECONDS
        self._seen = time.monotonic()
        self.looked.set()

    def check(self) -> str:
        """The name of the engine. Raises PalateError or DBAPIError when a search would fail."""
        if not self.looked.is_set() or time.monotonic() - self._seen > _STALE_SECONDS:
            raise DatabaseUnavailableError(
                "The database has not answered for a while. Nothing was changed. "
                "`palate doctor` looks closer."
            )
        if self._failure is not None:
            raise self._failure.with_traceback(None)
        return self._database.search_engine.name


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
async def healthz(request: Request) -> Response:
    """Answers while the process does; says nothing of the database."""
    return answer(request, Health())


@router.get(
    "/readyz",
    summary="Would a search work",
    response_model=Ready,
    responses=documented(421, 500, 503, 504),
)
async def readyz(request: Request) -> Response:
    """Migrations applied, search index there, not stopping. 503 says which is not so.

    Answered at once, from what was seen in the last second or two.
    """
    if services(request).stopping.is_set():
        raise OverloadedError("The server stops. Nothing was done. Ask another one.")
    readiness: Readiness = request.app.state.readiness
    return answer(request, Ready(engine=readiness.check()))


@router.get(
    "/metrics",
    summary="Prometheus metrics",
    response_class=PlainTextResponse,
    **scoped("read", line=None),
)
def metrics(request: Request) -> Response:
    """Histograms of requests and stages, the pool, the engine, the process."""
    own = CollectorRegistry()
    own.register(DatabaseCollector(services(request).database))
    return respond(request, generate_latest(REGISTRY) + generate_latest(own), _TEXT)


@router.get("/openapi.json", include_in_schema=False)
def openapi(request: Request) -> Response:
    """What this server's API is."""
    return respond(request, json.dumps(request.app.openapi()).encode(), "application/json")
