"""The protocol's own inspector, as npm has it, asks a server what it checks, over both transports.

Its client holds every answer against the protocol's schemas, and a tool's against the output
schema that the tool was listed with.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from palate.settings import Settings
from serve.cli.serve import add_faces
from serve.mcp.tools import TOOLS
from sql.database import Database
from tests.integration.serve.apis import FANTASY_LOVER, running
from tests.npm import installed

PACKAGE = "@modelcontextprotocol/inspector-cli"
VERSION = "1.0.3"  # the last that Node.js 20 runs: `npx @modelcontextprotocol/inspector@1 --cli`
_ROOT = Path(__file__).parents[3]
_PATIENCE = 120

Inspect = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def inspector(request: pytest.FixtureRequest) -> list[str]:
    """The command that inspects."""
    modules = installed(request, f"{PACKAGE}@{VERSION}") / "node_modules"
    # It reads its version in the package around it, which would bring a browser's page along.
    about = {"name": "@modelcontextprotocol/inspector", "version": VERSION}
    (modules / PACKAGE).with_name("package.json").write_text(json.dumps(about), encoding="utf-8")
    return ["node", str(modules / PACKAGE / "build" / "cli.js"), "--cli"]


@pytest.fixture(scope="module", params=["http", pytest.param("stdio", marks=pytest.mark.slow)])
def inspect(
    request: pytest.FixtureRequest, inspector: list[str], films: Database, settings: Settings
) -> Iterator[Inspect]:
    """Asks one thing of a server over one of the transports."""

    def over(*server: str) -> Inspect:
        def run(method: str, *flags: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [*inspector, *server, "--method", method, *flags], cwd=_ROOT, text=True,
                capture_output=True, timeout=_PATIENCE, check=False,
                env={**os.environ, "PALATE_DATABASE_URL": films.psql_url},
            )  # fmt: skip

        return run

    if request.param == "stdio":
        env = [f"{name}={os.environ[name]}" for name in ("PYTHONPATH",) if name in os.environ]
        given = [f"PALATE_DATABASE_URL={films.psql_url}", *env]
        flags = [flag for each in given for flag in ("-e", each)]
        yield over(sys.executable, "-m", "serve.cli", "mcp", "--write", *flags)
    else:
        with running(films, settings, add_faces) as address:
            yield over(f"{address}/mcp", "--transport", "http")


def answered(made: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert made.returncode == 0, made.stderr
    answer: dict[str, Any] = json.loads(made.stdout)
    return answer


def call(inspect: Inspect, tool: str, **given: object) -> dict[str, Any]:
    arguments = [
        flag for name, value in given.items() for flag in ("--tool-arg", f"{name}={value}")
    ]
    return answered(inspect("tools/call", "--tool-name", tool, *arguments))


def test_tools_are_listed_and_answer_what_they_say(inspect: Inspect) -> None:
    listed = answered(inspect("tools/list"))["tools"]
    assert [tool["name"] for tool in listed] == list(TOOLS)
    found = call(inspect, "search_movies", query="lord", user_id=FANTASY_LOVER, k=2)
    assert "Fantasy" in found["structuredContent"]["films"][0]["genres"]


def test_wrong_arguments_and_tools_say_what_to_do(inspect: Inspect) -> None:
    for tool, given, why in (
        ("search_movies", {"query": "lord", "k": 1000}, "Correct this and call again"),
        ("get_movie_details", {"movie": "No Such Film At All"}, "There is no film"),
        ("fly", {"to": "Rome"}, "fly"),
    ):
        answer = inspect("tools/call", "--tool-name", tool, *(
            flag for name, value in given.items() for flag in ("--tool-arg", f"{name}={value}")
        ))  # fmt: skip
        said = answer.stdout + answer.stderr
        assert why in said, said
        assert "Traceback" not in said


def test_resources_and_the_prompt_are_read(inspect: Inspect) -> None:
    assert answered(inspect("resources/list")) == {"resources": []}
    templates = answered(inspect("resources/templates/list"))["resourceTemplates"]
    assert {each["name"] for each in templates} == {"movie", "taste"}
    [film] = answered(inspect("resources/read", "--uri", "palate://movies/7"))["contents"]
    assert json.loads(film["text"])["title"] == "Heat"
    missing = inspect("resources/read", "--uri", "palate://movies/no-such-film")
    assert (missing.returncode != 0, "There is no film" in missing.stderr) == (True, True)
    assert [each["name"] for each in answered(inspect("prompts/list"))["prompts"]] == [
        "find_me_a_film"
    ]
    asked = ("--prompt-name", "find_me_a_film", "--prompt-args")
    [message] = answered(inspect("prompts/get", *asked, "wish=heist"))["messages"]
    assert "Wish: heist" in message["content"]["text"]
    assert inspect("prompts/get", *asked, "user_id=7").returncode != 0
