"""A real server: the database goes and comes back, requests hang, the process is told to stop."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import sql as psql

from palate.errors import ListenError, MisuseError
from palate.settings import Settings
from serve.api.routes import LINES
from serve.api.run import _bound, _run, _run_many, serve
from sql.database import Database
from sql.embedded import EmbeddedServer
from tests.conftest import name_of
from tests.integration.serve.apis import STRANGER, load_films, running

PATIENCE = 120.0
get = partial(httpx.get, timeout=PATIENCE)
RATING = f"/v1/users/{STRANGER}/ratings/5"


@pytest.fixture
def films(database: Database) -> Database:
    load_films(database)
    return database


@contextmanager
def connection_to(database: Database) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database.psql_url) as connection:
        yield connection


@contextmanager
def ratings_locked(database: Database) -> Iterator[None]:
    """While this lasts, nobody can rate: requests that do are kept waiting."""
    with connection_to(database) as connection:
        connection.execute("LOCK TABLE ratings")
        yield
        connection.rollback()


def wait_until_blocked(database: Database) -> None:
    with psycopg.connect(database.psql_url, autocommit=True) as connection:
        waiting = (
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'ratings'::regclass"
        )
        while connection.execute(waiting).fetchone() == (0,):
            pass


@contextmanager
def sending(method: str, url: str, **options: Any) -> Iterator[Future[httpx.Response]]:
    """A request on its way while the block runs."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(httpx.request, method, url, timeout=PATIENCE, **options)


@contextmanager
def away(server: EmbeddedServer, database: Database) -> Iterator[None]:
    """The database takes no connections and has dropped those it had."""
    name = psql.Identifier(name_of(database))
    allow = psql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS {}")
    with psycopg.connect(server.url_for("postgres"), autocommit=True) as admin:
        admin.execute(allow.format(name, psql.SQL("false")))
        drop_connections(admin, database)
        yield
        admin.execute(allow.format(name, psql.SQL("true")))


def drop_connections(admin: psycopg.Connection[Any], database: Database) -> None:
    admin.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s",
        [name_of(database)],
    )


def test_a_database_that_goes_and_comes_back_needs_no_restart(
    server: EmbeddedServer, films: Database, settings: Settings
) -> None:
    with running(films, settings) as url:
        search = f"{url}/v1/search?q=lord&user_id=1"
        assert get(search).status_code == 200
        with away(server, films):
            for path in ["/v1/search?q=lord", "/v1/movies/1", "/v1/users/1", "/v1/suggest?q=lo"]:
                answer = get(url + path)
                assert answer.status_code == 503, path
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.headers["retry-after"].isdecimal()
                assert name_of(films) not in answer.text
            assert httpx.put(url + RATING, json={"rating": 4}, timeout=PATIENCE).status_code == 503
            assert get(url + "/healthz").status_code == 200
            assert get(url + "/metrics").status_code == 200
        assert get(search).status_code == 200
        assert get(url + RATING).status_code == 404
        assert get(url + "/readyz").status_code == 200


def test_connections_that_died_meanwhile_are_replaced_unseen(
    server: EmbeddedServer, films: Database, settings: Settings
) -> None:
    with running(films, settings) as url:
        for _ in range(3):
            assert get(f"{url}/v1/search?q=lord").status_code == 200
            with psycopg.connect(server.url_for("postgres"), autocommit=True) as admin:
                drop_connections(admin, films)


def test_a_server_starts_before_its_database(
    server: EmbeddedServer, films: Database, settings: Settings
) -> None:
    late = Database(films.psql_url, settings)
    with away(server, films), running(late, settings) as url:
        assert get(f"{url}/readyz").status_code == 503
    with running(late, settings) as url:
        assert get(f"{url}/readyz").status_code == 200
    late.close()


