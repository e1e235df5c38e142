"""The HTTP API over a real database, request by request."""

import itertools
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from starlette.testclient import TestClient

from palate.contract import SearchResponse
from palate.settings import Settings
from serve.api.keys import SCOPES, Scope, create_key
from sql.database import Database
from tests.integration.serve.apis import CRIME_LOVER, FANTASY_LOVER, STRANGER, client_of


@pytest.fixture
def stranger() -> int:
    """A user of whom nothing is known yet."""
    return next(_strangers)


_strangers = itertools.count(1000)


def search(client: TestClient, q: str, **parameters: Any) -> dict[str, Any]:
    answer = client.get("/v1/search", params={"q": q, **parameters})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def titles(body: dict[str, Any]) -> list[str]:
    return [hit["title"] for hit in body["hits"]]


class TestSearch:
    def test_words_find_films(self, client: TestClient) -> None:
        found = search(client, "lord")
        assert set(titles(found)) == {
            "The Lord of the Rings",
            "Lord of War",
            "Lord of Illusions",
            "Lords of Dogtown",
        }
        assert found["personalized"] is False
        assert found["why_not_personalized"]
        assert [hit["rank"] for hit in found["hits"]] == [1, 2, 3, 4]

    def test_two_users_see_two_orders_and_every_hit_adds_up(self, client: TestClient) -> None:
        # Three ratings say little by themselves: what they say is weighed up.
        fantasy = search(client, "lord", user_id=FANTASY_LOVER, weights="content:5")
        crime = search(client, "lord", user_id=CRIME_LOVER, weights="content:5")
        assert fantasy["personalized"] is crime["personalized"] is True
        order, other = titles(fantasy), titles(crime)
        assert order.index("The Lord of the Rings") < order.index("Lord of War")
        assert other.index("Lord of War") < other.index("The Lord of the Rings")
        for hit in fantasy["hits"] + crime["hits"]:
            assert math.isclose(sum(hit["contributions"].values()), hit["score"], abs_tol=1e-6)
            assert hit["moved"] == hit["unpersonalized_rank"] - hit["rank"]

    def test_a_stranger_gets_what_nobody_gets(self, client: TestClient) -> None:
        nobody, stranger = search(client, "lord"), search(client, "lord", user_id=STRANGER)
        assert titles(stranger) == titles(nobody)
        assert stranger["personalized"] is False
        assert str(STRANGER) in stranger["why_not_personalized"]

    def test_filters_weights_and_switches(self, client: TestClient) -> None:
        assert titles(search(client, "lord", genres=["Fantasy", "Horror"])) == ["Lord of Illusions"]
        assert titles(search(client, "lord", year_to=1980)) == ["The Lord of the Rings"]
        assert titles(search(client, "*", min_ratings=2, genres="Fantasy")) == ["The Dark Crystal"]
        weighed = search(client, "lord", user_id=FANTASY_LOVER, weights="bm25:1,content:0")
        assert weighed["weights"]["content"] == 0
        faceted = search(client, "lord", k=1, facets=True, snippets=True)
        assert faceted["total"] == 4
        assert faceted["facets"]["genres"]["Fantasy"] == 2
        assert "<mark>" in faceted["hits"][0]["snippets"]["title"]

    def test_seen_films_are_marked_or_dropped(self, client: TestClient) -> None:
        kept = search(client, "genres:Fantasy", user_id=FANTASY_LOVER)
        assert {h["title"]: h["rating"] for h in kept["hits"] if h["seen"]} == {
            "The Dark Crystal": 5.0,
            "Willow": 5.0,
        }
        dropped = search(client, "genres:Fantasy", user_id=FANTASY_LOVER, seen="drop")
        assert set(titles(kept)) - set(titles(dropped)) == {"The Dark Crystal", "Willow"}

    def test_reasons_are_given_when_asked_for(self, client: TestClient) -> None:
        plain = search(client, "lord", user_id=FANTASY_LOVER)
        told = search(client, "lord", user_id=FANTASY_LOVER, explain="facts")
        assert all(hit["reasons"] is None for hit in plain["hits"])
        assert all(hit["reasons"] for hit in told["hits"])

    def test_a_title_that_was_typed_stays_first_and_says_why(
        self, client: TestClient, stranger: int
    ) -> None:
        disliked = {"type": "disliked", "movie_id": 1}
        assert client.post(f"/v1/users/{stranger}/events", json=disliked).status_code == 200
        asked = {"user_id": stranger, "explain": "facts"}
        [first, *_] = search(client, "the lord of the rings", **asked)["hits"]
        assert (first["movie_id"], first["moved"]) == (1, 0)
        assert any("whatever the taste: its level is “title" in said for said in first["reasons"])

    @pytest.mark.parametrize(
        ("asked", "told"),
        [({"q": "foo:bar"}, "no field “foo”"),
         ({"filter": "France"}, "names no field: it keeps films that say it anywhere"),
         ({"genres": "Fantsy"}, "of the genre 'Fantsy'. Genres are Action, Adventure, Comedy"),
         ({"filter": "genres:Fantsy"}, "of the genre 'Fantsy'. Genres are Action, Adventure")],
    )  # fmt: skip
    def test_what_is_read_otherwise_than_meant_is_told(
        self, client: TestClient, asked: dict[str, str], told: str
    ) -> None:
        listed = client.get("/v1/movies", params=asked).json()["notes"]
        searched = client.get("/v1/search", params={"q": "*"} | asked).json()["query"]["notes"]
        assert told in " ".join(listed)
        assert told in " ".join(searched)

    def test_pages_follow_each_other(self, client: TestClient) -> None:
        whole = titles(search(client, "lord", k=4))
        page = search(client, "lord", k=2)
        seen = titles(page)
        while page["next_cursor"]:
            page = search(client, "lord", k=2, cursor=page["next_cursor"])
            seen += titles(page)
        assert seen == whole

    @pytest.mark.parametrize(
        "typed",
        [
            "",
            " ",
            "it's",
            "C:",
            '"lord',
            "AND",
            "((((",
            "🧙 lord",
            "千と千尋",
            "foo:bar",
            "lord\x00war",
            "x" * 10_000,
            " OR ".join(["a"] * 500),
            "\ufffd\u202e\x1f",
            "%' OR 1=1 --",
            "movie_id:99999999999999999999999",
            "year:[a TO b]",
        ],
    )
    def test_whatever_people_type_is_answered(self, client: TestClient, typed: str) -> None:
        assert search(client, typed)["query"]["text"] is not None
        assert client.get("/v1/suggest", params={"q": typed[:200]}).status_code == 200

    def test_a_strict_query_is_refused_at_its_position(self, client: TestClient) -> None:
        answer = client.get("/v1/search", params={"q": "title:(lord", "strict": "true"})
        assert answer.status_code == 400
        assert answer.headers["content-type"] == "application/problem+json"
        assert isinstance(answer.json()["position"], int)

    @pytest.mark.parametrize(
        ("parameters", "status", "said"),
        [
            ({}, 422, "query 'q'"),
            ({"q": "a", "user": 1}, 422, "did you mean 'user_id'"),
            ({"q": ["a", "b"]}, 422, "more than once"),
            ({"q": "a", "k": 0}, 422, "it is below 1"),
            ({"q": "a", "k": 100_000}, 400, "k is 100000"),
            ({"q": "a", "candidates": 10**9}, 400, "candidates"),
            ({"q": "a", "user_id": -1}, 422, "user_id"),
            ({"q": "a", "user_id": 2**63}, 422, "user_id"),
            ({"q": "a", "profile": "Main!"}, 422, "profile"),
            ({"q": "a", "mode": "psychic"}, 422, "'lexical', 'semantic' or 'hybrid'"),
            ({"q": "a", "weights": "bm52:1"}, 422, "did you mean bm25"),
            ({"q": "a", "weights": "bm25:much"}, 422, "no number"),
            ({"q": "a", "weights": "bm25:nan"}, 422, "no number"),
            ({"q": "a", "weights": "bm25:101"}, 422, "from 0 to 100"),
            ({"q": "a", "weights": "bm25:1,bm25:2"}, 422, "twice"),
            ({"q": "a", "min_rating": 6}, 422, "min_rating"),
            ({"q": "a", "min_rating": "nan"}, 422, "min_rating"),
            ({"q": "a", "year_from": 10**30}, 422, "year_from"),
            ({"q": "a", "cursor": "forged"}, 400, "cursor"),
        ],
    )
    def test_what_cannot_be_meant_is_refused_by_name(
        self, client: TestClient, parameters: dict[str, Any], status: int, said: str
    ) -> None:
        answer = client.get("/v1/search", params=parameters)
        assert answer.status_code == status, answer.text
        assert said in answer.json()["detail"]

    def test_titles_complete_while_typing(self, client: TestClient) -> None:
        body = client.get("/v1/suggest", params={"q": "lord of i"}).json()
        assert body["suggestions"][0] == {
            "movie_id": 3,
            "item_id": None,
            "title": "Lord of Illusions",
            "year": 1995,
        }


