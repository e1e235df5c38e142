"""palate.client, and the examples of docs/clients.md, against a real server."""

import asyncio
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from palate.calls import Call
from palate.client import (
    ApiError,
    AsyncClient,
    ChangedError,
    Client,
    KeyRefusedError,
    MissingError,
    RefusedError,
    UnavailableError,
)
from palate.contract import FilmFilters, RecommendRequest, SearchRequest, SearchResponse
from palate.contract.options import Filters, ListOptions, RecommendOptions, SearchOptions
from palate.settings import Settings
from search.browse import BrowseRequest
from serve.api.keys import create_key
from sql.database import Database
from tests.integration.serve.apis import FANTASY_LOVER, running
from tests.npm import installed

PAGE = Path(__file__).parents[3] / "docs" / "clients.md"
NO_METHOD = {"search_stream", "watch_link", "metrics", "recommend", "instantsearch",
             "instantsearch_events"}  # fmt: skip
"""Streams, a redirect, figures for Prometheus, what widgets send; recommend goes by POST."""


@pytest.fixture(scope="module")
def address(films: Database, settings: Settings) -> Iterator[str]:
    with running(films, settings) as address:
        yield address


@pytest.fixture
def palate(address: str) -> Iterator[Client]:
    with Client(address) as client:
        yield client


def test_there_is_a_method_for_each_operation(address: str) -> None:
    document = httpx.get(f"{address}/openapi.json").json()
    names = {op["operationId"] for each in document["paths"].values() for op in each.values()}
    for client in (Client, AsyncClient):
        known = {name.replace("recommend_by_body", "recommend") for name in names - NO_METHOD}
        known |= {"movie_version", "send", "close"}
        assert {name for name in dir(client) if name[0] != "_"} == known


@pytest.mark.parametrize(
    ("options", "model"),
    [(Filters, FilmFilters), (SearchOptions, SearchRequest), (RecommendOptions, RecommendRequest),
     (ListOptions, BrowseRequest)],
)  # fmt: skip
def test_what_may_be_said_is_what_the_api_takes(options: Any, model: Any) -> None:
    assert options.__annotations__.keys() == model.model_fields.keys() - (
        {"q"} if options is SearchOptions else set()
    )


def test_each_operation_is_asked_and_read(palate: Client) -> None:
    who = "bob@example.org"
    assert palate.rate(who, 5, 5).rating == 5
    assert palate.rate(who, 7, 1).title == "Heat"
    assert palate.rating(who, 5).movie_id == 5
    assert [each["movie_id"] for each in palate.ratings(who)["ratings"]] == [7, 5]
    found = palate.search("lord", user_id=who, weights={"bm25": 0.5, "content": 1}, facets=True)
    assert found.personalized
    assert found.total == 4
    assert palate.suggest("lord of")["suggestions"]
    several = palate.multi_search([{"q": "lord"}, {"q": "lord", "k": 0}])
    assert isinstance(several[0], SearchResponse)
    assert isinstance(several[1], dict)
    assert palate.ask("crime films", user_id=who)["structure"]["genres"]
    assert palate.ask_structure({"genres": ["Crime"]})["movies"]
    talk = palate.chat("crime films", user_id=who)
    assert talk["films"]
    assert palate.chat("/more", conversation=talk["conversation"])["text"]
    assert palate.recommend(user_id=who, k=3, exclude=[6]).movies
    assert palate.trace_recommend(user_id=who, k=3)["stages"]
    assert palate.predict(who, "Willow")["movie_id"] == 6
    assert palate.compare(["Heat", 8])["movies"][1]["title"] == "Casino"
    assert palate.preferences(who)["n"] == 2
    assert palate.similar_movies(7, 2)["movies"]
    assert palate.list_movies(sort="year", k=2, fields=["title"], facets=["genres"])["facets"]
    [line] = palate.add_events(who, [{"type": "watched", "movie_id": 6, "event_id": "1"}]).lines
    assert line.outcome == "accepted"
    assert palate.list_events(who, type="watched").events[0].movie_id == 6
    palate.undo_event(who, "1")
    assert palate.undo_events(who, "watched")["undone"] == 0
    seen = {"answer_id": found.answer_id, "movie_id": 1, "kind": "click"}
    assert palate.feedback([seen]).accepted == 1
    assert palate.put_rules(palate.rules()) == palate.rules()
    palate.unrate(who, 7)
    assert palate.user(who).rating_count == 1
    assert palate.export(who).name == who
    assert palate.forget(who).ratings_deleted == 1
    assert palate.healthz()["status"] == "ok"
    assert palate.readyz()["engine"]


