"""What an assistant gets: the SDK's own client over both transports, on a real database."""

import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, ListToolsResult, TextContent, TextResourceContents

from ask.answer import Asker
from palate.settings import Settings
from rerank.events import list_events
from rerank.people import find_user
from rerank.profile import get_rating
from rerank.search import Searcher
from serve.api.keys import create_key
from serve.cli.serve import add_faces
from serve.mcp.server import listed
from serve.mcp.tools import MOST_FILMS, TOOLS, Toolbox
from sql.database import Database
from tests.integration.serve.apis import FANTASY_LOVER, load_films, running

TOKENS = 3000
"""What the whole list may take of an assistant's memory."""

BYTES_PER_TOKEN = 3.7  # gemma's tokenizer gets 3.8 bytes of this list into one, 2026-11-27


@pytest.fixture(scope="module")
def films(few_raters_database: Database) -> Database:
    return few_raters_database


@pytest.fixture(scope="module")
def url(films: Database, settings: Settings) -> Iterator[str]:
    with running(films, settings, add_faces) as address:
        yield f"{address}/mcp"


@asynccontextmanager
async def over_http(url: str, key: str | None = None, mode: str = "auto") -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,
    ):
        yield client


@asynccontextmanager
async def over_stdio(database: Database, *flags: str) -> AsyncIterator[Client]:
    address = database.psql_url
    started = StdioServerParameters(
        command=sys.executable,
        args=["-m", "serve.cli", "mcp", *flags],
        env={**os.environ, "PALATE_DATABASE_URL": address},
        cwd=Path(__file__).parents[3],
    )
    async with Client(started) as client:
        yield client


def wait_for(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    return anyio.run(work)


def told(answer: CallToolResult) -> str:
    [content] = answer.content
    assert isinstance(content, TextContent)
    return content.text


def test_the_whole_list_is_read_in_three_thousand_tokens() -> None:
    tools = ListToolsResult(tools=[listed(tool) for tool in TOOLS.values()])
    sent = tools.model_dump_json(by_alias=True, exclude_none=True)
    assert len(sent.encode()) / BYTES_PER_TOKEN < TOKENS
    assert all(len(tool.description) <= 120 for tool in TOOLS.values())


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_an_assistant_searches_over_http_by_the_old_protocol_and_the_new(
    url: str, mode: str
) -> None:
    async def work() -> CallToolResult:
        async with over_http(url, mode=mode) as client:
            names = [tool.name for tool in (await client.list_tools()).tools]
            assert names == list(TOOLS)
            return await client.call_tool(
                "search_movies", {"query": "lord", "user_id": 20001, "k": 3, "explain": True}
            )

    answer = wait_for(work)
    found = answer.structured_content
    assert "Lord" in found["films"][0]["title"]
    assert json.loads(told(answer)) == found


CALLS: dict[str, dict[str, Any]] = {
    "search_movies": {"query": "dragons", "k": 2},
    "get_movie_details": {"movie": 1},
    "get_user_ratings": {"user_id": 20001, "k": 2},
    "get_random_movies": {"k": 2},
    "get_recommendations": {"user_id": 20001, "k": 2},
    "get_llm_recommendations": {"user_id": 20001, "k": 2},
    "predict_rating": {"user_id": 20001, "movie": "1"},
    "summarize_user_preferences": {"user_id": 20001},
    "compare_movies": {"movies": ["1", "2"]},
    "get_enriched_movies": {"min_effectiveness": 0, "k": 2},
    "chat": {"message": "films like Shrek", "user_id": 20001},
    "search": {"query": "lord of the rings"},
    "fetch": {"id": "1"},
}


def test_every_tool_answers_what_its_schema_says(url: str) -> None:
    """The client holds each answer to the tool's output schema."""

    async def work() -> dict[str, CallToolResult]:
        async with over_http(url) as client:
            await client.list_tools()
            return {name: await client.call_tool(name, given) for name, given in CALLS.items()}

    answers = wait_for(work)
    assert {name: told(a) for name, a in answers.items() if a.is_error} == {}
    assert set(TOOLS) - set(CALLS) == {"rate_movie", "record_event", "semantic_search"}
    notes = answers["get_llm_recommendations"].structured_content["notes"]
    assert any("language model" in note for note in notes)
    assert answers["summarize_user_preferences"].structured_content["likes"]
    assert answers["chat"].structured_content["conversation"]
    first = answers["search"].structured_content["results"][0]
    assert set(first) == {"id", "title", "url"}


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("get_movie_details", {"movie": "Xyzzy Plugh"}, "There is no film"),
        ("predict_rating", {"movie": "1"}, "Give user_id"),
        ("search_movies", {"query": "lord", "k": MOST_FILMS + 1}, "k: "),
        ("search_movies", {"query": "lord", "who": 1}, "who: "),
        ("search_movies", {}, "query: "),
        ("compare_movies", {"movies": ["1"]}, "movies: "),
        ("get_enriched_movies", {"tone": '" OR year:1999'}, "tone: "),
    ],
)
def test_what_cannot_be_meant_says_what_to_do(
    url: str, name: str, given: dict[str, Any], said: str
) -> None:
    async def work() -> CallToolResult:
        async with over_http(url) as client:
            return await client.call_tool(name, given)

    answer = wait_for(work)
    assert answer.is_error
    assert said in told(answer)
    assert "Traceback" not in told(answer)


