"""Tokens of single users, sites that may ask, and how much anybody may ask for."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from palate.settings import Settings
from serve.api.keys import create_key
from serve.api.tokens import TokenSigner
from sql.database import Database
from tests.integration.serve.apis import client_of

SECRET = "for the tests of tokens, long enough"
SITE = "https://app.example.org"


@pytest.fixture
def guarded(films: Database, settings: Settings, tmp_path: Path) -> Iterator[TestClient]:
    """A server with a key of the application's and tokens; its client sends the key."""
    secret, key = create_key("app", "admin")
    (tmp_path / "keys").write_text(key.line)
    changed = {
        "api_keys_file": tmp_path / "keys",
        "token_secret": Settings(token_secret=SECRET).token_secret,
        "allowed_origins": (SITE,),
    }
    with client_of(films, settings.model_copy(update=changed)) as client:
        client.headers["authorization"] = f"Bearer {secret}"
        yield client


def token(client: TestClient, user: str | int, **asked: Any) -> dict[str, str]:
    made = client.post("/v1/tokens", json={"user": user, **asked})
    assert made.status_code == 200, made.text
    return {"authorization": f"Bearer {made.json()['token']}"}


def test_a_user_reads_writes_and_searches_as_themselves(guarded: TestClient) -> None:
    ann = token(guarded, "ann@example.org", scope="write")
    sent = {"type": "liked", "movie_id": 6}
    assert guarded.post("/v1/users/ann@example.org/events", json=sent, headers=ann).is_success
    rated = guarded.put("/v1/users/ann@example.org/ratings/5", json={"rating": 5}, headers=ann)
    assert rated.status_code == 200
    found = guarded.get("/v1/search?q=lord", headers=ann).json()
    assert found["personalized"] is True, "whoever has a token need not say who it is"
    for path in ("/v1/recommend", "/v1/suggest?q=lo", "/v1/movies/1", "/v1/movies?k=1",
                 "/v1/users/ann@example.org", "/v1/movies/1/similar", "/v1/ask?q=lord",
                 "/v1/predict?movie=1"):  # fmt: skip
        assert guarded.get(path, headers=ann).status_code == 200, path
    body = guarded.post("/v1/recommend", json={"k": 3}, headers=ann).json()
    assert body["user_id"] == found["user_id"]
    both = {"searches": [{"q": "lord"}, {"q": "lord", "user_id": 1}]}
    mine, theirs = guarded.post("/v1/multi-search", json=both, headers=ann).json()["answers"]
    assert mine["answer"]["user_id"] == found["user_id"]
    assert theirs["problem"]["status"] == 403


def test_nobody_else_is_open_to_a_user(guarded: TestClient) -> None:
    ann = token(guarded, "ann@example.org", scope="write")
    for method, path, body in (
        ("GET", "/v1/users/1", None),
        ("GET", "/v1/users/1/ratings", None),
        ("GET", "/v1/search?q=lord&user_id=1", None),
        ("POST", "/v1/recommend", {"user_id": 1}),
        ("POST", "/v1/ask", {"user_id": 1}),
        ("POST", "/v1/ask", {"rated_by": [{"user_id": 1}]}),
        ("PUT", "/v1/users/1/ratings/5", {"rating": 1}),
        ("POST", "/v1/users/bob/events", {"type": "liked", "movie_id": 1}),
        ("PUT", "/v1/movies/1", {"title": "Mine"}),
        ("GET", "/v1/users/ann@example.org/export", None),
        ("DELETE", "/v1/users/ann@example.org", None),
        ("POST", "/v1/tokens", {"user": 1}),
        ("GET", "/v1/rules", None),
        ("GET", "/metrics", None),
    ):
        refused = guarded.request(method, path, json=body, headers=ann)
        assert refused.status_code == 403, f"{method} {path}"
        assert "Nothing was" in refused.json()["detail"]
    asked = guarded.get("/v1/ask?q=films+that+user+1+rated+5+stars", headers=ann).json()
    assert "user 1 in the words is left out" in asked["notes"][0]
    feedback = {"answer_id": "search.blend.Zk3vJ8sQm1xY0aBc", "movie_id": 1, "kind": "click"}
    mine = guarded.post("/v1/feedback", json={"feedback": [feedback]}, headers=ann)
    assert mine.json()["accepted"] == 1
    others = guarded.post(
        "/v1/feedback", json={"feedback": [feedback | {"user_id": 1}]}, headers=ann
    )
    assert others.status_code == 403


