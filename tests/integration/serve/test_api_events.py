"""What an application sends of its users over HTTP, and what it gets back."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from palate.person import PERSON
from palate.settings import Settings
from rerank.people import TABLES
from sql.database import Database
from tests.integration.serve.apis import client_of


def send(client: TestClient, user: str, *events: dict[str, Any]) -> dict[str, Any]:
    answer = client.post(f"/v1/users/{user}/events", json={"events": events})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def recommended(client: TestClient, user: str) -> list[int]:
    answer = client.get("/v1/recommend", params={"user_id": user})
    assert answer.status_code == 200, answer.text
    return [movie["movie_id"] for movie in answer.json()["movies"]]


def test_a_user_by_name_is_personal_from_the_first_event(client: TestClient) -> None:
    before = client.get("/v1/recommend?user_id=ann@example.org").json()
    assert before["personalized"] is False
    assert "nothing was rated or sent yet" in before["why_not_personalized"]
    report = client.post(
        "/v1/users/ann@example.org/events", json={"type": "watched", "movie_id": 6}
    ).json()
    assert (report["accepted"], report["known"], report["refused"]) == (1, 0, 0)
    after = client.get("/v1/recommend?user_id=ann@example.org").json()
    assert after["personalized"] is True
    assert 6 not in [movie["movie_id"] for movie in after["movies"]], "seen"
    found = client.get("/v1/search?q=genres:Fantasy&user_id=ann@example.org&seen=drop").json()
    assert 6 not in [hit["movie_id"] for hit in found["hits"]]
    user = client.get("/v1/users/ann@example.org").json()
    assert (user["name"], user["event_count"]) == ("ann@example.org", 1)
    assert client.get(f"/v1/users/{user['user_id']}").json() == user


def test_an_event_counts_at_once_in_every_worker(films: Database, settings: Settings) -> None:
    with (
        Database(films.psql_url, settings) as another,  # as another process has
        client_of(films, settings) as one,
        client_of(another, settings) as other,
    ):
        send(one, "kim", {"type": "liked", "movie_id": 6})
        for film in recommended(one, "kim")[:3]:
            assert recommended(one, "kim") == recommended(other, "kim")
            send(one, "kim", {"type": "not_interested", "movie_id": film})
            for worker in (one, other):
                assert film not in recommended(worker, "kim")


def test_lines_are_accepted_known_or_refused_one_by_one(client: TestClient) -> None:
    report = send(
        client,
        "bob",
        {"type": "rated", "movie_id": 7, "rating": 4.5, "event_id": "a-1"},
        {"type": "rated", "movie_id": 7, "rating": 9},
        {"type": "liked", "movie_id": 4711},
        {"type": "liked", "film": 8},
        {"type": "rated", "movie_id": 7, "rating": 4.5, "event_id": "a-1"},
    )
    assert [line["outcome"] for line in report["lines"]] == [
        "accepted", "refused", "refused", "refused", "known",
    ]  # fmt: skip
    assert [line["line"] for line in report["lines"]] == [1, 2, 3, 4, 5]
    assert report["lines"][1]["reason"].startswith("rating:")
    assert report["lines"][2]["reason"] == "film 4711 is unknown"
    assert client.get("/v1/users/bob/ratings").json()["ratings"][0]["rating"] == 4.5


def test_ten_thousand_events_come_at_once_and_one_more_does_not(client: TestClient) -> None:
    many = [
        {"type": "clicked", "movie_id": 1 + n % 12, "event_id": f"n{n}", "source": "web"}
        for n in range(10_000)
    ]
    assert send(client, "cleo", *many)["accepted"] == 10_000
    assert send(client, "cleo", *many)["known"] == 10_000
    refused = client.post("/v1/users/cleo/events", json={"events": [*many, many[0]]})
    assert refused.status_code == 422


def test_no_is_not_recommended_and_can_be_undone(client: TestClient) -> None:
    send(client, "dan", {"type": "liked", "movie_id": 5})
    assert 1 in recommended(client, "dan")
    report = send(client, "dan", {"type": "not_interested", "movie_id": 1})
    assert 1 not in recommended(client, "dan")
    (line,) = report["lines"]
    undone = client.delete(f"/v1/users/dan/events/{line['event_id']}")
    assert undone.status_code == 204
    assert 1 in recommended(client, "dan")
    assert client.delete(f"/v1/users/dan/events/{line['event_id']}").status_code == 404
    assert client.delete("/v1/users/dan/events?type=liked").json()["undone"] == 1
    assert client.get("/v1/users/dan").json()["has_vector"] is False


def test_a_muted_genre_is_not_recommended(client: TestClient) -> None:
    send(client, "eve", {"type": "liked", "movie_id": 5})
    assert {1, 3, 6} <= set(recommended(client, "eve"))
    send(client, "eve", {"type": "muted", "genre": "Fantasy"})
    assert not {1, 3, 6} & set(recommended(client, "eve"))


def test_history_is_read_in_pages_while_events_arrive(client: TestClient) -> None:
    days = [
        {"type": "watched", "movie_id": day, "happened_at": f"2024-01-{day:02}T20:00:00Z"}
        for day in range(1, 8)
    ]
    send(client, "finn", *days)
    client.put("/v1/users/finn/ratings/9", json={"rating": 3})
    seen: list[tuple[str, int]] = []
    cursor = None
    while True:
        parameters = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        page = client.get("/v1/users/finn/events", params=parameters).json()
        seen += [(event["type"], event["movie_id"]) for event in page["events"]]
        send(client, "finn", {"type": "clicked", "movie_id": 10})
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [("rated", 9), *(("watched", day) for day in range(7, 0, -1))]
    other = client.get("/v1/users/finn/events?type=watched&limit=1").json()["next_cursor"]
    mixed = client.get("/v1/users/finn/events", params={"cursor": other})
    assert mixed.status_code == 400
    assert client.delete("/v1/users/finn/events/rated-9").status_code == 204
    assert client.get("/v1/users/finn/ratings").json()["ratings"] == []


def test_taste_is_told_with_shares(client: TestClient) -> None:
    send(client, "gus", {"type": "liked", "movie_id": 6}, {"type": "disliked", "movie_id": 7})
    taste = client.get("/v1/users/gus").json()["taste"]
    assert [part["name"] for part in taste["people"]["towards"]] == ["Ron Howard"]
    assert [part["name"] for part in taste["people"]["away"]] == ["Michael Mann"]
    shares = [part["share"] for side in ("towards", "away") for part in taste["films"][side]]
    assert sum(map(abs, shares)) == pytest.approx(1)


def test_everything_held_is_exported_and_erased(client: TestClient, films: Database) -> None:
    send(client, "hal", {"type": "liked", "movie_id": 6})
    client.put("/v1/users/hal/ratings/7", json={"rating": 2})
    user_id = client.get("/v1/users/hal").json()["user_id"]
    with films.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO llm_answers (key, model, prompt, answer, expires_at, user_id) "
            f"VALUES ('k', 'm', 'p', 'told', now(), {user_id})"
        )
        connection.exec_driver_sql(
            "INSERT INTO llm_calls (model, prompt, tokens_in, tokens_out, question, user_id) "
            f"VALUES ('m', 'p', 3, 4, 'what does hal like?', {user_id})"
        )
        connection.exec_driver_sql("SELECT refresh_neighbours()")
    held = client.get("/v1/users/hal/export").json()
    assert held["name"] == "hal"
    rows = {table: len(found) for table, found in held["tables"].items()}
    none = dict.fromkeys(("tags", "user_factors", "feedback", "kept_history"), 0)
    assert rows == dict.fromkeys(TABLES, 1) | none
    gone = client.delete("/v1/users/hal").json()
    assert {each["table"]: each["deleted"] for each in gone["tables"]} == rows
    assert {each["left"] for each in gone["tables"]} == {0}
    assert client.get("/v1/users/hal").status_code == 404
    assert client.get("/v1/users/hal/export").status_code == 404
    with films.read() as connection:
        (call,) = connection.exec_driver_sql("SELECT question, user_id, tokens_in FROM llm_calls")
    assert tuple(call) == (None, None, 3), "budgets still count it"


def test_every_table_that_tells_of_users_is_erased(films: Database) -> None:
    with films.read() as connection:
        found = connection.exec_driver_sql(
            "SELECT table_name FROM information_schema.columns JOIN information_schema.tables "
            "USING (table_schema, table_name) WHERE column_name = 'user_id' "
            "AND table_schema = 'palate' AND table_type = 'BASE TABLE'"
        )
        assert set(found.scalars()) == set(TABLES)


@pytest.mark.parametrize("user", ["-5", "ann%20", "1.5", "9999999999999999999999"])
def test_what_cannot_be_a_user_is_refused(client: TestClient, user: str) -> None:
    answer = client.post(f"/v1/users/{user}/events", json={"type": "liked", "movie_id": 1})
    assert answer.status_code == 422
    assert "Nothing was done" in answer.json()["detail"]
    if user == "a%20b":
        assert "a user is a whole number, or a text" in answer.json()["detail"]


def test_nobody_is_made_by_asking(client: TestClient, films: Database) -> None:
    PERSON.set(None)  # whatever ran here before
    for path in ("", "/ratings", "/events", "/export", "/preferences"):
        assert client.get(f"/v1/users/nobody{path}").status_code == 404
    assert client.get("/v1/search?q=lord&user_id=nobody").status_code == 200
    with films.read() as connection:
        found = connection.exec_driver_sql("SELECT FROM user_names WHERE name = 'nobody'")
        assert found.first() is None
    assert PERSON.get() is None
