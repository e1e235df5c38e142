"""How much does taste cost? Search with and without it, in one run on one database.

Requests of both kinds, with 20, 100 and 500 candidates, take turns within each run, so that the
machine's moods meet all of them alike. Over SQL they go through prepared statements of plain
psycopg connections; over HTTP through a server in a process of its own, kept alive.
"""

import http.client
import itertools
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Literal, NamedTuple
from urllib.parse import urlencode

import numpy as np
import psycopg
from psycopg import sql as psql

import sql
from bench.machine import Machine, this_machine
from bench.open_loop import Connect, OpenLoop
from palate.errors import ConflictError, PalateError
from palate.statements import Statements
from search.query import parse
from sql.database import Database
from sql.migrate import check_schema

TERMS = (
    "lord",
    "king",
    "love",
    "night",
    "dark",
    "star",
    "house",
    "dragon",
    "last man",
    "new york",
    "world war",
    "little girl",
)
CANDIDATES = (20, 100, 500)
CLIENTS = (1, 8, 32)
RATE_A_CLIENT = 25.0

Over = Literal["SQL", "HTTP"]

statements = Statements(Path(__file__).parent / "statements" / "search.sql")
_session = Statements(Path(sql.__file__).parent / "statements" / "session.sql")

_USERS = 32
_WARM_UP = 8  # of each kind a client: PostgreSQL plans a prepared statement anew five times
_START_TIMEOUT = 60.0
_STATEMENT_TIMEOUT = "60000"


class Search(NamedTuple):
    """One request."""

    term: str
    candidates: int
    user_id: int | None


@dataclass(frozen=True)
class Latency:
    """Milliseconds of one kind of request in one run."""

    over: Over
    clients: int
    candidates: int
    personalized: bool
    requests: int
    p50: float
    p95: float
    p99: float


@dataclass(frozen=True)
class Target:
    """What was to be reached, and what was."""

    name: str
    at_most: float
    measured: float

    @property
    def reached(self) -> bool:
        """Whether the measured value is within the target."""
        return self.measured <= self.at_most


@dataclass(frozen=True)
class Report:
    """One run on one database; ``rate`` is requests a second."""

    machine: Machine
    engine: str
    server: str
    films: int
    ratings: int
    rate: float
    latencies: tuple[Latency, ...]

    def find(self, over: Over, clients: int, candidates: int, *, personalized: bool) -> Latency:
        """The latency of one kind of request. Raises KeyError when it was not measured."""
        for latency in self.latencies:
            if (latency.over, latency.clients, latency.candidates, latency.personalized) == (
                over,
                clients,
                candidates,
                personalized,
            ):
                return latency
        raise KeyError((over, clients, candidates, personalized))

    def targets(self) -> list[Target]:
        """What the project promises, as far as this run measured it."""
        plain = {(x.over, x.clients, x.candidates): x for x in self.latencies if not x.personalized}
        tasted = {(x.over, x.clients, x.candidates): x for x in self.latencies if x.personalized}
        alone = [key for key in tasted if key[1] == 1]
        found = [
            Target(
                f"personalised / unpersonalised p50, {over}, {n} candidates",
                1.5,
                tasted[over, 1, n].p50 / plain[over, 1, n].p50,
            )
            for over, _, n in alone
        ]
        for n in (n for over, _, n in alone if over == "SQL"):
            slow = tasted["SQL", 1, n]
            found.append(Target(f"p99 / p50, SQL, {n} candidates", 10, slow.p99 / slow.p50))
            if ("HTTP", 1, n) in tasted:
                times = tasted["HTTP", 1, n].p50 / slow.p50
                found.append(Target(f"HTTP / SQL p50, {n} candidates", 4, times))
        return found


def bench_search(
    database: Database,
    *,
    clients: Sequence[int] = CLIENTS,
    candidates: Sequence[int] = CANDIDATES,
    over: Sequence[Over] = ("SQL", "HTTP"),
    requests: int = 300,
    rate: float = 100,
    say: Callable[[str], None] = lambda _: None,
) -> Report:
    """Measure searches over SQL and HTTP: ``requests`` of each kind at each number of clients.

    ``rate`` searches a second come in all, but at most RATE_A_CLIENT a client.
    Raises SchemaError when the database is not as this Palate expects, ConflictError when nobody
    in it has a taste vector.
    """
    check_schema(database)
    plan = _plan(database, candidates, requests)
    found: list[Latency] = []
    for way in over:
        with _connecting(database, way) as connect:
            for n in clients:
                per_second = min(rate, n * RATE_A_CLIENT)
                who = f"{n} client{'s' if n > 1 else ''}"
                say(f"{way}, {who}: {len(plan):,} searches, {per_second:g} a second")
                run = OpenLoop(connect, plan, n, per_second)
                seconds = run.run(warm_up=len(candidates) * 2 * _WARM_UP)
                found += _latencies(way, n, plan, seconds)
    with database.read() as connection:
        catalog = connection.execute(statements["catalog"]).one()
    return Report(
        this_machine(),
        database.search_engine.name,
        catalog.server,
        catalog.films,
        catalog.ratings,
        rate,
        tuple(found),
    )