class TestMovies:
    def test_one_film(self, client: TestClient) -> None:
        film = client.get("/v1/movies/11").json()
        assert film["title"] == "Amélie"
        assert film["has_embedding"] is True

    def test_films_like_it(self, client: TestClient) -> None:
        body = client.get("/v1/movies/5/similar", params={"k": 3}).json()
        assert body["movies"][0]["title"] == "Willow"
        assert client.get("/v1/movies/12/similar").json()["movies"] == []
        mine = client.get("/v1/movies/10/similar", params={"user_id": CRIME_LOVER}).json()
        assert mine["movies"][0]["content"] is not None

    def test_no_such_film(self, client: TestClient) -> None:
        for path in ["/v1/movies/77", "/v1/movies/77/similar"]:
            answer = client.get(path)
            assert answer.status_code == 404
            assert "no film 77" in answer.json()["detail"]


class TestUsers:
    def test_a_profile_is_shown(self, client: TestClient, stranger: int) -> None:
        user = client.get(f"/v1/users/{FANTASY_LOVER}").json()
        assert user["rating_count"] == 3
        assert user["has_vector"] is True
        assert {"genre": "Fantasy", "count": 2, "mean": 5.0} in user["genres"]
        assert client.get(f"/v1/users/{stranger}").status_code == 404

    def test_a_rating_is_in_the_next_search(self, client: TestClient, stranger: int) -> None:
        before = search(client, "lord", user_id=stranger)
        assert before["personalized"] is False
        for film in (7, 8):
            put = client.put(f"/v1/users/{stranger}/ratings/{film}", json={"rating": 5})
            assert put.status_code == 200
        after = search(client, "lord", user_id=stranger)
        assert after["personalized"] is True
        assert titles(after)[0] == "Lord of War"

    def test_ratings_are_set_read_changed_and_taken_back(
        self, client: TestClient, stranger: int
    ) -> None:
        path = f"/v1/users/{stranger}/ratings/5"
        assert client.get(path).status_code == 404
        assert client.put(path, json={"rating": 4.5}).json()["rating"] == 4.5
        assert client.put(path, json={"rating": 2}).json()["title"] == "The Dark Crystal"
        assert client.get(path).json()["rating"] == 2
        listed = client.get(f"/v1/users/{stranger}/ratings").json()
        assert [(r["movie_id"], r["rating"]) for r in listed["ratings"]] == [(5, 2)]
        gone = client.delete(path)
        assert (gone.status_code, gone.content) == (204, b"")
        assert client.delete(path).status_code == 404
        assert client.get(f"/v1/users/{stranger}/ratings").json()["ratings"] == []

    def test_profiles_of_one_user_are_apart(self, client: TestClient, stranger: int) -> None:
        path = f"/v1/users/{stranger}/ratings/7"
        client.put(path, json={"rating": 1})
        client.put(path, params={"profile": "work"}, json={"rating": 5})
        assert client.get(path).json()["rating"] == 1
        assert client.get(path, params={"profile": "work"}).json()["rating"] == 5

    def test_ratings_come_in_pages(self, client: TestClient) -> None:
        path = f"/v1/users/{FANTASY_LOVER}/ratings"
        first = client.get(path, params={"limit": 2}).json()["ratings"]
        rest = client.get(path, params={"limit": 2, "offset": 2}).json()["ratings"]
        assert [r["movie_id"] for r in first + rest] == [7, 6, 5]

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            ({"rating": 5.5}, "rating"),
            ({"rating": 0}, "rating"),
            ({"rating": "4"}, "rating"),
            ({"rating": True}, "rating"),
            ({"rating": None}, "rating"),
            ({}, "rating"),
            ({"rating": 4, "stars": 4}, "stars"),
            ([4], "body"),
        ],
    )
    def test_a_rating_off_the_scale_changes_nothing(
        self, client: TestClient, stranger: int, body: Any, said: str
    ) -> None:
        answer = client.put(f"/v1/users/{stranger}/ratings/5", json=body)
        assert answer.status_code == 422
        assert said in answer.json()["detail"]
        assert client.get(f"/v1/users/{stranger}").status_code == 404

    def test_bodies_that_are_no_json(self, client: TestClient, stranger: int) -> None:
        path = f"/v1/users/{stranger}/ratings/5"
        json_type = {"Content-Type": "application/json"}
        assert client.put(path, content=b'{"rating":', headers=json_type).status_code == 422
        assert client.put(path, content=b"\xff\xfe", headers=json_type).status_code in (400, 422)
        assert client.put(path, content=b'{"rating": NaN}', headers=json_type).status_code == 422
        assert client.put(path, content=b'{"rating": 4}').status_code == 415
        assert client.put(path, data={"rating": "4"}).status_code == 415

    def test_an_unknown_film_cannot_be_rated(self, client: TestClient, stranger: int) -> None:
        answer = client.put(f"/v1/users/{stranger}/ratings/77", json={"rating": 4})
        assert answer.status_code == 404
        assert "Nothing was changed" in answer.json()["detail"]

    def test_a_user_is_forgotten(self, client: TestClient, stranger: int) -> None:
        path = f"/v1/users/{stranger}"
        for profile in ("main", "work"):
            client.put(f"{path}/ratings/7", params={"profile": profile}, json={"rating": 5})
        assert search(client, "lord", user_id=stranger)["personalized"] is True
        gone = client.delete(path).json()
        assert gone["ratings_deleted"] == 2
        assert {each["left"] for each in gone["tables"]} == {0}
        assert client.get(path).status_code == 404
        assert client.delete(path).status_code == 404
        assert search(client, "lord", user_id=stranger)["personalized"] is False


