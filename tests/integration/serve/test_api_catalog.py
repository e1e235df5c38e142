"""A catalog that is kept in step over HTTP: films one by one, and lines of films and ratings."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from palate.embedder import Vectors, normalized
from palate.settings import Settings
from serve.api.services import Services
from sql.database import Database
from sql.own_fields import add_field, make_field, type_of
from tests.integration.serve.apis import client_of, load_films

FILM = {"title": "Quicksilver Harbour", "year": 2024, "genres": ["Drama"], "director": "Ida Blix"}


def titles(client: TestClient, q: str) -> list[str]:
    answer = client.get("/v1/search", params={"q": q, "as_typed": True})
    return [hit["title"] for hit in answer.json()["hits"]]


def send(client: TestClient, path: str, *lines: object, **parameters: str) -> dict[str, Any]:
    body = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    answer = client.post(
        path, content=body, params=parameters, headers={"content-type": "application/x-ndjson"}
    )
    assert answer.status_code == 200, answer.text
    report: dict[str, Any] = answer.json()
    return report


def test_names_of_a_film_are_kept_once(client: TestClient) -> None:
    said = {"title": "Quick", "genres": ["Drama", "Drama", "", " Drama "], "keywords": [" "]}
    assert client.put("/v1/movies/900001", json=said).status_code == 201
    kept = client.get("/v1/movies/900001").json()
    assert (kept["genres"], kept["keywords"]) == (["Drama"], [])


def test_a_film_is_made_changed_and_deleted_and_search_knows_at_once(client: TestClient) -> None:
    made = client.put("/v1/movies/100", json=FILM)
    assert (made.status_code, made.json()["director"]) == (201, "Ida Blix")
    assert titles(client, "quicksilver") == ["Quicksilver Harbour"]
    again = client.put("/v1/movies/100", json=FILM)
    assert (again.status_code, again.headers["etag"]) == (200, made.headers["etag"])
    changed = client.patch("/v1/movies/100", json={"title": "Mercury Harbour", "director": None})
    assert (changed.json()["year"], changed.json()["director"]) == (2024, None)
    assert titles(client, "quicksilver") == []
    assert titles(client, "mercury") == ["Mercury Harbour"]
    whole = client.put("/v1/movies/100", json={"title": "Harbour"}).json()
    assert (whole["year"], whole["genres"]) == (None, [])
    assert client.delete("/v1/movies/100").status_code == 200
    assert titles(client, "harbour") == []
    assert client.get("/v1/movies/100").status_code == 404
    assert client.delete("/v1/movies/100").status_code == 404
    assert client.patch("/v1/movies/100", json={"year": 1999}).status_code == 404


def test_a_rating_is_in_the_mean_of_every_answer_at_once(client: TestClient) -> None:
    client.put("/v1/movies/130", json=FILM)
    for user_id, rating in ((1, 5), (2, 2), (2, 4)):
        client.put(f"/v1/users/{user_id}/ratings/130", json={"rating": rating})
    shown = [
        client.get("/v1/movies/130").json(),
        client.get("/v1/search?q=movie_id:130").json()["hits"][0],
        client.get("/v1/movies?q=movie_id:130").json()["movies"][0],
        client.get("/v1/compare?movie=130&movie=1").json()["movies"][0],
    ]
    assert [(film["rating_count"], film["avg_rating"]) for film in shown] == [(2, 4.5)] * 4
    client.delete("/v1/users/1/ratings/130")
    assert client.get("/v1/movies/130").json()["avg_rating"] == 4
    client.delete("/v1/movies/130?history=erase")


def test_who_knows_a_film_is_told_so_until_anything_of_the_answer_changes(
    client: TestClient,
) -> None:
    client.put("/v1/movies/131", json=FILM)
    for method, path, body in (
        ("PUT", "/v1/users/1/ratings/131", {"rating": 4}),
        ("PATCH", "/v1/movies/131", {"year": 2021}),
        ("PATCH", "/v1/movies/131", {"overview": "Sand. " * 400}),  # compressed from now on
    ):
        etag = client.get("/v1/movies/131").headers["etag"]
        known = {"If-None-Match": f'"other", W/{etag}'}
        same = client.get("/v1/movies/131", headers=known)
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", etag)
        assert client.head("/v1/movies/131", headers=known).status_code == 304
        assert client.request(method, path, json=body).status_code == 200
        assert client.get("/v1/movies/131", headers=known).status_code == 200
    client.delete("/v1/movies/131?history=erase")


def test_of_two_who_change_a_film_the_second_is_told(client: TestClient) -> None:
    mine = {"If-Match": client.put("/v1/movies/101", json=FILM).headers["etag"]}
    client.put("/v1/users/1/ratings/101", json={"rating": 4})  # is no change of the film
    assert client.patch("/v1/movies/101", json={"year": 2023}, headers=mine).status_code == 200
    for late in (
        client.patch("/v1/movies/101", json={"year": 2022}, headers=mine),
        client.put("/v1/movies/101", json=FILM, headers={"If-None-Match": "*"}),
        client.delete("/v1/movies/101", headers=mine),
        client.put("/v1/movies/102", json=FILM, headers={"If-Match": "*"}),
    ):
        assert late.status_code == 412
        assert "Nothing was changed" in late.json()["detail"]
    assert client.get("/v1/movies/101").json()["year"] == 2023
    assert client.get("/v1/movies/102").status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [{}, {"title": ""}, {"title": None}, {"title": "a", "year": 12}, {"title": "a\u0000b"},
     {"title": "a", "movie_id": 5}, {"title": "a", "embedding": [0.0] * 384},
     {"title": "a", "poster_url": "javascript:alert(1)"}, {"title": "a", "poster_url": "file:///x"}],
)  # fmt: skip
def test_what_is_no_film_is_refused(client: TestClient, wrong: dict[str, Any]) -> None:
    refused = client.put("/v1/movies/103", json=wrong)
    assert refused.status_code == 422
    assert client.get("/v1/movies/103").status_code == 404


def test_a_vector_of_another_length_is_refused(client: TestClient) -> None:
    refused = client.put("/v1/movies/103", json={"title": "a", "embedding": [1.0, 2.0]})
    assert refused.status_code == 409
    assert "a vector of 2 numbers, where those in use have 384" in refused.json()["detail"]
    assert client.get("/v1/movies/103").status_code == 404


def test_ratings_of_a_deleted_film_wait_for_it_or_are_gone(client: TestClient) -> None:
    def history() -> list[tuple[str, int]]:
        events = client.get("/v1/users/ann/events").json()["events"]
        return [(event["type"], event["movie_id"]) for event in events]

    client.put("/v1/movies/104", json=FILM)
    client.put("/v1/users/ann/ratings/104", json={"rating": 2.5})
    client.post("/v1/users/ann/events", json={"type": "watched", "movie_id": 104})
    before = history()
    deleted = client.delete("/v1/movies/104").json()
    assert (deleted["history"], deleted["ratings"], deleted["events"]) == ("kept", 1, 1)
    assert history() == []
    assert client.get("/v1/users/ann").json()["rating_count"] == 0
    assert len(client.get("/v1/users/ann/export").json()["tables"]["kept_history"]) == 2
    client.put("/v1/movies/104", json=FILM)
    assert history() == before
    assert client.get("/v1/users/ann/ratings/104").json()["rating"] == 2.5
    erased = client.delete("/v1/movies/104?history=erase").json()
    assert (erased["history"], erased["ratings"], erased["events"]) == ("erased", 1, 1)
    client.put("/v1/movies/104", json=FILM)
    assert history() == []


def test_a_vector_that_is_sent_brings_a_film_near_others(client: TestClient) -> None:
    vector = [1.0] * 192 + [0.02] * 192
    client.put("/v1/movies/105", json={**FILM, "title": "A Hobbit", "embedding": vector})
    near = client.get("/v1/movies/105/similar?k=2").json()["movies"]
    assert {film["movie_id"] for film in near} <= {1, 5, 6}
    client.patch("/v1/movies/105", json={"year": 2001})
    assert client.get("/v1/movies/105").json()["has_embedding"] is True
    client.patch("/v1/movies/105", json={"embedding": None})
    assert client.get("/v1/movies/105").json()["has_embedding"] is False


def test_many_films_come_line_by_line(client: TestClient) -> None:
    lines = [
        {"movie_id": 200, "title": "Zephyr One", "genres": ["Drama"]},
        {"movie_id": 201},
        '{"movie_id": 202, "title": ',
        "",
        {"movie_id": 203, "title": "Zephyr Two", "color": "red"},
        {"movie_id": 200, "year": 1999},
        {"movie_id": 204, "title": "Zephyr Three"},
        {"movie_id": 204, "delete": True},
        {"movie_id": 205, "title": "Zephyr\ud800"},
    ]
    report = send(client, "/v1/movies/bulk", *lines, job="first")
    assert report["outcomes"] == {"created": 2, "updated": 1, "deleted": 1, "refused": 4}
    assert (report["state"], report["lines"]) == ("done", 9)
    refused = {line["line"]: line["reason"] for line in report["refused_lines"]}
    assert refused[2] == "a new film needs a title"
    assert refused[3].startswith("no JSON")
    assert refused[5].startswith("color:")
    assert 9 in refused
    assert client.get("/v1/jobs/first").json() == report
    assert titles(client, "zephyr") == ["Zephyr One"]
    again = send(client, "/v1/movies/bulk", lines[0], lines[5])
    assert again["outcomes"] == {"unchanged": 2}
    assert client.get("/v1/jobs/nightly").status_code == 404


def test_a_file_of_more_than_a_batch_is_written_as_it_comes(client: TestClient) -> None:
    def pieces() -> Iterator[bytes]:
        for n in range(1000):
            text = json.dumps({"movie_id": 1000 + n, "title": f"Serial {n}"}) + "\n"
            yield text[:9].encode()
            yield text[9:].encode()

    answer = client.post(
        "/v1/movies/bulk", content=pieces(), headers={"content-type": "application/x-ndjson"}
    )
    assert answer.json()["outcomes"] == {"created": 1000}
    assert titles(client, "title:serial AND title:777") == ["Serial 777"]


def test_a_file_that_is_too_large_or_no_lines_is_refused(
    films: Database, settings: Settings
) -> None:
    small = settings.model_copy(update={"max_bulk_bytes": 2000})
    with client_of(films, small) as client:
        lines = {"content-type": "application/x-ndjson"}
        told = client.post("/v1/movies/bulk", content=b"x" * 3000, headers=lines)
        assert told.status_code == 413
        untold = client.post("/v1/movies/bulk", content=iter([b"x" * 900] * 4), headers=lines)
        assert untold.status_code == 413
        assert client.post("/v1/movies/bulk", json={"movie_id": 1}).status_code == 415


def test_ratings_of_many_users_come_line_by_line(client: TestClient) -> None:
    lines = [
        {"user_id": "bea", "movie_id": 5, "rating": 4.5, "rated_at": "2024-05-01T10:00:00Z"},
        {"user_id": 77, "movie_id": 6, "rating": 3},
        {"user_id": 77, "movie_id": 6, "rating": 5, "profile": "weekend"},
        {"user_id": 77, "movie_id": 4711, "rating": 3},
        {"user_id": 77, "movie_id": 7, "rating": 9},
        {"user_id": 77, "movie_id": 7},
        {"user_id": "bea", "movie_id": 5, "rating": 1, "rated_at": "2020-01-01T00:00:00Z"},
    ]
    report = send(client, "/v1/ratings/bulk", *lines)
    assert report["outcomes"] == {"accepted": 3, "known": 1, "refused": 3}
    assert [line["line"] for line in report["refused_lines"]] == [4, 5, 6]
    assert client.get("/v1/users/bea/ratings/5").json()["rating"] == 4.5, "the last one counts"
    assert client.get("/v1/search?q=lord&user_id=bea").json()["personalized"] is True
    assert send(client, "/v1/ratings/bulk", *lines[:3])["outcomes"] == {"known": 3}
    gone = send(client, "/v1/ratings/bulk", {"user_id": 77, "movie_id": 6, "rating": None})
    assert gone["outcomes"] == {"accepted": 1}
    assert client.get("/v1/users/77/ratings/6").status_code == 404


def listed(client: TestClient, **parameters: Any) -> dict[str, Any]:
    answer = client.get("/v1/movies", params=parameters)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_films_are_listed_in_an_order_and_counted(database: Database, settings: Settings) -> None:
    load_films(database)
    with client_of(database, settings) as client:
        everything = listed(client, sort="title", k=3)
        assert everything["total"] == 12
        assert [film["title"] for film in everything["movies"]] == ["Amélie", "Casino", "Heat"]
        rest = listed(client, sort="title", k=100, offset=3)["movies"]
        assert len(rest) == 9
        newest = listed(client, sort="year", k=100)["movies"]
        years = [film["year"] for film in newest if film["year"]]
        assert years == sorted(years, reverse=True)
        assert newest[-1]["year"] is None, "what is not known stands last"
        best = listed(client, sort="avg_rating", direction="asc", k=1, fields="title,avg_rating")
        assert best["movies"] == [{"title": "The Dark Crystal", "avg_rating": 3.0}]
        crime = listed(client, genres="Crime", year_from=2000, facets="director,genres,year")
        assert crime["total"] == 2
        assert crime["facets"] == {
            "director": {"Andrew Niccol": 1, "Christopher Nolan": 1},
            "genres": {"Crime": 2, "Action": 1, "Drama": 1},
            "year": {"2005": 1, "2008": 1},
        }
        assert crime["ranges"]["year"] == {
            "films": 2,
            "least": 2005,
            "greatest": 2008,
            "mean": 2006.5,
        }
        assert listed(client, q='director:"Ron Howard"')["total"] == 1
        for wrong in ({"sort": "color"}, {"fields": "colour"}, {"facets": "title"}):
            assert client.get("/v1/movies", params=wrong).status_code == 422


def test_fields_of_ones_own_are_written_and_asked_for(
    database: Database, settings: Settings
) -> None:
    load_films(database)
    for name, kind in {"country": "text[]", "price": "numeric", "classic": "boolean"}.items():
        field = make_field(
            name, type_of(kind), filtered=True, facet=name == "country", searched=False, boost=None
        )
        add_field(database, field, frozenset())
    with client_of(database, settings) as client:
        heat = {**FILM, "title": "Heat", "own": {"country": ["USA"], "price": 9.5}}
        assert client.put("/v1/movies/100", json=heat).json()["own"] == heat["own"]
        changed = client.patch("/v1/movies/100", json={"own": {"classic": True, "price": None}})
        assert changed.json()["own"] == {"country": ["USA"], "classic": True}
        sent = send(
            client, "/v1/movies/bulk",
            {"movie_id": 100, "own": {"country": ["USA", "Malta", "USA"]}},
            {"movie_id": 1, "own": {"country": ["Malta"]}},
            {"movie_id": 3, "own": {"country": "Malta"}},
            {"movie_id": 5, "title": "Kept", "own": {"colour": "red"}},
        )  # fmt: skip
        assert sent["outcomes"] == {"updated": 2, "refused": 2}
        assert [line["reason"] for line in sent["refused_lines"]] == [
            "own.country: '\"Malta\"' is no text[]",
            "own: there is no field 'colour' of one's own (classic, country, price)",
        ]
        found = client.get("/v1/search?q=*&filter=country:malta&facets=true").json()
        assert {hit["movie_id"]: hit["own"] for hit in found["hits"]} == {
            1: {"country": ["Malta"]},
            100: {"country": ["USA", "Malta"], "classic": True},
        }
        assert found["facets"]["own"] == {"country": {"Malta": 2, "USA": 1}}
        films = listed(client, filter="classic:true", fields="movie_id,own", facets="own,year")
        assert films["movies"] == [
            {"movie_id": 100, "own": {"country": ["USA", "Malta"], "classic": True}}
        ]
        assert films["facets"] == {"country": {"Malta": 1, "USA": 1}, "year": {"2024": 1}}
        for wrong in (
            {"price": -1}, {"price": "9"}, {"classic": 1}, {"country": [1]},
            {"country": ["\0"]}, {"country": ["\ud800"]}, {"price": True}, {"": 1},
        ):  # fmt: skip
            sent_json = {"content-type": "application/json"}
            body = json.dumps({"own": wrong})
            refused = client.patch("/v1/movies/100", content=body, headers=sent_json)
            assert refused.status_code == 400, wrong
            assert "Nothing was changed" in refused.json()["detail"]
        assert client.put("/v1/movies/100", json=FILM).json()["own"] == {}
        client.patch("/v1/movies/1", json={"own": None})
        assert client.get("/v1/movies/1").json()["own"] == {}


def test_a_film_is_embedded_by_the_model_of_the_catalog(films: Database) -> None:
    class TwoBlocks:
        """Stands for the encoder, which takes seconds to load: fantasy is what has an elf."""

        name, dimension = "two blocks", 384

        def embed(self, texts: Sequence[str]) -> Vectors:
            sides = [[1.0, 0.02] if "elf" in each else [0.02, 1.0] for each in texts]
            return normalized(np.repeat(np.array(sides, np.float32), 192, axis=1))

    films.settings = films.settings.model_copy(update={"embedding_model": "two blocks"})
    with client_of(films, films.settings) as client:
        found: Services = client.app.state.services  # type: ignore[attr-defined]
        found.searcher.encoder._embedder = TwoBlocks()
        client.put("/v1/movies/106", json={"title": "Under the Hill", "overview": "An elf walks."})
        found.embed._pool.submit(lambda: None).result()  # behind what is to be made
        near = client.get("/v1/movies/106/similar?k=3").json()["movies"]
        assert {film["movie_id"] for film in near} <= {1, 3, 5, 6, 105}