def test_films_are_written_one_by_one_and_many_at_a_time(palate: Client) -> None:
    made = palate.put_movie(500, {"title": "Quicksilver"})
    assert (made.title, made.added_at is None) == ("Quicksilver", False)
    version = palate.movie_version(500)
    assert palate.patch_movie(500, {"year": 2024}, if_match=version).year == 2024
    with pytest.raises(ChangedError, match="Nothing was changed"):
        palate.patch_movie(500, {"year": 2023}, if_match=version)
    lines = ({"movie_id": n, "title": f"Film {n}"} for n in (500, 501, 502))
    report = palate.write_movies(lines, job="films")
    assert report["outcomes"] == {"updated": 1, "created": 2}
    assert palate.job("films")["lines"] == 3
    rated = palate.write_ratings([{"user_id": 9, "movie_id": 501, "rating": 4}])
    assert rated["outcomes"] == {"accepted": 1}
    assert palate.read_movie(501).rating_count == 1
    for movie_id in (500, 501, 502):
        assert palate.remove_movie(movie_id, history="erase")["movie_id"] == movie_id


def test_the_same_is_awaited(address: str) -> None:
    async def ask() -> tuple[int, dict[str, int]]:
        async with AsyncClient(address) as palate:
            first, second = await asyncio.gather(palate.search("lord"), palate.search("dark"))
            report = await palate.write_ratings([{"user_id": 9, "movie_id": 1, "rating": 4}])
            with pytest.raises(MissingError):
                await palate.read_movie(99_999)
            return len(first.hits) + len(second.hits), report["outcomes"]

    assert asyncio.run(ask()) == (6, {"accepted": 1})


def test_a_problem_is_an_error_of_its_kind(
    palate: Client, films: Database, settings: Settings, tmp_path: Path
) -> None:
    with pytest.raises(RefusedError, match="did you mean") as refused:
        palate.send(Call("GET", "/v1/search", lambda _: None, {"q": "lord", "user": 1}))
    assert (refused.value.status, refused.value.errors[0]["name"]) == (422, "user")
    with pytest.raises(RefusedError) as unread:
        palate.search("(lord", strict=True)
    assert unread.value.position is not None
    secret, key = create_key("reader", "read")
    (tmp_path / "keys").write_text(key.line)
    keyed = settings.model_copy(
        update={"api_keys_file": tmp_path / "keys", "requests_per_minute": 2}
    )
    with running(films, keyed) as guarded:
        with Client(guarded) as stranger, pytest.raises(KeyRefusedError, match="key is needed"):
            stranger.search("lord")
        with Client(guarded, secret) as reader:
            with pytest.raises(KeyRefusedError):
                reader.rate(FANTASY_LOVER, 1, 5)
            with pytest.raises(UnavailableError) as busy:
                [reader.search("lord") for _ in range(3)]
            assert busy.value.retry_after
    with Client(guarded) as away, pytest.raises(UnavailableError, match="does not answer"):
        away.search("lord")


def test_what_is_no_problem_document_is_an_error_all_the_same() -> None:
    proxy = httpx.MockTransport(lambda _: httpx.Response(502, text="<h1>Bad gateway</h1>"))
    newer = httpx.MockTransport(lambda _: httpx.Response(418, json={"detail": "No tea."}))
    with Client("http://x", transport=proxy) as client, pytest.raises(UnavailableError):
        client.search("lord")
    with Client("http://x", transport=newer) as client, pytest.raises(ApiError, match="No tea"):
        client.search("lord")


def test_a_newer_server_may_say_more(address: str) -> None:
    answer = httpx.get(f"{address}/v1/search?q=lord").json()
    more = {**answer, "mood": 1, "hits": [{**hit, "colour": "red"} for hit in answer["hits"]]}
    newer = httpx.MockTransport(lambda _: httpx.Response(200, json=more))
    with Client("http://x", transport=newer) as client:
        assert [hit.movie_id for hit in client.search("lord").hits] == [
            hit["movie_id"] for hit in answer["hits"]
        ]


def blocks(language: str) -> list[str]:
    text = PAGE.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_the_examples_in_python_run(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = "\n".join(blocks("python")).replace("http://127.0.0.1:8080", address)
    exec(compile(code, str(PAGE), "exec"), {"__name__": "example"})
    assert "Nothing was changed" in capsys.readouterr().out


def test_the_examples_in_typescript_are_typed_and_run(
    address: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    compiler = installed(request, "typescript@5.9.3") / "node_modules" / "typescript"
    code = "\n".join(blocks("typescript")).replace("http://127.0.0.1:8080", address)
    (tmp_path / "example.mts").write_text(code + "\nexport {};\n", encoding="utf-8")
    flags = ["--strict", "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom"]
    typed = subprocess.run(
        ["node", str(compiler / "bin" / "tsc"), *flags, "example.mts"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert typed.returncode == 0, typed.stdout
    ran = subprocess.run(["node", "example.mjs"], cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert "Lord" in ran.stdout
