"""The API over the shipped sample: the queries people try first, and the tasters' two orders."""

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from palate.settings import Settings
from sql.database import Database
from tests.integration.serve.apis import client_of

LOVER, HATER = 20001, 20002


@pytest.fixture(scope="module")
def client(sample_database: Database, settings: Settings) -> Iterator[TestClient]:
    with client_of(sample_database, settings) as client:
        yield client


def search(client: TestClient, q: str, **parameters: Any) -> dict[str, Any]:
    answer = client.get("/v1/search", params={"q": q, **parameters})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.parametrize(
    "q",
    [
        "dark knight",
        '"dark knight"',
        "genres:Action AND genres:Thriller",
        "title:matrix AND year:[2000 TO 2020]",
        "(title:lord OR title:king) AND genres:Fantasy",
        "title:lord",
    ],
)
def test_queries_people_try_first_find_films(client: TestClient, q: str) -> None:
    for user_id in (LOVER, HATER):
        found = search(client, q, user_id=user_id, strict=True)
        assert found["hits"]
        assert found["personalized"] is True
        for hit in found["hits"]:
            assert sum(hit["contributions"].values()) == pytest.approx(hit["score"], abs=1e-6)


@pytest.mark.parametrize("q", ["lord", "king"])
def test_fantasy_rises_for_its_lover_and_sinks_for_its_hater(client: TestClient, q: str) -> None:
    def mean_rank(user_id: int) -> float:
        hits = search(client, q, user_id=user_id, k=100)["hits"]
        ranks: list[int] = [hit["rank"] for hit in hits if "Fantasy" in hit["genres"]]
        return sum(ranks) / len(ranks)

    assert mean_rank(LOVER) < mean_rank(HATER)


def test_pages_of_a_large_answer_never_repeat_or_skip(client: TestClient) -> None:
    whole = [hit["movie_id"] for hit in search(client, "genres:Fantasy", k=100)["hits"]]
    page = search(client, "genres:Fantasy", k=7, candidates=100)
    seen = [hit["movie_id"] for hit in page["hits"]]
    while page["next_cursor"]:
        page = search(client, "genres:Fantasy", k=7, candidates=100, cursor=page["next_cursor"])
        seen += [hit["movie_id"] for hit in page["hits"]]
    assert seen == whole


def test_reasons_cite_the_users_own_ratings(client: TestClient) -> None:
    hits = search(client, "lord", user_id=LOVER, explain="facts")["hits"]
    assert any("5" in reason for hit in hits for reason in hit["reasons"])
