"""A real server and people who do not mean well, or just leave: the others are still answered."""

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from palate.settings import Settings
from serve.api.keys import create_key
from sql.database import Database
from tests.integration.serve.apis import FANTASY_LOVER, STRANGER, load_films, running
from tests.ports import reserved_port

PATIENCE = 120.0
get = partial(httpx.get, timeout=PATIENCE)
RATING = f"/v1/users/{STRANGER}/ratings/5"
SLOW = "GET /v1/search?q=lord HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def films(database: Database) -> Database:
    load_films(database)
    return database


@contextmanager
def locked(database: Database, table: str) -> Iterator[None]:
    """While this lasts, statements that read or write the table wait."""
    with psycopg.connect(database.psql_url) as connection:
        connection.execute(f"LOCK TABLE {table}")
        yield
        connection.rollback()


def waiting(database: Database) -> int:
    """Statements of the service that wait for a lock."""
    with psycopg.connect(database.psql_url, autocommit=True) as connection:
        found = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
            "AND datname = current_database() AND query NOT LIKE '%parse_query(''a'')%'"
        ).fetchone()
    return int(found[0]) if found else 0


def wait_for(holds: Callable[[], bool]) -> None:
    while not holds():  # until pytest's own time is up
        time.sleep(0.02)


def connect(url: str) -> socket.socket:
    host, port = url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=PATIENCE)


