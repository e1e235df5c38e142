"""A catalog that calls its films by texts: they are good wherever a film is named, and answered.

The document says which operations take a film; each has its call here, and so has each tool.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from palate.settings import Settings
from serve.mcp.tools import TOOLS, Toolbox
from sql.database import Database
from tests.integration.serve.apis import client_of

ID = "tt0111161"
SECOND = "B00/005 JLQF ½"
"""As a catalog has it that nobody thought of addresses for."""
FILM = {"title": "The Quicksilver Redemption", "year": 1994, "genres": ["Drama"]}
USER = "ann@example.org"
NAMES = {"movie_id", "movie", "movies", "alike_to", "exclude", "objectIDs", "id"}
"""What an argument that is a film is called, of operations and of tools."""

Call = Callable[[TestClient], Any]


def lines(client: TestClient, path: str, *sent: dict[str, Any]) -> Any:
    body = "\n".join(map(json.dumps, sent))
    return client.post(path, content=body, headers={"content-type": "application/x-ndjson"})


RATING, EVENTS = f"/v1/users/{USER}/ratings/{ID}", f"/v1/users/{USER}/events"
ANSWER = "search.blend.Zk3vJ8sQm1xY0aBc"
WATCH = {"service": "archive", "country": "DE"}
CALLS: dict[str, Call] = {
    "PUT /v1/movies/{movie_id}": lambda c: c.put(f"/v1/movies/{ID}", json=FILM),
    "PATCH /v1/movies/{movie_id}": lambda c: c.patch(f"/v1/movies/{ID}", json={"year": 1995}),
    "GET /v1/movies/{movie_id}": lambda c: c.get(f"/v1/movies/{ID}"),
    "GET /v1/movies/{movie_id}/similar": lambda c: c.get(f"/v1/movies/{ID}/similar"),
    "POST /v1/movies/bulk": lambda c: lines(
        c, "/v1/movies/bulk", {"movie_id": SECOND, **FILM}, {"movie_id": ID, "year": 1994}
    ),
    "POST /v1/ratings/bulk": lambda c: lines(
        c, "/v1/ratings/bulk", {"user_id": USER, "movie_id": SECOND, "rating": 4}
    ),
    "PUT /v1/users/{user_id}/ratings/{movie_id}": lambda c: c.put(RATING, json={"rating": 4.5}),
    "GET /v1/users/{user_id}/ratings/{movie_id}": lambda c: c.get(RATING),
    "POST /v1/users/{user_id}/events": lambda c: c.post(
        EVENTS, json={"type": "liked", "movie_id": ID}
    ),
    "POST /v1/feedback": lambda c: c.post(
        "/v1/feedback",
        json={"feedback": [{"answer_id": ANSWER, "movie_id": ID, "kind": "click"}]},
    ),
    "POST /v1/instantsearch/events": lambda c: c.post(
        "/v1/instantsearch/events",
        json={"events": [{"eventType": "view", "objectIDs": [ID, SECOND], "queryID": ANSWER}]},
    ),
    "PUT /v1/rules": lambda c: c.put(
        "/v1/rules", json={"pins": [{"query": "quick", "movie_id": ID, "place": 1}]}
    ),
    "GET /v1/recommend": lambda c: c.get(
        "/v1/recommend", params={"alike_to": ID, "exclude": [SECOND, "never-there"]}
    ),
    "POST /v1/recommend": lambda c: c.post(
        "/v1/recommend", json={"alike_to": [ID, SECOND], "exclude": [ID]}
    ),
    "GET /v1/debug/recommend": lambda c: c.get("/v1/debug/recommend", params={"exclude": ID}),
    "GET /v1/predict": lambda c: c.get("/v1/predict", params={"user_id": USER, "movie": ID}),
    "GET /v1/compare": lambda c: c.get("/v1/compare", params={"movie": [ID, SECOND]}),
    "GET /v1/watch-link/{movie_id}": lambda c: c.get(
        f"/v1/watch-link/{ID}", params=WATCH, follow_redirects=False
    ),
    "DELETE /v1/users/{user_id}/ratings/{movie_id}": lambda c: c.delete(RATING),
    "DELETE /v1/movies/{movie_id}": lambda c: c.delete(f"/v1/movies/{ID}"),
}
BY_NUMBER = {"POST /v1/ask"}
"""A structure is what /v1/ask answered, whose films have their numbers; texts are titles there."""


@pytest.fixture(scope="module")
def client(films: Database, settings: Settings) -> Iterator[TestClient]:
    films.settings = settings.model_copy(update={"watch_hosts": ("archive.org",)})
    with client_of(films, films.settings) as client:
        yield client


def takes_film(schema: Any, document: dict[str, Any], seen: frozenset[str] = frozenset()) -> bool:
    """Whether something of a schema is the id of a film."""
    if isinstance(schema, list):
        return any(takes_film(each, document, seen) for each in schema)
    if not isinstance(schema, dict):
        return False
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        known = document["components"]["schemas"] | schema.get("$defs", {})
        return name not in seen and takes_film(known.get(name), document, seen | {name})
    named = NAMES & schema.get("properties", {}).keys() - {"id"}
    return bool(named) or any(takes_film(each, document, seen) for each in schema.values())


def test_every_operation_that_takes_a_film_is_called_here(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    taking = set()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            named = {each["name"] for each in operation.get("parameters", ())}
            if named & NAMES or takes_film(operation.get("requestBody"), document):
                taking.add(f"{method.upper()} {path}")
    assert taking == CALLS.keys() | BY_NUMBER


def test_a_film_is_named_by_its_own_text_at_every_operation(
    client: TestClient, films: Database
) -> None:
    for name, call in CALLS.items():
        if "watch-link" in name:
            with films.begin() as connection:
                connection.exec_driver_sql(
                    "INSERT INTO availability SELECT movie_id, 'archive', 'DE', "
                    "'https://archive.org/x' FROM movies WHERE item_id = %s", (ID,)
                )  # fmt: skip
        answer = call(client)
        assert answer.status_code in (200, 201, 204, 302), (name, answer.text)
        told = answer.json() if answer.headers.get("content-type") == "application/json" else {}
        refused = told.get("refused_lines") or told.get("refused")
        assert not refused, (name, told)
        if "item_id" in told:
            assert told["item_id"] == ID, name


def test_answers_have_the_text_beside_the_number(client: TestClient) -> None:
    made = client.put(f"/v1/movies/{ID}", json=FILM).json()
    assert (made["movie_id"] >= 2**52, made["item_id"]) == (True, ID)
    client.put(RATING, json={"rating": 4.5})
    [hit] = client.get("/v1/search", params={"q": "quicksilver redemption", "k": 1}).json()["hits"]
    [film, *_] = client.get("/v1/recommend", params={"q": "quicksilver", "k": 50}).json()["movies"]
    [rated, *_] = client.get(f"/v1/users/{USER}/ratings").json()["ratings"]
    [event, *_] = client.get(EVENTS).json()["events"]
    suggested = client.get("/v1/suggest", params={"q": "the quicks"}).json()["suggestions"]
    widgets = {"requests": [{"params": {"query": "quicksilver redemption"}}]}
    shown = client.post("/v1/instantsearch", json=widgets).json()["results"][0]["hits"]
    assert {each.get("item_id") for each in (hit, rated, event)} == {ID}
    assert {each["item_id"] for each in suggested} == {ID, SECOND}
    assert {each["objectID"] for each in shown} == {ID, SECOND}
    assert "item_id" in film


def test_a_film_comes_back_under_its_text_to_what_was_said_of_it(client: TestClient) -> None:
    number = client.put("/v1/movies/tt9", json=FILM).json()["movie_id"]
    client.put(f"/v1/users/{USER}/ratings/tt9", json={"rating": 2})
    assert client.delete("/v1/movies/tt9").json()["ratings"] == 1
    assert client.get("/v1/movies/tt9").status_code == 404
    other = client.put("/v1/movies/tt10", json=FILM).json()["movie_id"]
    assert other > number, "the number of a film that may come back is nobody else's"
    assert client.get(f"/v1/users/{USER}/ratings/tt10").status_code == 404
    again = client.put("/v1/movies/tt9", json=FILM).json()
    assert (again["movie_id"], again["item_id"]) == (number, "tt9")
    assert client.get(f"/v1/users/{USER}/ratings/tt9").json()["rating"] == 2


def test_ids_of_no_film_are_told(client: TestClient) -> None:
    for path in ("/v1/movies/tt404", "/v1/movies/tt404/similar", f"/v1/users/{USER}/ratings/tt404"):
        missing = client.get(path)
        assert (missing.status_code, "tt404" in missing.json()["detail"]) == (404, True), path
    assert client.patch("/v1/movies/tt404", json={"year": 1999}).status_code == 404
    assert client.delete("/v1/movies/tt404").status_code == 404
    for unlike in ({"alike_to": "tt404"}, {"alike_to": 987654321}):
        refused = client.get("/v1/recommend", params=unlike)
        assert (refused.status_code, "alike_to" in refused.json()["detail"]) == (404, True)
    event = client.post(EVENTS, json={"type": "liked", "movie_id": "tt404"}).json()
    assert event["lines"][0]["reason"] == "film tt404 is unknown"
    said = [{"answer_id": ANSWER, "movie_id": each, "kind": "play"} for each in ("tt404", ID)]
    told = client.post("/v1/feedback", json={"feedback": said}).json()
    assert told["refused"] == [{"line": 1, "reason": "film tt404 is unknown"}]
    assert (told["accepted"], told["known"]) == (1, 0)
    report = lines(client, "/v1/ratings/bulk", {"user_id": 1, "movie_id": "tt404", "rating": 4})
    assert report.json()["refused_lines"] == [{"line": 1, "reason": "film tt404 is unknown"}]
    pinned = client.put("/v1/rules", json={"pins": [{"query": "x", "movie_id": "tt404"}]})
    assert (pinned.status_code, "tt404" in pinned.json()["detail"]) == (400, True)
    assert client.get("/v1/movies/%00").status_code == 422
    refused = client.put("/v1/movies/-1", json=FILM)
    assert refused.status_code == 422
    assert "path 'movie_id': a film is a whole number, or a text" in refused.json()["detail"]


def test_lines_that_name_one_film_by_number_and_text_are_both_written(client: TestClient) -> None:
    number = client.put("/v1/movies/tt77", json=FILM).json()["movie_id"]
    both = ({"movie_id": "tt77", "year": 2001}, {"movie_id": number, "director": "Ida Blix"})
    assert lines(client, "/v1/movies/bulk", *both).json()["outcomes"] == {"updated": 2}
    film = client.get("/v1/movies/tt77").json()
    assert (film["year"], film["director"]) == (2001, "Ida Blix")


TOOL_CALLS: dict[str, dict[str, Any]] = {
    "get_movie_details": {"movie": ID},
    "predict_rating": {"movie": ID, "user_id": USER},
    "compare_movies": {"movies": [ID, SECOND]},
    "fetch": {"id": ID},
    "rate_movie": {"movie": ID, "stars": 4, "user_id": USER},
    "record_event": {"type": "watched", "movie": ID, "user_id": USER},
}


def test_every_tool_that_takes_a_film_takes_its_text(client: TestClient, films: Database) -> None:
    taking = {name for name, tool in TOOLS.items() if NAMES & tool.arguments.model_fields.keys()}
    assert taking == TOOL_CALLS.keys()
    found = client.app.state.services  # type: ignore[attr-defined]
    box = Toolbox(films, found.searcher, found.asker)
    number = client.get(f"/v1/movies/{ID}").json()["movie_id"]
    for name, given in TOOL_CALLS.items():
        tool = TOOLS[name]
        told = tool.run(box, tool.arguments(**given)).model_dump()
        assert str(number) in json.dumps(told) or name == "record_event", name


def test_texts_are_safe_in_addresses(client: TestClient) -> None:
    assert client.put("/v1/movies/tt%3F%26%25", json=FILM).json()["item_id"] == "tt?&%"
    assert client.get(f"/v1/movies/{quote('tt?&%', safe='')}").status_code == 200


def test_a_number_with_zeros_before_it_is_another_films_text(
    client: TestClient, films: Database
) -> None:
    before = client.get("/v1/movies/7").json()
    assert client.delete("/v1/movies/007").status_code == 404
    assert client.put("/v1/movies/007", json=FILM).json()["item_id"] == "007"
    sent: list[dict[str, Any]] = [{"movie_id": "07", **FILM}, {"movie_id": "007", "delete": True}]
    told = lines(client, "/v1/movies/bulk", *sent).json()
    assert told["outcomes"] == {"created": 1, "deleted": 1}
    assert client.get("/v1/movies/7").json() == before
    assert client.get("/v1/movies/07").json()["item_id"] == "07"