class TestBytes:
    """What the service writes without looking at it again is what the contract would write."""

    @pytest.mark.parametrize(
        "asked",
        [
            {"q": "lord"},
            {"q": "lord", "user_id": FANTASY_LOVER, "k": 3},
            {"q": "lord", "user_id": FANTASY_LOVER, "order": "blend", "seen": "mark"},
            {"q": "dark night", "user_id": FANTASY_LOVER, "explain": "facts", "snippets": True},
            {"q": "genres:Drama", "facets": True, "year_from": 1990, "weights": "bm25:0.5"},
            {"q": "nothing finds this qxzzq"},
        ],
    )
    def test_an_answer(self, client: TestClient, asked: dict[str, Any]) -> None:
        body = client.get("/v1/search", params=asked).content
        assert (
            SearchResponse.model_validate_json(body, strict=True).model_dump_json().encode() == body
        )

    def test_the_same_search_again(self, client: TestClient) -> None:
        asked: dict[str, Any] = {"q": "king", "user_id": FANTASY_LOVER}
        asked |= {"explain": "facts", "facets": True}
        answers = [client.get("/v1/search", params=asked).text for _ in range(8)]
        first, *others = [re.sub('"answer_id":"[^"]+"', "", answer) for answer in answers]
        assert set(others) == {first}  # from the sixth on by a prepared plan


