"""What surrounds every request, over applications of a few lines."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import PlainTextResponse, Response
from starlette.testclient import TestClient

from palate.errors import (
    DatabaseUnavailableError,
    EmbeddingError,
    MisuseError,
    NotFoundError,
    PalateError,
    QuerySyntaxError,
    SchemaError,
)
from palate.metrics import REGISTRY, stage
from serve.api.arguments import read_query
from serve.api.guard import Guard, is_loopback
from serve.api.keys import KeyRing, create_key
from serve.api.middleware import Requests
from serve.api.problems import (
    CrossSiteError,
    ForbiddenError,
    InvalidRequestError,
    MisdirectedError,
    UnauthorizedError,
    problem_for,
)

LOCAL = ("127.0.0.1", 40000)


def app_around(*, max_url: int = 500) -> FastAPI:
    """An application that fails and misses on demand."""
    app = FastAPI(openapi_url=None)

    @app.get("/fail")
    def fail() -> None:
        raise RuntimeError("secret of /etc/passwd")

    @app.get("/missing")
    def missing() -> None:
        raise NotFoundError("There is no film 7.")

    @app.get("/hello")
    async def hello() -> Response:
        return PlainTextResponse("hello")

    app.add_middleware(
        Requests, guard=Guard(None), max_url=max_url, stopping=threading.Event(), direct={}
    )
    return app


def client_of(app: FastAPI) -> TestClient:
    return TestClient(app, base_url="http://localhost", client=LOCAL)


@pytest.fixture
def client() -> Iterator[TestClient]:
    with client_of(app_around()) as client:
        yield client


def test_an_unexpected_error_tells_nothing_of_the_inside(client: TestClient) -> None:
    answer = client.get("/fail")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "passwd" not in answer.text
    problem = answer.json()
    assert problem["type"] == "urn:palate:problem:unexpected-error"
    assert problem["request_id"] == answer.headers["x-request-id"]


def test_an_error_for_people_is_passed_on(client: TestClient) -> None:
    answer = client.get("/missing")
    assert answer.json() == {
        "type": "urn:palate:problem:not-found",
        "title": "Not found",
        "status": 404,
        "detail": "There is no film 7.",
        "instance": "/missing",
        "request_id": answer.headers["x-request-id"],
    }


def test_a_plain_request_id_is_kept_and_any_other_replaced(client: TestClient) -> None:
    kept = client.get("/hello", headers={"X-Request-ID": "trace-17.a_b"})
    assert kept.headers["x-request-id"] == "trace-17.a_b"
    for odd in ["", "a b", "x" * 129, "é", 'a"b']:
        made = client.get("/hello", headers=[(b"X-Request-ID", odd.encode())])
        assert made.headers["x-request-id"] != odd
        assert len(made.headers["x-request-id"]) == 32


def test_every_answer_has_the_security_headers(client: TestClient) -> None:
    for path in ["/hello", "/missing", "/fail"]:
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["cache-control"] == "no-store"


def test_head_is_get_without_the_body(client: TestClient) -> None:
    head, get = client.head("/hello"), client.get("/hello")
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == get.headers["content-length"]
    assert client.head("/missing").status_code == 404
    assert client.head("/missing").content == b""


def test_long_addresses_are_refused(client: TestClient) -> None:
    assert client.get("/hello", params={"q": "x" * 400}).status_code == 200
    assert client.get("/hello", params={"q": "x" * 600}).status_code == 414


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8080", "127.0.0.1", "127.0.0.1:80", "[::1]", "[::1]:8080"]
)
def test_without_keys_loopback_hosts_are_answered(host: str) -> None:
    Guard(None).check_origin("127.0.0.1", {"host": host})
    Guard(None).check_origin("::1", {"host": host})
    Guard(None).check_origin(None, {"host": host})


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example:80",
        "evil:80:localhost",
        "::1",
        "0.0.0.0",
        "localhost:",
    ],
)
def test_without_keys_other_hosts_are_refused(host: str) -> None:
    with pytest.raises(MisdirectedError):
        Guard(None).check_origin("127.0.0.1", {"host": host})


def test_without_keys_other_machines_are_refused_whatever_host_they_name() -> None:
    with pytest.raises(MisdirectedError):
        Guard(None).check_origin("10.0.0.7", {"host": "localhost"})
    Guard(None, insecure=True).check_origin("10.0.0.7", {"host": "films.example"})


PAGES = [
    {"origin": "http://evil.example"},
    {"origin": "null"},
    {"origin": "http://localhost:3000"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
]


@pytest.mark.parametrize("page", PAGES)
def test_without_keys_pages_of_other_sites_are_refused(page: dict[str, str]) -> None:
    headers = {"host": "localhost:8080", **page}
    with pytest.raises(CrossSiteError):
        Guard(None).check_origin("127.0.0.1", headers)
    Guard(None, insecure=True).check_origin("127.0.0.1", headers)


@pytest.mark.parametrize(
    "page",
    [
        {"origin": "http://localhost:8080", "sec-fetch-site": "same-origin"},
        {"origin": "https://localhost:8080"},
        {"sec-fetch-site": "none"},
    ],
)
def test_without_keys_its_own_pages_are_answered(page: dict[str, str]) -> None:
    Guard(None).check_origin("127.0.0.1", {"host": "localhost:8080", **page})


def test_what_can_be_read_in_two_ways_is_refused(client: TestClient) -> None:
    for headers in (
        [("Host", "localhost"), ("Host", "localhost")],
        [("Host", "localhost"), ("Content-Length", "3"), ("Transfer-Encoding", "chunked")],
    ):
        answer = client.request("GET", "/hello", headers=headers, content=iter([b"abc"]))
        assert answer.status_code == 400
        assert answer.json()["title"] == "Ambiguous request"


def test_a_rebound_name_gets_a_problem_document() -> None:
    with TestClient(app_around(), base_url="http://evil.example", client=LOCAL) as client:
        assert client.get("/hello").status_code == 421


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("localhost", True),
        ("127.8.8.8", True),
        ("[::1]", True),
        ("::ffff:127.0.0.1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.5", False),
        ("films.example", False),
        ("", False),
    ],
)
def test_loopback_addresses(address: str, local: bool) -> None:
    assert is_loopback(address) is local


def test_listening_elsewhere_needs_keys_or_a_clear_word(tmp_path: Path) -> None:
    with pytest.raises(MisuseError, match="--insecure"):
        Guard(None).check_listening("0.0.0.0")
    Guard(None).check_listening("127.0.0.1")
    Guard(None, insecure=True).check_listening("0.0.0.0")
    path = tmp_path / "keys"
    path.write_text(create_key("web", "read")[1].line)
    Guard(KeyRing(path)).check_listening("0.0.0.0")


def test_keys_are_read_from_either_header(tmp_path: Path) -> None:
    secret, key = create_key("web", "write")
    path = tmp_path / "keys"
    path.write_text(key.line)
    guard = Guard(KeyRing(path))
    for headers in [
        {"authorization": f"Bearer {secret}"},
        {"authorization": f"bearer  {secret} "},
        {"x-api-key": secret},
        {"authorization": "Basic abc", "x-api-key": secret},
    ]:
        guard.authorize(headers, "read")
        guard.authorize(headers, "write")
        with pytest.raises(ForbiddenError) as refused:
            guard.authorize(headers, "admin")
        assert 'scope="admin"' in refused.value.headers["WWW-Authenticate"]
    for headers in [{}, {"authorization": "Bearer "}, {"authorization": f"Basic {secret}"}]:
        with pytest.raises(UnauthorizedError, match="is needed"):
            guard.authorize(headers, "read")
    with pytest.raises(UnauthorizedError, match="not known") as unknown:
        guard.authorize({"x-api-key": "palate_guess"}, "read")
    assert 'error="invalid_token"' in unknown.value.headers["WWW-Authenticate"]


KNOWN = {"q": False, "user_id": False, "genres": True}


def test_known_parameters_pass() -> None:
    read_query(b"q=lord&genres=Fantasy&genres=Drama&user_id=", KNOWN)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (b"user=1", "did you mean 'user_id'"),
        (b"zzz=1", "known are genres, q, user_id"),
        (b"q=a&q=b", "given more than once"),
        (b"=1", "unknown parameter"),
        (b"&".join([b"q=1"] * 201), "more than 200 fields"),
    ],
)
def test_unknown_and_doubled_parameters_are_refused(query: bytes, said: str) -> None:
    with pytest.raises(InvalidRequestError, match=said):
        read_query(query, KNOWN)


@given(st.binary())
def test_any_query_string_passes_or_is_an_invalid_request(query: bytes) -> None:
    with contextlib.suppress(InvalidRequestError):
        read_query(query, KNOWN)


def raised_from(error: PalateError, cause: Exception) -> PalateError:
    error.__cause__ = cause
    return error


def database_error(orig: psycopg.Error) -> sqlalchemy.exc.DBAPIError:
    return sqlalchemy.exc.DBAPIError("SELECT secret", None, orig)


@pytest.mark.parametrize(
    ("error", "status", "title"),
    [
        (QuerySyntaxError("No ) here.", 4), 400, "Query syntax"),
        (DatabaseUnavailableError("db.internal:5432 secret"), 503, "Database unavailable"),
        (SchemaError("secret"), 503, "Schema mismatch"),
        (EmbeddingError("secret host"), 503, "Encoder unavailable"),
        (database_error(psycopg.errors.UndefinedTable("secret")), 503, "Schema mismatch"),
        (database_error(psycopg.errors.DeadlockDetected("secret")), 503, "Deadlock"),
        (database_error(psycopg.errors.SerializationFailure("secret")), 503, "Changed meanwhile"),
        (database_error(psycopg.errors.InsufficientPrivilege("secret")), 500, "Missing privilege"),
        (
            database_error(psycopg.errors.ReadOnlySqlTransaction("secret")),
            503,
            "Read-only database",
        ),
        (database_error(psycopg.errors.DiskFull("secret")), 503, "Disk full"),
        (database_error(psycopg.errors.LockNotAvailable("secret")), 503, "Database busy"),
        (database_error(psycopg.errors.NumericValueOutOfRange("secret")), 400, "Bad request"),
        (database_error(psycopg.errors.SyntaxError("secret")), 500, "Unexpected error"),
        (ZeroDivisionError("secret"), 500, "Unexpected error"),
        (
            raised_from(DatabaseUnavailableError("secret"), sqlalchemy.exc.TimeoutError()),
            503,
            "Overloaded",
        ),
        (
            raised_from(
                DatabaseUnavailableError("secret"), database_error(psycopg.errors.QueryCanceled())
            ),
            504,
            "Timed out",
        ),
    ],
)
def test_each_cause_has_its_status_and_keeps_the_inside_in(
    error: Exception, status: int, title: str
) -> None:
    problem, headers = problem_for(error, "/v1/search", "r1")
    assert (problem.status, problem.title) == (status, title)
    assert "secret" not in problem.model_dump_json()
    assert ("Retry-After" in headers) == (status == 503)
    assert problem.position == (4 if isinstance(error, QuerySyntaxError) else None)


def test_stages_are_counted_also_when_they_fail() -> None:
    def counted() -> float:
        return REGISTRY.get_sample_value("palate_stage_seconds_count", {"stage": "tested"}) or 0

    before = counted()
    with stage("tested"):
        pass
    with pytest.raises(ValueError, match="inside"), stage("tested"):
        raise ValueError("inside")
    assert counted() == before + 2


def test_metrics_have_no_label_that_a_client_makes_up(client: TestClient) -> None:
    client.request("BREW", "/hello")
    client.get("/nothing/here/at/all")
    labels = [
        sample.labels
        for metric in REGISTRY.collect()
        if metric.name == "palate_http_request_seconds"
        for sample in metric.samples
    ]
    assert labels
    assert not {"BREW", "/nothing/here/at/all"} & {v for each in labels for v in each.values()}