def test_what_runs_is_finished_before_the_server_stops(films: Database, settings: Settings) -> None:
    lock = threading.Event()
    locked = threading.Event()

    def hold() -> None:
        with ratings_locked(films):
            locked.set()
            lock.wait(300)

    holder = threading.Thread(target=hold)
    holder.start()
    locked.wait(300)
    with running(films, settings) as url, sending("PUT", url + RATING, json={"rating": 4}) as sent:
        wait_until_blocked(films)
        # The server is told to stop here, at the end of `running`, while the request waits.
        threading.Timer(0.3, lock.set).start()
    assert sent.result().status_code == 200
    holder.join()
    with connection_to(films) as connection:
        rated = connection.execute("SELECT rating FROM ratings WHERE user_id = %s", [STRANGER])
        assert rated.fetchall() == [(4.0,)]


def test_a_statement_that_takes_too_long_is_stopped_and_changes_nothing(
    films: Database, settings: Settings
) -> None:
    hasty = settings.model_copy(update={"statement_timeout": 1.0})
    with Database(films.psql_url, hasty) as database, running(database, hasty) as url:
        with ratings_locked(films):
            answer = httpx.put(url + RATING, json={"rating": 4}, timeout=PATIENCE)
        assert answer.status_code == 504
        assert answer.json()["title"] == "Timed out"
        assert "Nothing was changed" in answer.json()["detail"]
    with connection_to(films) as connection:
        assert (
            connection.execute(
                "SELECT FROM ratings WHERE movie_id = 5 AND user_id = %s", [STRANGER]
            ).fetchone()
            is None
        )


def test_requests_that_wait_in_line_too_long_are_told_so(
    films: Database, settings: Settings
) -> None:
    narrow = settings.model_copy(update={"pool_size": 1, "request_timeout": 4.0})
    with Database(films.psql_url, narrow) as database, running(database, narrow) as url:
        with ratings_locked(films), sending("PUT", url + RATING, json={"rating": 4}) as first:
            wait_until_blocked(films)
            second = get(f"{url}/v1/search?q=lord")
            assert first.result().status_code == 504
            assert second.status_code == 504
            assert second.headers["content-type"] == "application/problem+json"
            assert get(f"{url}/healthz").status_code == 200
        assert get(f"{url}/v1/search?q=lord").status_code == 200


def test_many_clients_at_once_are_all_answered(films: Database, settings: Settings) -> None:
    def ask(number: int) -> int:
        if number % 4 == 0:
            path = f"/v1/users/{number}/ratings/{number % 11 + 1}"
            return client.put(path, json={"rating": 4}).status_code
        return client.get(f"/v1/search?q=lord&user_id={number % 3}").status_code

    with (
        running(films, settings) as url,
        httpx.Client(base_url=url, timeout=PATIENCE) as client,
        ThreadPoolExecutor(16) as pool,
    ):
        assert set(pool.map(ask, range(160))) == {200}
    with connection_to(films) as connection:
        rated = "SELECT count(*) FROM ratings WHERE user_id % 4 = 0 AND user_id < 160"
        assert connection.execute(rated).fetchone() == (40,)


@pytest.fixture
def app_role(films: Database) -> Iterator[str]:
    """A login that is only a member of palate_app."""
    role = f"api_{name_of(films)}"
    with psycopg.connect(films.psql_url, autocommit=True) as admin:
        admin.execute(
            psql.SQL("CREATE ROLE {} LOGIN IN ROLE palate_app").format(psql.Identifier(role))
        )
        yield role
        admin.execute(psql.SQL("DROP ROLE {}").format(psql.Identifier(role)))