def all_of(connection: socket.socket) -> bytes:
    """What comes until the server closes the connection."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65_536):
            received += piece
    return received


@pytest.fixture
def key(settings: Settings, tmp_path: Path) -> tuple[Settings, str]:
    """Settings under which a key is needed, and one that may write."""
    secret, made = create_key("writer", "write")
    path = tmp_path / "keys"
    path.write_text(made.line)
    return settings.model_copy(update={"api_keys_file": path}), secret


def test_who_leaves_takes_the_statement_along(films: Database, settings: Settings) -> None:
    with running(films, settings) as url, locked(films, "movies"):
        connection = connect(url)
        connection.sendall(SLOW.encode())
        wait_for(lambda: waiting(films) > 0)
        connection.close()
        wait_for(lambda: waiting(films) == 0)


def test_a_change_is_made_though_its_client_has_left(films: Database, settings: Settings) -> None:
    with running(films, settings) as url:
        with locked(films, "ratings"):
            connection = connect(url)
            connection.sendall(
                f"PUT {RATING} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                'Content-Length: 12\r\n\r\n{"rating":4}'.encode()
            )
            wait_for(lambda: waiting(films) > 0)
            connection.close()
        wait_for(lambda: get(url + RATING).status_code == 200)


def test_a_search_that_takes_too_long_is_stopped_in_the_database_too(
    films: Database, settings: Settings
) -> None:
    hasty = settings.model_copy(update={"search_timeout": 0.5})
    with running(films, hasty) as url:
        with locked(films, "movies"):
            answer = get(f"{url}/v1/search?q=lord")
            assert answer.status_code == 504
            assert answer.json()["title"] == "Timed out"
            wait_for(lambda: waiting(films) == 0)
        assert get(f"{url}/v1/search?q=lord").status_code == 200


def test_a_connection_that_is_lost_in_a_search_is_that_searches_loss_only(
    films: Database, settings: Settings
) -> None:
    with running(films, settings) as url, ThreadPoolExecutor(1) as pool:
        with locked(films, "movies"):
            asked = pool.submit(get, f"{url}/v1/search?q=lord")
            wait_for(lambda: waiting(films) > 0)
            with psycopg.connect(films.psql_url, autocommit=True) as admin:
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE wait_event_type = 'Lock' AND datname = current_database()"
                )
            assert asked.result().status_code == 503
        assert get(f"{url}/v1/search?q=lord").status_code == 200


def test_probes_are_answered_and_more_is_told_to_retry_while_nothing_else_moves(
    films: Database, settings: Settings
) -> None:
    busy = settings.model_copy(update={"search_timeout": 60.0, "max_running_requests": 20})
    with running(films, busy) as url, locked(films, "movies"):
        connections = [connect(url) for _ in range(60)]
        for connection in connections:
            connection.sendall(SLOW.encode())
        wait_for(lambda: waiting(films) >= busy.pool_size - 2)
        assert get(f"{url}/healthz").status_code == 200
        assert get(f"{url}/readyz").status_code in (200, 503)  # at once, whatever it says
        refused = get(f"{url}/v1/search?q=lord")
        assert refused.status_code == 503
        assert refused.json()["title"] == "Overloaded"
        assert refused.headers["retry-after"].isdecimal()
        for connection in connections:
            connection.close()
        wait_for(lambda: waiting(films) == 0)


def test_half_a_body_without_a_key_keeps_nobody_waiting(
    films: Database, key: tuple[Settings, str]
) -> None:
    settings, secret = key
    headers = {"Authorization": f"Bearer {secret}"}
    half = (
        f"PUT {RATING} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Content-Length: 500\r\n\r\n{"
    )
    with running(films, settings) as url:
        connections = [connect(url) for _ in range(200)]
        for connection in connections:
            connection.sendall(half.encode())
        assert get(f"{url}/v1/search?q=lord", headers=headers).status_code == 200
        for connection in connections:
            answer = all_of(connection)
            assert b" 401 " in answer.partition(b"\r\n")[0]
            assert b"connection: close" in answer
            connection.close()


def test_headers_that_do_not_come_are_not_waited_for(films: Database, settings: Settings) -> None:
    hasty = settings.model_copy(update={"header_timeout": 0.3})
    with running(films, hasty) as url:
        for sent in (b"", b"\r\n", b"GET /healthz HTTP/1.1\r\nHost: local"):
            with connect(url) as connection:
                connection.sendall(sent)
                assert all_of(connection) == b""
        with connect(url) as connection:
            ask = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
            connection.sendall(ask)
            assert b" 200 " in connection.recv(65_536)
            connection.sendall(ask[:20])
            assert b"HTTP" not in all_of(connection)  # the first one's body may come by itself


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"no such thing\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * 150_000, 431),
    ],
)
def test_what_is_refused_before_it_is_read_is_refused_in_the_form_of_every_error(
    films: Database, settings: Settings, sent: bytes, status: int
) -> None:
    with running(films, settings) as url, connect(url) as connection:
        connection.sendall(sent)
        head, _, body = all_of(connection).partition(b"\r\n\r\n")
        assert head.startswith(f"HTTP/1.1 {status} ".encode())
        assert b"application/problem+json" in head
        assert json.loads(body)["status"] == status


def test_a_body_that_does_not_come_is_not_waited_for(films: Database, settings: Settings) -> None:
    hasty = settings.model_copy(update={"body_timeout": 0.3})
    with running(films, hasty) as url, connect(url) as connection:
        connection.sendall(
            f"PUT {RATING} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            'Content-Length: 500\r\n\r\n{"rating"'.encode()
        )
        assert all_of(connection).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    ("head", "body", "status"),
    [
        ("Content-Length: 2000", b"{" + b" " * 1999, 413),
        ("Transfer-Encoding: chunked", b"7d0\r\n" + b" " * 2000 + b"\r\n0\r\n\r\n", 413),
        ("Transfer-Encoding: chunked\r\nContent-Length: 12", b'{"rating":4}', 400),
        ("Content-Length: 12\r\nContent-Length: 13", b'{"rating":4}', 400),
    ],
)
def test_bodies_of_another_size_than_the_route_takes_are_refused(
    films: Database, settings: Settings, head: str, body: bytes, status: int
) -> None:
    with running(films, settings) as url, connect(url) as connection:
        start = f"PUT {RATING} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        connection.sendall(f"{start}{head}\r\n\r\n".encode() + body)
        assert all_of(connection).startswith(f"HTTP/1.1 {status} ".encode())
        assert get(url + RATING).status_code == 404


def test_a_body_nobody_reads_ends_the_connection(films: Database, settings: Settings) -> None:
    with running(films, settings) as url, connect(url) as connection:
        connection.sendall(
            b"GET /v1/movies/1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{"
        )
        assert b"connection: close" in all_of(connection)


def test_thousands_of_unknown_fields_are_refused_briefly(
    films: Database, settings: Settings
) -> None:
    body = json.dumps({f"key{n}": n for n in range(5000)})[:65_000].rpartition(",")[0] + "}"
    with running(films, settings) as url:
        headers = {"Content-Type": "application/json"}
        answer = httpx.post(f"{url}/v1/ask", content=body, headers=headers, timeout=PATIENCE)
        assert answer.status_code == 422
        assert len(answer.json()["errors"]) == 20
        assert "more, see errors" in answer.json()["detail"]


def test_an_idle_connection_makes_room_for_one_more(films: Database, settings: Settings) -> None:
    few = settings.model_copy(update={"max_connections": 5})
    with running(films, few) as url:
        idle = [connect(url) for _ in range(8)]
        assert get(f"{url}/healthz").status_code == 200
        for connection in idle:
            connection.close()


def test_the_same_rating_again_is_the_same_rating(films: Database, settings: Settings) -> None:
    with running(films, settings) as url, httpx.Client(base_url=url, timeout=PATIENCE) as client:
        client.put(RATING, json={"rating": 4})
        with psycopg.connect(films.psql_url, autocommit=True) as connection:
            connection.execute("UPDATE ratings SET rated_at = rated_at - interval '1 day'")
        before, user = client.get(RATING).json(), f"/v1/users/{STRANGER}"
        profile = client.get(user).json() | {"updated_at": None}
        assert client.put(RATING, json={"rating": 4}).json() == before
        assert client.get(user).json() | {"updated_at": None} == profile
        assert client.put(RATING, json={"rating": 3}).json()["rated_at"] > before["rated_at"]


def test_deletes_and_ratings_at_once_neither_fail_nor_get_lost(
    films: Database, settings: Settings
) -> None:
    """Ten thousand of these, by the same code, are in docs/operations.md."""
    with running(films, settings) as url:
        statuses = interleave(url, requests=1200, users=3)
    assert set(statuses) <= {200, 204, 404}, statuses
    assert statuses[200] > 300
    with psycopg.connect(films.psql_url, autocommit=True) as connection:
        assert connection.execute(
            "SELECT count(*) FROM (SELECT user_id, profile, count(*) AS n FROM ratings "
            "GROUP BY 1, 2) r FULL JOIN users u USING (user_id, profile) "
            "WHERE n IS DISTINCT FROM rating_count"
        ).fetchone() == (0,)


def interleave(url: str, requests: int, users: int, clients: int = 8) -> Counter[int]:
    """Rate, take back and forget a few users from many clients; what each answered."""

    def work(seed: int) -> list[int]:
        chance = random.Random(seed)
        with httpx.Client(base_url=url, timeout=PATIENCE) as client:
            return [one(client, chance) for _ in range(requests // clients)]

    def one(client: httpx.Client, chance: random.Random) -> int:
        user = f"/v1/users/{STRANGER + chance.randrange(users)}"
        rating, where = f"{user}/ratings/{chance.randint(1, 7)}", {"profile": chance.choice("ab")}
        match chance.choices(("rate", "unrate", "forget"), (6, 2, 2))[0]:
            case "rate":
                body = {"rating": chance.choice((1.0, 3.0, 5.0))}
                status = client.put(rating, json=body, params=where).status_code
                assert status == 200
                return status
            case "unrate":
                return client.delete(rating, params=where).status_code
        return client.delete(user).status_code

    with ThreadPoolExecutor(clients) as pool:
        return Counter(status for found in pool.map(work, range(clients)) for status in found)


def test_told_to_stop_the_server_closes_connections_by_an_answer(films: Database) -> None:
    environment = os.environ | {
        "PALATE_DATABASE_URL": films.psql_url,
        "PALATE_LOG_LEVEL": "warning",
    }
    command = [sys.executable, "-m", "serve.cli", "serve", "--port"]
    with (
        reserved_port() as port,
        subprocess.Popen([*command, str(port)], env=environment) as process,
        ThreadPoolExecutor(4) as pool,
    ):
        url = f"http://127.0.0.1:{port}"
        try:
            wait_for(lambda: is_up(url))
            asking = [pool.submit(ask_until_told, url) for _ in range(4)]
            process.send_signal(signal.SIGTERM)
            assert {told.result() for told in asking} == {"close"}
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()


def test_many_processes_share_one_address_and_the_connections(films: Database) -> None:
    environment = os.environ | {
        "PALATE_DATABASE_URL": films.psql_url,
        "PALATE_LOG_LEVEL": "warning",
        "PALATE_POOL_SIZE": "4",
    }
    command = [sys.executable, "-m", "serve.cli", "serve", "--workers", "2", "--port"]
    with (
        reserved_port() as port,
        subprocess.Popen([*command, str(port)], env=environment) as process,
    ):
        url = f"http://127.0.0.1:{port}"
        try:
            wait_for(lambda: is_up(url))
            wait_for(lambda: len(workers_of(process)) == 2)
            # Each has a part of the connections; whichever is asked shows what both do.
            wait_for(lambda: 'connections{state="limit"} 4.0' in get(f"{url}/metrics").text)
            for _ in range(20):  # a connection each, so that both serve some
                assert get(f"{url}/v1/search?q=lord").status_code == 200
            counted = 'route="/v1/search",status="200"} 20.0'
            assert counted in get(f"{url}/metrics").text
            victim = workers_of(process).pop()
            psutil.Process(victim).kill()
            wait_for(lambda: len(workers_of(process) - {victim}) == 2)
            assert get(f"{url}/v1/search?q=lord").status_code == 200
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()


def workers_of(process: subprocess.Popen[bytes]) -> set[int]:
    return {
        child.pid
        for child in psutil.Process(process.pid).children()
        if child.status() != psutil.STATUS_ZOMBIE and "spawn_main" in " ".join(child.cmdline())
    }


def is_up(url: str) -> bool:
    try:
        return get(f"{url}/healthz").status_code == 200
    except httpx.ConnectError:
        return False


def ask_until_told(url: str) -> str:
    """Search over one connection until an answer says that it is the last."""
    with httpx.Client(base_url=url, timeout=PATIENCE) as client:
        while True:
            answer = client.get(f"/v1/search?q=lord&user_id={FANTASY_LOVER}")
            assert answer.status_code == 200
            if (said := answer.headers.get("connection")) is not None:
                return str(said)
