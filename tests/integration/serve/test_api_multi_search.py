"""Several searches in one call."""

from typing import Any

from starlette.testclient import TestClient

from tests.integration.serve.apis import FANTASY_LOVER


def test_each_search_is_answered_as_it_would_be_alone(client: TestClient) -> None:
    searches: list[dict[str, Any]] = [{"q": "lord", "user_id": FANTASY_LOVER, "explain": "facts"},
        {"q": "title:dark", "k": 1, "facets": True}]  # fmt: skip
    together = client.post("/v1/multi-search", json={"searches": searches}).json()["answers"]
    assert [each["problem"] for each in together] == [None, None]
    for asked, each in zip(searches, together, strict=True):
        alone = client.get("/v1/search", params=asked).json()
        assert {**each["answer"], "answer_id": ""} == {**alone, "answer_id": ""}


def test_a_problem_stands_in_its_place_and_refuses_no_other(client: TestClient) -> None:
    wrong = [{"q": "lord", "kk": 1}, {"q": "(", "strict": True}, {"k": 3}, "lord",
             {"q": "lord", "k": 10_000}, {"q": "lord", "explain": "llm"}]  # fmt: skip
    sent = {"searches": [*wrong, {"q": "willow"}]}
    answer = client.post("/v1/multi-search", json=sent, headers={"X-Request-ID": "r1"})
    *refused, last = answer.json()["answers"]
    assert [each["problem"]["status"] for each in refused] == [422, 400, 422, 422, 400, 400]
    assert refused[1]["problem"]["position"] is not None
    assert all(each["answer"] is None for each in refused)
    assert {each["problem"]["request_id"] for each in refused} == {"r1"}
    assert [hit["title"] for hit in last["answer"]["hits"]] == ["Willow"]


def test_there_is_at_least_one_search_and_there_are_not_too_many(client: TestClient) -> None:
    for searches in ([], [{"q": "lord"}] * 21):
        assert client.post("/v1/multi-search", json={"searches": searches}).status_code == 422