class TestHealth:
    def test_alive_and_ready(self, client: TestClient) -> None:
        assert client.get("/healthz").json()["status"] == "ok"
        assert client.get("/readyz").json() == {
            "status": "ready",
            "engine": "postgres",
            "index": "complete",
            "missing_films": 0,
        }

    def test_films_that_the_index_lacks_are_told(
        self, sample_copy: Database, settings: Settings
    ) -> None:
        with sample_copy.begin() as connection:
            lost = connection.exec_driver_sql("DELETE FROM movie_search WHERE movie_id < 100")
        with sample_copy.read() as another:
            # As a process that makes the index again: this one leaves it to that.
            another.exec_driver_sql(
                "SELECT pg_advisory_lock(hashtextextended('palate.rebuild', 0))"
            )
            with client_of(sample_copy, settings) as client:
                ready = client.get("/readyz")
                assert ready.status_code == 200  # what is there is found
                assert ready.json()["index"] == "incomplete"
                assert ready.json()["missing_films"] == lost.rowcount > 0
                assert search(client, "lord")["index"] == "incomplete"
                # The service of another client in this process tells of its own index, too.
                told = f"palate_search_index_missing_films {float(lost.rowcount)}"
                assert any(told in client.get("/metrics").text for _ in range(20))

    def test_metrics_tell_of_requests_stages_pool_and_engine(self, client: TestClient) -> None:
        search(client, "lord", user_id=FANTASY_LOVER)
        text = client.get("/metrics").text
        assert 'palate_http_request_seconds_count{method="GET",route="/v1/search"' in text
        assert 'palate_stage_seconds_count{stage="parse"}' in text
        assert 'palate_stage_seconds_count{stage="rank"}' in text
        assert 'palate_pool_connections{state="limit"}' in text
        assert 'palate_engine_info{engine="postgres"' in text