def test_a_token_is_of_a_scope_a_profile_and_a_time(guarded: TestClient) -> None:
    read = token(guarded, 1)
    assert guarded.get("/v1/users/1", headers=read).status_code == 200
    refused = guarded.put("/v1/users/1/ratings/5", json={"rating": 1}, headers=read)
    assert refused.status_code == 403
    weekend = token(guarded, 1, profile="weekend", scope="write")
    path = "/v1/users/1/ratings/5"
    assert guarded.put(path, json={"rating": 2}, headers=weekend).json()["profile"] == "weekend"
    assert guarded.get(f"{path}?profile=main", headers=weekend).status_code == 403
    ended = {"authorization": f"Bearer {TokenSigner(SECRET).make('1', 'read', -1)}"}
    told = guarded.get("/v1/users/1", headers=ended)
    assert (told.status_code, "has ended" in told.json()["detail"]) == (401, True)
    forged = {"authorization": f"Bearer {TokenSigner(SECRET[::-1]).make('1', 'read', 60)}"}
    assert guarded.get("/v1/users/1", headers=forged).status_code == 401


def test_listed_sites_may_ask_from_a_browser_and_no_others(
    guarded: TestClient, films: Database, settings: Settings
) -> None:
    ask = {"origin": SITE, "access-control-request-method": "PUT"}
    flight = guarded.options("/v1/users/1/ratings/5", headers=ask)
    assert flight.status_code == 204
    assert flight.headers["access-control-allow-origin"] == SITE
    assert "PUT" in flight.headers["access-control-allow-methods"]
    read = guarded.get("/v1/movies/1", headers={"origin": SITE})
    assert read.headers["access-control-allow-origin"] == SITE
    assert "ETag" in read.headers["access-control-expose-headers"]
    other = guarded.get("/v1/movies/1", headers={"origin": "https://evil.example"})
    assert "access-control-allow-origin" not in other.headers
    listed = settings.model_copy(update={"allowed_origins": (SITE,)})
    with client_of(films, listed) as here:
        cross = {"origin": SITE, "sec-fetch-site": "cross-site"}
        assert here.get("/v1/movies/1", headers=cross).status_code == 200
        cross["origin"] = "https://evil.example"
        assert here.get("/v1/movies/1", headers=cross).status_code == 403


def test_so_many_requests_a_minute_and_no_more(films: Database, settings: Settings) -> None:
    few = settings.model_copy(update={"requests_per_minute": 3})
    with client_of(films, few) as client:
        left = [client.get("/v1/movies/1").headers["ratelimit-remaining"] for _ in range(3)]
        assert left == ["2", "1", "0"]
        refused = client.get("/v1/movies/1")
        assert refused.status_code == 429
        assert refused.json()["type"].endswith("too-many-requests")
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert client.get("/healthz").status_code == 200


def test_each_write_leaves_a_line(guarded: TestClient) -> None:
    with capture_logs() as logs:
        guarded.put("/v1/users/3/ratings/5", json={"rating": 4})
        guarded.get("/v1/users/3/ratings/5")
        guarded.post("/v1/recommend", json={"k": 1})
        guarded.delete("/v1/movies/4711")
    lines = [(each["method"], each["path"], each["status"], each["key"])
             for each in logs if each["event"] == "audit"]  # fmt: skip
    assert lines == [
        ("PUT", "/v1/users/3/ratings/5", 200, "app"),
        ("DELETE", "/v1/movies/4711", 404, "app"),
    ]
