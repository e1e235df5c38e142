"""The pages as a person uses them, in a real Chromium."""

import json
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from palate.errors import NotFoundError
from palate.settings import Settings
from rerank.profile import get_rating
from serve.api.keys import create_key
from serve.cli.serve import add_faces
from sql.database import Database
from tests.browser.conftest import AXE, Open, not_loaded_again
from tests.integration.serve.apis import running

LOVER, HATER, NEWCOMER = 20001, 20002, 777


def films_in(page: Page, column: str) -> list[str]:
    """The ids of a column's films, from the first on."""
    shown = page.get_by_role("region", name=column).locator("li.film")
    shown.first.wait_for()
    return [str(each.get_attribute("data-movie")) for each in shown.all()]


def state_of(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def test_a_person_types_and_sees_two_orders_of_the_same_search(open_page: Open) -> None:
    page = open_page("/")
    with not_loaded_again(page):
        page.get_by_label("Search for").press_sequentially("lord")
        expect(page.get_by_role("region", name="Everybody")).to_contain_text("Lord of War")
        expect(page.locator("#titles option[value='Lord of War']")).to_have_count(1)
        page.get_by_label("Whose taste").fill(str(LOVER))
        mine = page.get_by_role("region", name=f"User {LOVER}")
        expect(mine).to_contain_text("Lord of the Rings")
        assert sorted(films_in(page, "Everybody")) != sorted(films_in(page, f"User {LOVER}"))
        expect(mine.locator(".moved.up").first).to_be_visible()
        expect(mine.get_by_role("img").first).to_have_accessible_name(
            re.compile(r"Score 0\.\d+: text 0\.\d+, taste 0\.\d+")
        )
        expect(mine.locator(".why").first).to_contain_text("you gave")
    assert state_of(page) == {"q": ["lord"], "user_id": [str(LOVER)]}


def test_the_address_holds_everything_and_back_goes_back(open_page: Open) -> None:
    page = open_page(f"/?q=king&user_id={HATER}")
    before = films_in(page, f"User {HATER}")
    page.get_by_text("Weights and filters").click()
    with not_loaded_again(page):
        page.get_by_label("text only").check()
        expect(page.get_by_label("popularity", exact=True)).to_have_value("0")
        assert films_in(page, f"User {HATER}") != before
        slider = page.get_by_label("taste", exact=True)
        slider.focus()
        slider.press("ArrowRight")
        expect(page.get_by_label("my own")).to_be_checked()
        page.wait_for_url("**preset=own**")
        page.get_by_label("Fantasy").check()
        page.wait_for_url("**genres=Fantasy**")
    shared = state_of(page)
    assert shared["content"] == ["0.05"]
    assert shared["genres"] == ["Fantasy"]
    again = open_page(page.url)
    expect(again.get_by_label("Fantasy")).to_be_checked()
    expect(again.get_by_label("taste", exact=True)).to_have_value("0.05")
    assert films_in(again, f"User {HATER}") == films_in(page, f"User {HATER}")
    page.go_back()
    page.wait_for_url(lambda url: "preset" not in url)
    expect(page.get_by_label("as tuned")).to_be_checked()
    expect(page.locator("#mine + ol > li").first).to_have_attribute("data-movie", before[0])


def test_a_rating_from_the_list_moves_the_list_at_once(open_page: Open, films: Database) -> None:
    page = open_page(f"/?q=lord&user_id={NEWCOMER}")
    mine = page.get_by_role("region", name=f"User {NEWCOMER}")
    with not_loaded_again(page):
        mine.get_by_role("button", name="Dislike Lord of War", exact=True).click()
        taken = mine.get_by_role("button", name="Take back the 1.0 stars of Lord of War")
        expect(taken).to_be_visible()
        film = int(mine.locator("li.film.seen").get_attribute("data-movie") or 0)
        assert get_rating(films, NEWCOMER, film).rating == 1
        taken.click()
        expect(taken).to_have_count(0)
    with pytest.raises(NotFoundError):
        get_rating(films, NEWCOMER, film)


def test_who_am_i_shows_a_taste_and_lets_it_be_changed_and_forgotten(open_page: Open) -> None:
    page = open_page(f"/taste?user_id={NEWCOMER + 1}")
    expect(page.get_by_text("has rated nothing yet")).to_be_visible()
    with not_loaded_again(page):
        page.get_by_role("combobox", name="A film").fill("Shrek")
        page.get_by_label("Stars").select_option("4.5")
        page.get_by_role("button", name="Rate").click()
        expect(page.get_by_text("rated 1 film,")).to_be_visible()
        expect(page.get_by_role("region", name="Rated best")).to_contain_text("Shrek")
    page.get_by_text("Forget me").click()
    page.get_by_label("Delete everything").check()
    page.get_by_role("button", name="Forget").click()
    for table in ("ratings 1 0", "events 0 0", "users 1 0"):
        expect(page.get_by_role("row", name=table, exact=True)).to_be_visible()
    page.get_by_role("link", name="Look for yourself").click()
    expect(page.get_by_text("has rated nothing yet")).to_be_visible()


def test_a_genre_is_muted_and_that_is_undone(open_page: Open, films: Database) -> None:
    name = "ann@example.org"
    page = open_page(f"/taste?user_id={name}")
    with not_loaded_again(page):
        page.get_by_role("combobox", name="A film").fill("Shrek")
        page.get_by_role("button", name="Rate").click()
        less = page.get_by_role("button", name="Less Adventure")
        less.click()
        expect(less).to_have_attribute("aria-pressed", "true")
        page.get_by_role("button", name="Undo muted: Adventure").click()
        expect(less).not_to_have_attribute("aria-pressed", "true")
    with page.expect_download() as download:
        page.get_by_role("link", name="Export everything").click()
    held = json.loads(download.value.path().read_text(encoding="utf-8"))
    assert held["name"] == name
    assert len(held["tables"]["ratings"]) == 1


def test_recommendations_come_by_their_source_and_lose_what_is_rated(open_page: Open) -> None:
    page = open_page(f"/recommend?user_id={LOVER}")
    near = page.get_by_role("region", name="Near this taste")
    expect(page.get_by_role("region", name="Because of")).to_be_visible()
    first = films_in(page, "Near this taste")[0]
    with not_loaded_again(page):
        near.get_by_role("button", name="Love").first.click()
        expect(near.locator(f"[data-movie='{first}']")).to_have_count(0)
        [second, *_] = films_in(page, "Near this taste")
        near.get_by_role("button", name="Dismiss").first.click()
        expect(near.locator(f"[data-movie='{second}']")).to_have_count(0)
    assert not {first, second} & set(films_in(page, "Near this taste"))


def test_a_request_in_plain_words_is_understood_and_corrected(open_page: Open) -> None:
    page = open_page(f"/ask?user_id={LOVER}")
    with not_loaded_again(page):
        page.get_by_label("What do you look for?").fill("dark thrillers from the nineties")
        page.get_by_role("button", name="Ask").click()
        page.get_by_role("link", name="Take away: Thriller").click()
        expect(page.get_by_role("link", name="Take away: Thriller")).to_have_count(0)
        expect(page.get_by_role("link", name="Take away: year 1990 to 1999")).to_be_visible()
    assert state_of(page)["without"] == ["genres:Thriller"]


def test_a_talk_goes_on_from_what_was_shown(open_page: Open) -> None:
    page = open_page(f"/ask?user_id={LOVER}&q=thrillers")
    with not_loaded_again(page):
        page.get_by_label("Say next").fill("only the ones from the nineties")
        page.get_by_role("button", name="Say").click()
        expect(page.get_by_role("link", name="Take away: year 1990 to 1999")).to_be_visible()
        expect(page.get_by_role("link", name="Take away: Thriller")).to_be_visible()
        page.get_by_label("Say next").fill("/why 2")
        page.get_by_label("Say next").press("Enter")
        expect(page.get_by_text("is number 2 of what you asked for")).to_be_visible()
        page.get_by_label("Say next").fill("/not 1")
        page.get_by_role("button", name="Say").click()
        expect(page.locator("li.film").first).to_be_visible()


def test_the_mix_of_recommendations_follows_its_sliders(open_page: Open) -> None:
    page = open_page(f"/recommend?user_id={LOVER}")
    before = films_in(page, "Near this taste")
    page.get_by_text("The mix").click()
    with not_loaded_again(page):
        for name in ("taste", "peers", "popularity"):
            slider = page.get_by_label(name, exact=True)
            slider.fill("1" if name == "popularity" else "0")
        expect(page.get_by_label("my own")).to_be_checked()
        page.wait_for_url("**popularity=1**")
        expect(page.locator("#near-taste + ol > li").first).to_be_visible()
        page.wait_for_function("document.querySelector('[aria-busy]') === null")
    assert films_in(page, "Near this taste") != before
    assert state_of(page)["preset"] == ["own"]
    again = open_page(page.url)
    expect(again.get_by_label("taste", exact=True)).to_have_value("0")
    assert films_in(again, "Near this taste") == films_in(page, "Near this taste")


def test_operators_see_the_server(open_page: Open) -> None:
    page = open_page("/operators")
    expect(page.get_by_role("row", name="search index")).to_contain_text("ok")
    expect(page.get_by_role("region", name="Requests")).to_contain_text("/static")


def test_the_api_is_read_by_following_its_models(open_page: Open) -> None:
    page = open_page("/docs", java_script_enabled=False)
    page.get_by_text("Search, in the order of a user's taste").click()
    expect(page.get_by_role("table", name="Parameters of search", exact=True)).to_be_visible()
    page.get_by_role("link", name="SearchResponse").first.click()
    found = page.get_by_role("table", name="Properties of SearchResponse")
    expect(found.get_by_role("row", name="engine required")).to_contain_text("paradedb or postgres")


def test_without_script_people_search_weigh_and_rate(open_page: Open, films: Database) -> None:
    page = open_page("/", java_script_enabled=False)
    page.get_by_label("Search for").fill("lord")
    page.get_by_label("Whose taste").fill(str(NEWCOMER))
    page.get_by_label("Search for").press("Enter")
    mine = page.get_by_role("region", name=f"User {NEWCOMER}")
    mine.get_by_role("button", name="Love Lord of War", exact=True).click()
    taken = mine.get_by_role("button", name="Take back the 5.0 stars of Lord of War")
    expect(taken).to_be_visible()
    assert state_of(page)["q"] == ["lord"]


@pytest.mark.parametrize("script", ["at once", "after the pictures"])
def test_posters_come_from_allowed_hosts_only(
    browser: Browser, films: Database, address: str, script: str
) -> None:
    hosts = {"Lord of War": "image.tmdb.org", "Lords of Dogtown": "elsewhere.example"}
    with films.begin() as connection:
        for title, host in hosts.items():
            connection.exec_driver_sql(
                "UPDATE movies SET poster_url = %s WHERE title = %s",
                (f"https://{host}/p.jpg", title),
            )
    context = browser.new_context(base_url=address)
    asked: list[str] = []

    def refuse(route: Route) -> None:
        asked.append(route.request.url)
        route.abort()

    def delay(route: Route) -> None:
        page.wait_for_timeout(300)
        route.continue_()

    context.route(re.compile("^https:"), refuse)
    page = context.new_page()
    if script == "after the pictures":
        page.route(re.compile("/static/page.js"), delay)
    page.goto("/?q=lord")
    first = page.locator("li.film", has_text="Lord of War").locator(".poster")
    expect(first.locator("svg")).to_be_visible()
    expect(first.locator("img")).to_have_count(0)  # it does not come: the drawn one stays
    context.close()
    assert asked == ["https://image.tmdb.org/p.jpg"]


PAGES = ("/?q=lord&user_id=20001&preset=taste", "/", "/taste?user_id=20001",
         "/recommend?user_id=20001&preset=own&vote=1", "/ask?q=dark+thrillers&user_id=20001",
         "/operators", "/docs", "/sign-in", "/?year_from=never")  # fmt: skip
SCREENS = {
    "light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "dark-phone": {"viewport": {"width": 360, "height": 780}, "color_scheme": "dark"},
}


@pytest.mark.parametrize("screen", SCREENS)
def test_every_page_is_for_everybody(
    browser: Browser, address: str, screen: str, pictures: Path
) -> None:
    """axe finds nothing, nothing is wider than the screen, and a picture of it is kept."""
    # axe is no part of the page, whose policy would keep it out.
    context = browser.new_context(base_url=address, bypass_csp=True, **SCREENS[screen])  # type: ignore[arg-type]
    page = context.new_page()
    found = {}
    for number, path in enumerate(PAGES):
        page.goto(path)
        page.evaluate(AXE.read_text(encoding="utf-8"))
        violations = page.evaluate("axe.run().then(found => found.violations)")
        told = [f"{v['id']}: {v['nodes'][0]['html'][:200]}" for v in violations]
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            told.append("wider than the screen")
        found[path] = told
        page.screenshot(path=pictures / f"{number}-{screen}.png")
    context.close()
    assert {path: told for path, told in found.items() if told} == {}


def test_a_key_is_typed_once_and_stands_nowhere(
    browser: Browser, films: Database, settings: Settings, tmp_path: Path
) -> None:
    secret, key = create_key("person", "write")
    keys = tmp_path / "keys.txt"
    keys.write_text(key.line + "\n", encoding="utf-8")
    keyed = settings.model_copy(update={"api_keys_file": keys})
    with running(films, keyed, add_faces) as address:
        page = browser.new_context(base_url=address).new_page()
        asked = page.goto("/?q=lord")
        assert asked is not None
        assert asked.status == 401
        page.get_by_label("Key").fill("palate_wrong")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_be_visible()
        page.get_by_label("Key").fill(secret)
        page.get_by_role("button", name="Sign in").click()
        page.goto(f"/?q=lord&user_id={HATER}")
        expect(page.get_by_role("region", name=f"User {HATER}")).to_be_visible()
        [cookie] = page.context.cookies()
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
        assert secret not in page.content()
        assert secret not in page.url
        assert page.request.get("/v1/search?q=lord").status == 401
        operators = page.goto("/operators")
        assert operators is not None
        assert operators.status == 403
        page.get_by_role("button", name="Sign out").click()
        left = page.goto("/?q=lord")
        assert left is not None
        assert left.status == 401
        page.context.close()
