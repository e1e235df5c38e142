"""How much does taste cost? Search with and without it, in one run on one database.

Requests of both kinds, with 20, 100 and 500 candidates, take turns within each run, so that the
machine's moods meet all of them alike. Over SQL they go through prepared statements of plain
psycopg connections; over HTTP through a server in a process of its own, kept alive.
"""

import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from bench.machine import Machine, this_machine
from bench.open_loop import Connect, OpenLoop
from bench.ways import (
    TERMS,
    Over,
    Search,
    connecting,
    http_server,
    over_http,
    probing,
    statements,
)
from palate.errors import ConflictError
from sql.database import Database
from sql.migrate import check_schema

CANDIDATES = (20, 100, 500)
CLIENTS = (1, 8, 32)
RATE_A_CLIENT = 25.0
LADDER: tuple[Over, ...] = ("candidates", "SQL", "Searcher", "HTTP", "HTTP learned")

_USERS = 32
_LADDER_CANDIDATES = 100
_CROWD = 8
_WARM_UP = 8  # of each kind a client: PostgreSQL plans a prepared statement anew five times


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
class Rung:
    """Milliseconds of one way to search, each taking turns with the others, for one client."""

    over: Over
    personalized: bool
    p50: float
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
    ladder: tuple[Rung, ...] = ()
    throughput: Mapping[Over, float] = field(default_factory=dict)
    """Personalised searches a second over SQL and over HTTP, by 8 clients that never wait."""
    slowest_probe: float | None = None
    """Milliseconds that /healthz or /readyz took at most meanwhile."""

    def find(self, over: Over, clients: int, candidates: int, *, personalized: bool) -> Latency:
        """The latency of one kind of request. Raises KeyError when it was not measured."""
        wanted = (over, clients, candidates, personalized)
        return {(x.over, x.clients, x.candidates, x.personalized): x for x in self.latencies}[
            wanted
        ]

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
        return found + self._ladder_targets()

    def _ladder_targets(self) -> list[Target]:
        rungs = {rung.over: rung for rung in self.ladder if rung.personalized}
        if not rungs:
            return []
        wire, search, candidates = rungs["HTTP"], rungs["SQL"], rungs["candidates"]
        return [
            Target("ladder: search() / search_candidates() p50", 1.3, search.p50 / candidates.p50),
            Target("ladder: HTTP / search() p50", 2, wire.p50 / search.p50),
            Target("ladder: HTTP p99 / p50", 4, wire.p99 / wire.p50),
            Target("slowest of the probes meanwhile, ms", 100, self.slowest_probe or 0),
        ]


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
        with connecting(database, way) as connect:
            for n in clients:
                per_second = min(rate, n * RATE_A_CLIENT)
                who = f"{n} client{'s' if n > 1 else ''}"
                say(f"{way}, {who}: {len(plan):,} searches, {per_second:g} a second")
                run = OpenLoop(connect, plan, n, per_second)
                seconds = run.run(warm_up=len(candidates) * 2 * _WARM_UP)
                found += _latencies(way, n, plan, seconds)
    climbed = _climb(database, plan, say) if "HTTP" in over else ()
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
        *climbed,
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
        yield Latency(
            over, clients, candidates, personalized, len(taken), *milliseconds(taken, 50, 95, 99)
        )


def milliseconds(seconds: Sequence[float], *percents: float) -> list[float]:
    """Milliseconds that so many per cent took at most."""
    found: list[float] = np.percentile(np.array(seconds) * 1000, percents).tolist()
    return found


def _climb(
    database: Database, plan: Sequence[Search], say: Callable[[str], None]
) -> tuple[tuple[Rung, ...], dict[Over, float], float]:
    """Each way to search in turn for the same searches, one client; then 8 clients over SQL, and
    over HTTP with probes beside them."""
    searches = [search._replace(candidates=_LADDER_CANDIDATES) for search in plan]
    say(f"{', '.join(LADDER)}, in turns: {len(searches):,} searches each")
    seconds: dict[tuple[Over, bool], list[float]] = {}
    with ExitStack() as opened:
        port = opened.enter_context(http_server(database))
        connects: dict[Over, Connect[Search]] = {
            over: opened.enter_context(connecting(database, over)) for over in LADDER[:-2]
        }
        connects["HTTP"] = partial(over_http, port, "blend")
        connects["HTTP learned"] = partial(over_http, port, "learned")
        calls = {over: opened.enter_context(connect()) for over, connect in connects.items()}
        for number, search in enumerate(searches[: 2 * _WARM_UP] + searches):
            for over, call in calls.items():
                started = time.perf_counter()
                call(search)
                if number >= 2 * _WARM_UP:
                    taken = seconds.setdefault((over, search.user_id is not None), [])
                    taken.append(time.perf_counter() - started)
        tasted = [search for search in searches if search.user_id is not None]
        say(f"SQL, then HTTP, {_CROWD} clients at once: {len(tasted):,} searches each")
        throughput: dict[Over, float] = {"SQL": _throughput(connects["SQL"], tasted)}
        with probing(port) as probes:
            throughput["HTTP"] = _throughput(connects["HTTP"], tasted)
    rungs = (Rung(*kind, *milliseconds(taken, 50, 99)) for kind, taken in seconds.items())
    return tuple(rungs), throughput, 1000 * max(probes)


def _throughput(connect: Connect[Search], searches: Sequence[Search]) -> float:
    """Searches a second of clients that send the next as soon as the last is answered."""

    def work(_: int) -> None:
        with connect() as call:
            for search in searches:
                call(search)

    started = time.perf_counter()
    with ThreadPoolExecutor(_CROWD) as pool:
        list(pool.map(work, range(_CROWD)))
    return _CROWD * len(searches) / (time.perf_counter() - started)
