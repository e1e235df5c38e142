"""What became of answers: sent, kept, counted; and the way to where a film can be watched."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from starlette.testclient import TestClient

from evaluate.clicks import evaluate_clicks
from palate.settings import Settings
from rerank.people import find_user, forget
from sql.database import Database
from sql.stats import refresh_stats
from tests.integration.serve.apis import client_of


@pytest.fixture(scope="module")
def client(films: Database, settings: Settings) -> Iterator[TestClient]:
    listed = settings.model_copy(update={"watch_hosts": ("archive.example",)})
    with cloned_settings(films, listed) as client:
        yield client


def cloned_settings(films: Database, settings: Settings) -> TestClient:
    """A client over the same database with other settings."""
    films.settings = settings
    return client_of(films, settings)


def send(client: TestClient, *lines: dict[str, Any]) -> dict[str, Any]:
    answer = client.post("/v1/feedback", json={"feedback": lines})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_what_became_of_answers_is_counted_by_ranking_and_position(
    client: TestClient, films: Database
) -> None:
    assert evaluate_clicks(films) == []
    searched = client.get("/v1/search?q=lord").json()
    recommended = client.get("/v1/recommend?user_id=1").json()
    assert searched["answer_id"].startswith("search.blend.")
    assert client.get("/v1/search?q=lord").json()["answer_id"] != searched["answer_id"]
    shown = [
        {"answer_id": searched["answer_id"], "movie_id": hit["movie_id"], "kind": "impression",
         "position": hit["rank"]}
        for hit in searched["hits"]
    ]  # fmt: skip
    click = shown[1] | {"kind": "click", "user_id": "ann@example.org"}
    play = {"answer_id": recommended["answer_id"], "movie_id": 3, "kind": "play", "position": 2,
            "sources": ["trending"], "user_id": 7}  # fmt: skip
    assert send(client, *shown, click, play) == {"accepted": 6, "known": 0, "refused": []}
    assert send(client, click) == {"accepted": 0, "known": 1, "refused": []}
    rates = {(each.kind, each.value): each for each in evaluate_clicks(films)}
    found = {key: (each.shown, each.clicked, each.played) for key, each in rates.items()}
    assert found == {
        ("position", "1"): (1, 0, 0),
        ("position", "2"): (2, 1, 1),
        ("position", "3"): (1, 0, 0),
        ("position", "4"): (1, 0, 0),
        ("ranking", "recommend by mixer"): (1, 0, 1),
        ("ranking", "search by blend"): (4, 1, 0),
        ("source", "trending"): (1, 0, 1),
    }
    by_search = rates["ranking", "search by blend"]
    assert by_search.low < by_search.rate == 0.25 < by_search.high
    ann = find_user(films, "ann@example.org")
    held = client.get(f"/v1/users/{ann}/export").json()["tables"]
    assert [line["kind"] for line in held["feedback"]] == ["click"]


def test_a_wrong_line_refuses_no_other(client: TestClient) -> None:
    good = {"answer_id": "search.blend.abcdefghijkl", "movie_id": 1, "kind": "impression"}
    report = send(
        client, good, good | {"answer_id": "mine"}, good | {"kind": "smelled"}, {"movie_id": 1}
    )
    assert report["accepted"] == 1
    assert [line["line"] for line in report["refused"]] == [2, 3, 4]


def test_films_and_users_that_cannot_be_are_told_in_words(client: TestClient) -> None:
    good = {"answer_id": "search.blend.abcdefghijkm", "movie_id": 1, "kind": "click"}
    report = send(
        client, good | {"movie_id": 10**9}, good | {"movie_id": -1}, good | {"user_id": "a/b"}
    )
    unknown, negative, slashed = (line["reason"] for line in report["refused"])
    assert unknown == "film 1000000000 is unknown"
    assert negative.startswith("movie_id: a film is a whole number")
    assert slashed.startswith("user_id: a user is a whole number")


def test_a_film_is_watched_where_the_operator_lets_people_go(
    client: TestClient, films: Database
) -> None:
    with films.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO availability VALUES (1, 'archive', 'DE', 'https://archive.example/ring'), "
            "(2, 'archive', 'DE', 'https://archive.example.evil.example/war')"
        )
    found = client.get("/v1/watch-link/1?service=archive&country=DE", follow_redirects=False)
    assert (found.status_code, found.headers["location"]) == (302, "https://archive.example/ring")
    for film, country in [(1, "FR"), (2, "DE"), (3, "DE")]:
        other = client.get(
            f"/v1/watch-link/{film}?service=archive&country={country}", follow_redirects=False
        )
        assert other.status_code == 404


def test_feedback_on_its_way_is_forgotten_as_well(films: Database) -> None:
    line = {"answer_id": "search.blend.Zk3vJ8sQm1xY", "movie_id": 1, "kind": "click"}
    with psycopg.connect(films.psql_url) as sender, ThreadPoolExecutor(1) as pool:
        sent = json.dumps([line | {"user_id": "8080"}])
        sender.execute("SELECT palate.add_feedback(%s)", [sent])
        forgetting = pool.submit(forget, films, 8080)
        with films.read() as connection:
            waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory'"
            while not connection.exec_driver_sql(waits).scalar_one():
                assert not forgetting.done()
        sender.commit()
        (feedback,) = (each for each in forgetting.result().tables if each.table == "feedback")
    assert (feedback.deleted, feedback.left) == (1, 0)


def test_old_feedback_is_deleted_by_a_refresh(films: Database) -> None:
    kept = "SELECT count(*) FROM feedback WHERE movie_id = 12"
    with films.begin() as connection:
        for days in (1, 399, 401):
            connection.exec_driver_sql(
                "INSERT INTO feedback (answer_id, movie_id, kind, happened_at) VALUES "
                f"('search.blend.{days:09}', 12, 'click', now() - interval '{days} days')"
            )
    before = films.settings
    try:
        for keep, left in ((0, 3), (400, 2)):
            films.settings = before.model_copy(update={"feedback_days": keep})
            refresh_stats(films)
            with films.read() as connection:
                assert connection.exec_driver_sql(kept).scalar_one() == left
    finally:
        films.settings = before