class TestHttp:
    def test_head_and_options(self, client: TestClient) -> None:
        head = client.head("/v1/search", params={"q": "lord"})
        assert (head.status_code, head.content) == (200, b"")
        options = client.options("/v1/users/1/ratings/1")
        assert options.status_code == 204
        assert options.headers["allow"] == "DELETE, GET, HEAD, OPTIONS, PUT"

    def test_other_methods_and_paths(self, client: TestClient) -> None:
        answer = client.post("/v1/search", json={"q": "lord"})
        assert answer.status_code == 405
        assert answer.headers["allow"] == "GET, HEAD, OPTIONS"
        for path in ["/", "/v1", "/v1/search/", "/v1/films", "/docs"]:
            answer = client.get(path)
            assert answer.status_code == 404
            assert answer.headers["content-type"] == "application/problem+json"

    def test_large_answers_are_compressed_for_who_reads_that(self, client: TestClient) -> None:
        packed = client.get("/v1/search", params={"q": "lord"})
        assert packed.headers["content-encoding"] == "gzip"
        for read in ("identity", "gzip;q=0", "br, gzip; q=0.0"):
            asked = {"Accept-Encoding": read}
            plain = client.get("/v1/search", params={"q": "lord"}, headers=asked)
            assert "content-encoding" not in plain.headers
            assert packed.json()["hits"] == plain.json()["hits"]
        assert "accept-encoding" in packed.headers["vary"].lower()