def test_the_role_that_serves_may_do_all_that_serving_needs(
    films: Database, settings: Settings, app_role: str
) -> None:
    url = films.url.set(username=app_role).render_as_string(hide_password=False)
    with (
        Database(url, settings) as database,
        running(database, settings) as address,
        httpx.Client(base_url=address, timeout=PATIENCE) as client,
    ):
        assert client.get("/readyz").status_code == 200
        assert client.put(RATING, json={"rating": 4}).status_code == 200
        found = client.get(f"/v1/search?q=lord&user_id={STRANGER}&facets=true&snippets=true")
        assert found.json()["hits"]
        assert client.get("/v1/movies/5/similar").status_code == 200
        assert client.get("/v1/suggest?q=lo").status_code == 200
        assert client.delete(RATING).status_code == 204
        line, kind = b'{"movie_id": 500, "title": "Zephyr"}', {"content-type": LINES}
        bulk = client.post("/v1/movies/bulk", headers=kind, content=line)
        assert bulk.json()["outcomes"] == {"created": 1}
        assert client.patch("/v1/movies/500", json={"title": "Mistral"}).status_code == 200
        assert client.delete("/v1/movies/5").json()["ratings"] == 2
        assert client.put("/v1/movies/5", json={"title": "Back"}).status_code == 201
        events = {"events": [{"type": "liked", "movie_id": 5, "event_id": "e"},
                             {"type": "rated", "movie_id": 6, "rating": 4},
                             {"type": "pinned", "genre": "Fantasy"}]}  # fmt: skip
        assert client.post("/v1/users/somebody/events", json=events).json()["accepted"] == 3
        assert client.delete("/v1/users/somebody/events/e").status_code == 204
        page = client.get("/v1/recommend?user_id=somebody&q=lord").json()
        told = {"answer_id": page["answer_id"], "movie_id": 1, "kind": "play", "user_id": "other"}
        assert client.post("/v1/feedback", json={"feedback": [told]}).json()["accepted"] == 1
        assert client.get("/v1/users/somebody/export").status_code == 200
        assert client.delete("/v1/users/somebody").json()["tables"]
        assert client.delete(f"/v1/users/{STRANGER}").status_code in (200, 404)


@pytest.mark.parametrize(
    "request_text",
    [
        b"GET /healthz HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 300_000 + b"\r\n\r\n",
        b"GET http://evil.example/healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"\x16\x03\x01 not http at all\r\n\r\n",
    ],
)
def test_odd_bytes_are_refused(films: Database, settings: Settings, request_text: bytes) -> None:
    with running(films, settings) as url:
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
            connection.sendall(request_text)
            status_line = connection.recv(64)
        assert re.match(rb"HTTP/1.1 4\d\d", status_line)
        assert get(f"{url}/healthz").status_code == 200


def test_listening_to_strangers_without_keys_is_refused_before_anything_starts(
    tmp_path: Path,
) -> None:
    settings = Settings(host="0.0.0.0", data_dir=tmp_path / "data", _env_file=None)
    with pytest.raises(MisuseError, match="--insecure"):
        serve(settings)
    assert not (tmp_path / "data").exists()


def test_an_address_that_is_taken_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = Settings(port=port, data_dir=tmp_path / "data", _env_file=None)
        with pytest.raises(ListenError, match=f"cannot listen on 127.0.0.1, port {port}"):
            serve(settings)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("workers", [1, 2])
def test_of_two_that_start_together_on_one_address_one_is_refused(
    films: Database, workers: int
) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", 0))
        settings = films.settings.model_copy(
            update={"port": other.getsockname()[1], "workers": workers}
        )
        with _bound(settings) as address:
            other.listen()
            start = partial(_run, films) if workers == 1 else _run_many
            with pytest.raises(ListenError, match=r"cannot listen on 127\.0\.0\.1"):
                start(settings, address, insecure=False, faces=None)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_process_ends_well(films: Database, number: signal.Signals) -> None:
    code = (
        "from palate.settings import Settings; from serve.api.run import serve; serve(Settings())"
    )
    environment = {
        **os.environ,
        "PALATE_DATABASE_URL": films.psql_url,
        "PALATE_PORT": "0",
        "PALATE_LOG_FORMAT": "json",
        "PYTHONUNBUFFERED": "1",
    }
    with subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        serving = next(line for line in process.stdout if "serving" in line)
        port = re.search(r"port=(\d+)", serving)
        assert port is not None, serving
        health = f"http://127.0.0.1:{port[1]}/healthz"
        with httpx.Client(transport=httpx.HTTPTransport(retries=8), timeout=PATIENCE) as client:
            assert client.get(health).status_code == 200
        process.send_signal(number)
        process.stdout.read()
        assert process.wait(PATIENCE) == 0
