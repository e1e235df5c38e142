"""``/healthz``, ``/readyz`` and ``/metrics``: what probes and Prometheus ask."""

import json
import math
import threading
import time
from contextlib import suppress
from typing import Literal

from fastapi import APIRouter
from prometheus_client import CollectorRegistry, Info, generate_latest
from pydantic import Field
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import QueuePool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from palate import __version__
from palate import metrics as numbers
from palate.contract import Frozen, Index
from palate.errors import DatabaseUnavailableError, NewerSchemaError, PalateError
from palate.statements import Statements
from serve.api.problems import OverloadedError, documented
from serve.api.routes import GuardedRoute, scoped
from serve.api.services import respond, services
from serve.api.watches import Watch
from sql.completeness import IndexWatch
from sql.database import Database
from sql.migrate import check_schema

router = APIRouter(route_class=GuardedRoute, tags=["health"])

_LOOK_SECONDS = 1.0
_LOOK_AGAIN_SECONDS = 0.2
_STALE_SECONDS = 30.0  # longer than a search, a free connection and a connect may take together
_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_statements = Statements.beside(__file__, "health")


class Health(Frozen):
    """The process answers."""

    status: Literal["ok"] = "ok"
    version: str = __version__


class Ready(Frozen):
    """The database answers, its schema is the right one and a search works."""

    status: Literal["ready"] = "ready"
    engine: str
    index: Index = Field(
        description="incomplete: searches are answered, but do not find `missing_films` films."
    )
    missing_films: int = 0


class Readiness(Watch):
    """Whether a search would work: a thread looks, so that no probe waits for the database."""

    def __init__(self, database: Database, index: IndexWatch | None = None) -> None:
        super().__init__()
        self.looked = threading.Event()
        self.index = index or IndexWatch(database)
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
                self.index.complete(connection)
            self._failure = None
        except (PalateError, DBAPIError) as error:
            if not isinstance(error.__cause__, PoolTimeoutError):
                self._failure = error
        self.again = _LOOK_SECONDS if self._failure is None else _LOOK_AGAIN_SECONDS
        self._seen = time.monotonic()
        self.tell()
        self.looked.set()

    def tell(self) -> None:
        """Let the metrics know what the pool holds, and what the index lacks."""
        numbers.INDEX_MISSING.set(self.index.missing)
        pool = self._database.engine.pool
        if isinstance(pool, QueuePool):
            for state, count in (
                ("used", pool.checkedout()), ("idle", pool.checkedin()), ("limit", pool.size()),
            ):  # fmt: skip
                numbers.POOL_CONNECTIONS.labels(state).set(count)

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


@router.get("/healthz", summary="Is the process alive", responses=documented(421))
async def healthz(request: Request) -> Health:  # noqa: ARG001
    """Answers while the process does; says nothing of the database."""
    return Health()


@router.get("/readyz", summary="Would a search work", responses=documented(421, 500, 503, 504))
async def readyz(request: Request) -> Ready:
    """Migrations applied, search index there, not stopping. 503 says which is not so.

    Answered at once, from what was seen in the last second or two.
    """
    if services(request).stopping.is_set():
        raise OverloadedError("The server stops. Nothing was done. Ask another one.")
    readiness: Readiness = request.app.state.readiness
    engine, missing = readiness.check(), readiness.index.missing
    index: Index = "incomplete" if missing else "complete"
    return Ready(engine=engine, index=index, missing_films=missing)


@router.get(
    "/metrics",
    summary="Prometheus metrics",
    response_class=PlainTextResponse,
    **scoped("read", line=None),
)
def metrics(request: Request) -> Response:
    """Histograms of requests and stages, the pool, the engine, the process.

    With `--workers`, those of all of them together, but for the process.
    """
    request.app.state.readiness.tell()
    own, database = CollectorRegistry(), services(request).database
    if "search_engine" in vars(database):  # known without asking the database
        engine = {"engine": database.search_engine.name, "version": __version__}
        Info("palate_engine", "The search engine and Palate's version.", registry=own).info(engine)
    return respond(request, numbers.shown() + generate_latest(own), _TEXT)


@router.get("/openapi.json", include_in_schema=False)
def openapi(request: Request) -> Response:
    """What this server's API is."""
    return respond(request, json.dumps(request.app.openapi()).encode(), "application/json")
