"""Ways to search one database: over SQL, in Python, over HTTP. Each is opened once a client."""

import http.client
import itertools
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from threading import Event
from typing import IO, Any, Literal, NamedTuple
from urllib.parse import urlencode

import psycopg
from psycopg import sql as psql

import sql
from bench.open_loop import Connect
from palate.contract import Order, SearchRequest
from palate.errors import PalateError
from palate.statements import Statements
from rerank.search import Searcher
from search.query import parse
from sql.database import Database

TERMS = (
    "lord", "king", "love", "night", "dark", "star", "house", "dragon", "last man", "new york",
    "world war", "little girl",
)  # fmt: skip

Over = Literal["candidates", "SQL", "Searcher", "HTTP", "HTTP learned"]
"""search_candidates(), search(), Searcher in this process, the service: each holds the last. The
service uses the learned order, where there is one, only in the last."""

statements = Statements.beside(__file__, "search")
_session = Statements.beside(sql.__file__, "session")

_START_TIMEOUT = 60.0
_PROBE_SECONDS = 0.05


class Search(NamedTuple):
    """One request."""

    term: str
    candidates: int
    user_id: int | None


Call = Callable[[Search], object]


@contextmanager
def connecting(database: Database, over: Over) -> Iterator[Connect[Search]]:
    """A way to search, for any number of clients: each opens its own."""
    if over == "HTTP":
        with http_server(database) as port:
            yield partial(over_http, port, "blend")
    elif over == "Searcher":
        yield partial(_in_python, Searcher(database))
    else:
        statement = "search" if over == "SQL" else "candidates"
        yield partial(_over_sql, database, _compiled(database), statement)


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
    database: Database, compiled: dict[str, tuple[str, str | None]], name: str
) -> Iterator[Call]:
    statement = psql.SQL(statements.raw(name))
    with preparing(database) as ask:

        def call(search: Search) -> object:
            query, loose = compiled[search.term]
            parameters = {
                "query": query,
                "loose": loose,
                "user_id": search.user_id,
                "typed": search.term,
            }
            # As the service does: a number in the text, and a plan for each.
            asked = statement.format(candidates=psql.Literal(search.candidates))
            return ask(asked, parameters)

        yield call


@contextmanager
def preparing(database: Database) -> Iterator[Callable[[Any, Mapping[str, Any]], object]]:
    """A plain connection on which statements, in psycopg's form, are prepared and read."""
    with psycopg.connect(database.psql_url, autocommit=True) as connection:
        session = database.session | {"timeout": "60000"}
        connection.execute(_session.raw("settle_session").encode(), session)
        yield lambda statement, values: connection.execute(
            statement, values, prepare=True
        ).fetchall()


@contextmanager
def _in_python(searcher: Searcher) -> Iterator[Call]:
    def call(search: Search) -> object:
        term, candidates, user_id = search
        request = SearchRequest(q=term, candidates=candidates, user_id=user_id, order="blend")
        return searcher.search(request).model_dump_json()

    yield call


@contextmanager
def over_http(port: int, order: Order) -> Iterator[Call]:
    """A client of the service, which answers in this order."""
    with getting(port) as get:

        def call(search: Search) -> object:
            asked = {"q": search.term, "candidates": search.candidates, "order": order}
            if search.user_id is not None:
                asked["user_id"] = search.user_id
            return get(f"/v1/search?{urlencode(asked)}")

        yield call


@contextmanager
def getting(port: int) -> Iterator[Callable[[str], bytes]]:
    """A connection to the service, kept alive, by which paths are read."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def get(path: str) -> bytes:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
        if response.status != http.client.OK:
            raise PalateError(f"The server answered {response.status}: {body[:500]!r}")
        return body

    try:
        yield get
    finally:
        connection.close()


@contextmanager
def probing(port: int) -> Iterator[list[float]]:
    """Meanwhile ask `/healthz` and `/readyz` in turns, on a connection each, as Kubernetes does.

    Yields the seconds that each took, once that is over.
    """
    taken: list[float] = []
    over = Event()

    def ask() -> None:
        for path in itertools.cycle(("/healthz", "/readyz")):
            started = time.perf_counter()
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request("GET", path)
            status = connection.getresponse().status
            connection.close()
            taken.append(time.perf_counter() - started)
            if status != http.client.OK:
                raise PalateError(f"{path} answered {status}.")
            if over.wait(_PROBE_SECONDS):
                return

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask)
        try:
            yield taken
        finally:
            over.set()
            asking.result()


@contextmanager
def http_server(database: Database) -> Iterator[int]:
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