def test_films_and_tastes_are_resources_and_one_prompt_finds_a_film(url: str) -> None:
    async def work() -> None:
        async with over_http(url) as client:
            templates = (await client.list_resource_templates()).resource_templates
            assert [t.uri_template for t in templates] == [
                "palate://movies/{movie_id}", "palate://users/{user_id}/taste",
            ]  # fmt: skip
            for uri, field in (
                ("palate://movies/1", "title"),
                ("palate://users/20001/taste", "likes"),
            ):
                [contents] = (await client.read_resource(uri)).contents
                assert isinstance(contents, TextResourceContents)
                assert json.loads(contents.text)[field]
            with pytest.raises(MCPError, match="palate://movies/ID"):
                await client.read_resource("palate://etc/passwd")
            [prompt] = (await client.list_prompts()).prompts
            made = await client.get_prompt(prompt.name, {"wish": "something funny", "user_id": "7"})
            [message] = made.messages
            assert isinstance(message.content, TextContent)
            assert "for user 7" in message.content.text

    wait_for(work)


def test_only_a_key_that_writes_rates_and_a_key_is_needed(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    load_films(database)
    reads, reader = create_key("reads", "read")
    writes, writer = create_key("writes", "write")
    keys = tmp_path / "keys.txt"
    keys.write_text(f"{reader.line}\n{writer.line}\n", encoding="utf-8")
    rating = {"movie": "5", "stars": 4.5, "user_id": FANTASY_LOVER}

    async def work(url: str) -> None:
        async with over_http(url, reads) as client:
            names = {tool.name for tool in (await client.list_tools()).tools}
            assert not {"rate_movie", "record_event"} & names
            refused = await client.call_tool("rate_movie", rating)
            assert refused.is_error
            assert "scope write" in told(refused)
        async with over_http(url, writes) as client:
            assert "rate_movie" in {tool.name for tool in (await client.list_tools()).tools}
            made = await client.call_tool("rate_movie", rating)
            assert made.structured_content is not None
            assert made.structured_content["user_stars"] == 4.5
            for tool, said in (("rate_movie", {"stars": 1}), ("record_event", {"type": "liked"})):
                guessed = await client.call_tool(tool, {"movie": "Wilow", "user_id": "ann", **said})
                assert "Like it: Willow" in told(guessed)
            muted = {"type": "muted", "genre": "Horror", "user_id": "ann@example.org"}
            noted = await client.call_tool("record_event", muted)
            assert noted.structured_content is not None
            wrong = await client.call_tool("record_event", {"type": "liked", "user_id": "ann"})
            assert wrong.is_error
            assert "Nothing was noted" in told(wrong)

    with running(
        database, settings.model_copy(update={"api_keys_file": keys}), add_faces
    ) as address:
        answer = httpx.post(f"{address}/mcp", json={})
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        anyio.run(work, f"{address}/mcp")
    assert get_rating(database, FANTASY_LOVER, 5).rating == 4.5
    ann = find_user(database, "ann@example.org")
    assert [event.genre for event in list_events(database, ann).events] == ["Horror"]


def test_what_is_no_message_is_refused(url: str) -> None:
    assert httpx.get(url).headers["allow"] == "OPTIONS, POST"
    broken = httpx.post(url, content="{", headers={"content-type": "application/json"})
    assert broken.status_code in (400, 406)
    assert httpx.post(url, content="{}", headers={"content-type": "text/plain"}).status_code == 415
    large = httpx.post(url, json={"x": "a" * 70_000})
    assert large.status_code == 413
    elsewhere = httpx.post(url, json={}, headers={"origin": "https://example.com"})
    assert elsewhere.status_code == 403


def test_an_assistant_that_starts_palate_itself_reads_and_rates_only_where_told(
    films: Database,
) -> None:
    async def work() -> None:
        async with over_stdio(films, "--user", "20001") as client:
            assert "rate_movie" not in {t.name for t in (await client.list_tools()).tools}
            answer = await client.call_tool("get_user_ratings", {"k": 1})
            assert answer.structured_content is not None
            assert len(answer.structured_content["ratings"]) == 1
            refused = await client.call_tool("rate_movie", {"movie": "1", "stars": 3})
            assert refused.is_error
            assert "palate mcp --write" in told(refused)

    wait_for(work)


def test_a_tool_knows_whose_assistant_it_is(films: Database, settings: Settings) -> None:
    searcher = Searcher(films, settings)
    box = Toolbox(films, searcher, Asker(films, searcher), user_id="20001")
    tool = TOOLS["get_user_ratings"]
    whose = tool.run(box, tool.arguments.model_validate({"k": 1}))
    named = tool.run(box, tool.arguments.model_validate({"k": 1, "user_id": 20001}))
    assert whose == named
