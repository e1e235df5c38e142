"""A real Chromium, Debian's, and a real server to look at with it."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Request, sync_playwright

from palate.settings import Settings
from serve.cli.serve import add_faces
from sql.database import Database
from sql.embedded import EmbeddedServer
from test_users.tasters import create_tasters
from tests.conftest import cloned
from tests.integration.serve.apis import running

_PATIENCE = 20_000  # milliseconds until something has to be on the page
AXE = files("axe_playwright_python").joinpath("axe.min.js")


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium without a screen."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if found is None:
        pytest.skip("needs Chromium: `apt-get install chromium`")
    # As root it starts without its own sandbox only.
    flags = ["--no-sandbox"] if hasattr(os, "getuid") and os.getuid() == 0 else []
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=found, args=flags)
        except Error as error:
            pytest.skip(f"Chromium does not start here: {str(error).splitlines()[0]}")
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def films(
    server: EmbeddedServer, settings: Settings, few_raters_template: str
) -> Iterator[Database]:
    """150 raters and the tasters, for the tests of one module, which rate in it."""
    with cloned(server, settings, few_raters_template) as database:
        create_tasters(database)
        yield database


@pytest.fixture(scope="module")
def address(films: Database, settings: Settings) -> Iterator[str]:
    """Where the pages are."""
    with running(films, settings, add_faces) as address:
        yield address


Open = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, address: str) -> Iterator[Open]:
    """Opens a page of the server; afterwards, nothing was asked of anybody else."""
    contexts, elsewhere, complaints = [], list[str](), list[str]()

    def note_request(request: Request) -> None:
        if not request.url.startswith(address):
            elsewhere.append(request.url)

    def note_message(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(message.text)

    def open_page(path: str, **options: Any) -> Page:
        context = browser.new_context(base_url=address, **options)
        context.set_default_timeout(_PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("request", note_request)
        page.on("console", note_message)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert elsewhere == []
    assert complaints == []


@pytest.fixture(scope="session")
def pictures(request: pytest.FixtureRequest) -> Path:
    """Where pictures of the pages are kept, for people to look at."""
    assert request.config.cache is not None
    return request.config.cache.mkdir("pictures")


@contextmanager
def not_loaded_again(page: Page) -> Iterator[None]:
    """What happens meanwhile happens on the page that is open."""
    page.evaluate("window.open_since = 'before'")
    yield
    assert page.evaluate("window.open_since") == "before"
