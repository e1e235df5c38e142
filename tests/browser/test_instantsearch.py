"""The page of docs/clients.md, with the widget library as npm has it."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, expect

from sql.database import Database
from tests.browser.conftest import _PATIENCE
from tests.npm import installed

DOCS = Path(__file__).parents[2] / "docs" / "clients.md"
LIBRARY = "instantsearch.production.min.js"


def test_a_page_of_widgets_searches_narrows_sorts_and_clicks(
    browser: Browser, address: str, films: Database, request: pytest.FixtureRequest
) -> None:
    dist = installed(request, "instantsearch.js@4.118.1") / "node_modules/instantsearch.js/dist"
    [shop] = re.findall(r"^```html\n(.*?)^```", DOCS.read_text(encoding="utf-8"), re.M | re.S)
    context = browser.new_context(base_url=address)
    context.set_default_timeout(_PATIENCE)

    def serve(route: Route) -> None:
        if route.request.url.endswith(LIBRARY):
            route.fulfill(path=dist / LIBRARY, content_type="text/javascript")
        else:
            route.fulfill(body=shop, content_type="text/html")

    context.route("**/shop/**", serve)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto("/shop/")
    shown = page.locator("#films li")
    expect(shown).to_have_count(5)

    page.get_by_role("searchbox").first.fill("lord")
    expect(page.locator("#films mark").first).to_have_text("Lord")
    expect(shown.first).to_contain_text("Lord of the Rings")  # the order of a lover of fantasy
    page.get_by_placeholder("Search", exact=False).last.fill("fant")
    expect(page.locator("#genres mark").first).to_have_text("Fant")
    page.locator("#genres label", has_text="Fantasy").click()
    expect(page.locator("#genres .ais-RefinementList-item--selected")).to_contain_text("Fantasy")
    expect(page.locator("#films", has_text="Lord of War")).to_have_count(0)

    with page.expect_response("**/v1/instantsearch/events") as noted:
        shown.first.locator("a").click()
    assert noted.value.ok
    page.get_by_role("searchbox").first.fill("")
    page.locator("#order select").select_option("movies:year:desc")
    page.locator("#pages").get_by_role("link", name="Page 2", exact=True).click()
    expect(page.locator("#pages .ais-Pagination-item--selected")).to_have_text("2")
    expect(shown.first).to_be_visible()
    context.close()
    assert complaints == []
    with films.read() as connection:
        kinds = connection.exec_driver_sql("SELECT DISTINCT kind FROM feedback ORDER BY 1")
        assert "click" in kinds.scalars().all()