def _plan(database: Database, candidates: Sequence[int], requests: int) -> list[Search]:
    """Every kind of request in turn, each with the next term and the next user."""
    with database.read() as connection:
        users = connection.execute(statements["tasters"], {"users": _USERS}).scalars().all()
    if not users:
        raise ConflictError(
            "Nobody in this database has a taste vector, so there is nothing to compare. Nothing "
            "was measured. Run `palate demo`, or load ratings and embeddings."
        )
    rounds = zip(range(requests), itertools.cycle(TERMS), itertools.cycle(users), strict=False)
    return [
        Search(term, n, user_id)
        for _, term, user in rounds
        for n in candidates
        for user_id in (None, user)
    ]


def _latencies(
    over: Over, clients: int, plan: Sequence[Search], seconds: Sequence[float]
) -> Iterator[Latency]:
    kinds: dict[tuple[int, bool], list[float]] = {}
    for search, second in zip(plan, seconds, strict=True):
        kinds.setdefault((search.candidates, search.user_id is not None), []).append(second)
    for (candidates, personalized), taken in kinds.items():
        p50, p95, p99 = np.percentile(np.array(taken) * 1000, (50, 95, 99)).tolist()
        yield Latency(over, clients, candidates, personalized, len(taken), p50, p95, p99)


# Ways to search


@contextmanager
def _connecting(database: Database, over: Over) -> Iterator[Connect[Search]]:
    if over == "SQL":
        yield partial(_over_sql, database, _compiled(database))
    else:
        with _http_server(database) as port:
            yield partial(_over_http, port)


def _compiled(database: Database) -> dict[str, tuple[str, str | None]]:
    """Each term's query and what replaces it when too few films have all its words, as JSON."""
    compiled = {}
    for term in TERMS:
        query = database.search_engine.compile(parse(term).tree)
        loose = json.dumps(query.loose) if query.loose else None
        compiled[term] = json.dumps(query.query), loose
    return compiled


@contextmanager
def _over_sql(
    database: Database, compiled: dict[str, tuple[str, str | None]]
) -> Iterator[Callable[[Search], object]]:
    statement = psql.SQL(statements.raw("search"))
    with psycopg.connect(database.psql_url, autocommit=True) as connection:
        session = database.session | {"timeout": _STATEMENT_TIMEOUT}
        connection.execute(_session.raw("settle_session").encode(), session)

        def call(search: Search) -> object:
            query, loose = compiled[search.term]
            parameters = {
                "query": query,
                "loose": loose,
                "user_id": search.user_id,
                "typed": search.term,
            }
            asked = statement.format(candidates=psql.Literal(search.candidates))
            return connection.execute(asked, parameters, prepare=True).fetchall()

        yield call


@contextmanager
def _over_http(port: int) -> Iterator[Callable[[Search], object]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def call(search: Search) -> object:
        asked = {"q": search.term, "candidates": search.candidates}
        if search.user_id is not None:
            asked["user_id"] = search.user_id
        connection.request("GET", f"/v1/search?{urlencode(asked)}")
        response = connection.getresponse()
        body = response.read()
        if response.status != http.client.OK:
            raise PalateError(f"The server answered {response.status}: {body[:500]!r}")
        return body

    try:
        yield call
    finally:
        connection.close()


@contextmanager
def _http_server(database: Database) -> Iterator[int]:
    """A server over this database in a process of its own; yields its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    environment = os.environ | {
        "PALATE_DATABASE_URL": database.psql_url,
        "PALATE_LOG_LEVEL": "warning",
    }
    command = [sys.executable, "-m", "serve.cli", "serve", "--port", str(port)]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=said)  # noqa: S603
        try:
            _wait_until_ready(process, port, said)
            yield port
        finally:
            process.terminate()
            process.wait(_START_TIMEOUT)


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, said: IO[bytes]) -> None:
    deadline = time.monotonic() + _START_TIMEOUT
    while process.poll() is None and time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            if connection.getresponse().status == http.client.OK:
                return
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(0.1)
    said.seek(0)
    last = said.read().decode(errors="replace").strip().splitlines()[-1:]
    raise PalateError(f"The server to measure did not start. It said: {''.join(last) or 'nothing'}")