class TestKeys:
    @pytest.fixture
    def keys(self, tmp_path: Path) -> tuple[Path, dict[Scope, str]]:
        secrets: dict[Scope, str] = {}
        path = tmp_path / "keys"
        with path.open("w") as file:
            for scope in SCOPES:
                secrets[scope], key = create_key(f"{scope}er", scope)
                file.write(key.line + "\n")
        return path, secrets

    @pytest.fixture
    def locked(
        self, films: Database, settings: Settings, keys: tuple[Path, dict[Scope, str]]
    ) -> Iterator[TestClient]:
        with client_of(films, settings.model_copy(update={"api_keys_file": keys[0]})) as client:
            yield client

    @pytest.mark.parametrize(
        ("method", "path", "needed"),
        [
            ("GET", "/v1/search?q=lord", "read"),
            ("GET", "/v1/suggest?q=lord", "read"),
            ("GET", "/v1/movies/1", "read"),
            ("GET", "/v1/movies/1/similar", "read"),
            ("GET", "/v1/users/{user}", "read"),
            ("GET", "/v1/users/{user}/ratings", "read"),
            ("GET", "/v1/users/{user}/ratings/5", "read"),
            ("GET", "/metrics", "read"),
            ("PUT", "/v1/users/{user}/ratings/5", "write"),
            ("DELETE", "/v1/users/{user}/ratings/5", "write"),
            ("DELETE", "/v1/users/{user}", "admin"),
            ("GET", "/v1/debug/recommend", "admin"),
        ],
    )
    def test_each_route_asks_for_its_scope(
        self,
        locked: TestClient,
        keys: tuple[Path, dict[Scope, str]],
        stranger: int,
        method: str,
        path: str,
        needed: Scope,
    ) -> None:
        path = path.replace("{user}", str(stranger))
        body = {"rating": 4} if method == "PUT" else None
        without = locked.request(method, path, json=body)
        assert without.status_code == 401
        assert without.headers["www-authenticate"].startswith("Bearer")
        scopes = list(keys[1])
        for scope in scopes:
            headers = {"Authorization": f"Bearer {keys[1][scope]}"}
            status = locked.request(method, path, json=body, headers=headers).status_code
            if scopes.index(scope) < scopes.index(needed):
                assert status == 403
            else:
                # What a wider key's turn finds may be gone by then.
                assert status in (200, 204, 404)

    def test_the_key_comes_before_everything_else(self, locked: TestClient) -> None:
        assert locked.get("/v1/search?nonsense=1").status_code == 401
        assert locked.put("/v1/users/1/ratings/5", content=b"{").status_code == 401

    def test_the_log_says_whose_key_it_was(
        self, locked: TestClient, keys: tuple[Path, dict[Scope, str]]
    ) -> None:
        with structlog.testing.capture_logs() as lines:
            locked.get("/v1/movies/1", headers={"X-API-Key": keys[1]["read"]})
        assert lines[-1]["key"] == "reader"
        assert keys[1]["read"] not in str(lines)

    def test_probes_need_no_key(self, locked: TestClient) -> None:
        assert locked.get("/healthz").status_code == 200
        assert locked.get("/readyz").status_code == 200
        assert locked.get("/openapi.json").status_code == 200

    def test_with_keys_any_host_is_answered(
        self, locked: TestClient, keys: tuple[Path, dict[Scope, str]]
    ) -> None:
        headers = {"X-API-Key": keys[1]["read"], "Host": "films.example"}
        assert locked.get("/v1/movies/1", headers=headers).status_code == 200


def test_a_database_without_schema_is_not_ready(
    bare_database: Database, settings: Settings
) -> None:
    with client_of(bare_database, settings) as client:
        for path in ["/readyz", "/v1/search?q=lord", "/v1/movies/1"]:
            answer = client.get(path)
            assert answer.status_code == 503, path
            assert answer.json()["title"] == "Schema mismatch"
            assert answer.headers["retry-after"]
        assert client.get("/healthz").status_code == 200
