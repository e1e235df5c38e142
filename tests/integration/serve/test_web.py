"""The pages without a browser: who may see them, what forms may do, what an address may say."""

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from ask.structure import Exclusions, Person, Span, Structure
from palate.settings import Settings, get_settings
from rerank.facts import Fact
from serve.api.app import create_app
from serve.api.keys import create_key
from serve.cli.serve import add_faces
from serve.web.chips import chips, without
from serve.web.render import _templates, bars, policy, poster
from serve.web.state import PRESETS, SearchState
from sql.database import Database
from sql.own_fields import add_field, make_field, type_of
from tests.integration.serve.apis import FANTASY_LOVER, load_films

LORD = f"/?q=lord&user_id={FANTASY_LOVER}"
RATE = f"/rate?user_id={FANTASY_LOVER}"


@pytest.fixture
def films(database: Database) -> Database:
    load_films(database)
    return database


def visitor(database: Database, settings: Settings) -> TestClient:
    app = create_app(database, settings, faces=add_faces)
    return TestClient(
        app, base_url="http://localhost", client=("127.0.0.1", 40000), follow_redirects=False
    )


@pytest.fixture
def client(films: Database, settings: Settings) -> Iterator[TestClient]:
    with visitor(films, settings) as client:
        yield client


def test_a_page_may_load_nothing_but_ours_and_posters(
    client: TestClient, settings: Settings
) -> None:
    answer = client.get(LORD)
    assert answer.headers["content-security-policy"] == policy(settings)
    assert answer.headers["cache-control"] == "no-store"
    assert "style=" not in answer.text
    assert "onclick" not in answer.text
    assert answer.text.count("<script") == answer.text.count("<script src=") == 1
    hosts = settings.model_copy(update={"poster_hosts": ("a.example",)})
    assert poster(hosts, "https://a.example/p.jpg") == "https://a.example/p.jpg"
    for other in ("http://a.example/p", "https://a.example.evil/p", "https://u@a.example/p", None):
        assert poster(hosts, other) is None


def test_the_docs_page_has_the_whole_document_and_needs_no_script(client: TestClient) -> None:
    answer = client.get("/docs")
    document = client.get("/openapi.json").json()
    assert answer.headers["content-security-policy"] == policy(Settings())
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert f">{method.upper()} {path}<" in answer.text
            assert f'id="{operation["operationId"]}"' in answer.text
    linked = set(re.findall('href="#([^"]+)"', answer.text))
    assert linked - set(re.findall('id="([^"]+)"', answer.text)) == set()
    assert "Only films since this year." in answer.text
    assert "from 0, to 9999" in answer.text


def test_one_setting_turns_the_pages_off_and_the_api_stays(
    films: Database, settings: Settings
) -> None:
    with visitor(films, settings.model_copy(update={"web": False})) as client:
        assert client.get("/").status_code == 404
        assert client.get("/v1/search?q=lord").status_code == 200


def test_words_of_films_and_people_are_text_never_markup(
    films: Database, client: TestClient
) -> None:
    title = '<img src=x onerror="alert(1)">lord'
    with films.begin() as connection:
        connection.exec_driver_sql("UPDATE movies SET title = %s WHERE movie_id = 1", (title,))
    answer = client.get("/", params={"q": 'lord"><script>', "user_id": FANTASY_LOVER})
    assert "<img src=x" not in answer.text
    assert answer.text.count("<script") == 1


@pytest.mark.parametrize(
    "address",
    ["/?q=lord&year_from=never", "/?q=lord&user_id=-1", "/?q=a&k=1000", "/taste?user_id=a%20%20b"],
)
def test_a_wrong_address_says_what_is_wrong(client: TestClient, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 400
    assert "Nothing was done" in answer.text
    assert answer.headers["content-type"].startswith("text/html")


def test_a_page_says_what_it_does_not_know_of_its_address(client: TestClient) -> None:
    answer = client.get("/?q=lord&gernes=Fantasy&%3Cb%3E=1")
    said = "Of the address was not read gernes: unknown parameter; did you mean"
    assert said in answer.text
    assert "<b>" not in answer.text
    assert "The Lord of the Rings" in answer.text
    assert "was not read" not in client.get("/?q=lord&genres=Fantasy").text


def test_a_form_rates_and_goes_back_only_within_this_site(client: TestClient) -> None:
    sent = {"movie": "5", "stars": "4.5", "back": LORD}
    answer = client.post(RATE, data=sent)
    assert (answer.status_code, answer.headers["location"]) == (303, LORD)
    rated = client.get(f"/v1/users/{FANTASY_LOVER}/ratings/5").json()
    assert rated["rating"] == 4.5
    for back in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x"):
        assert client.post(RATE, data=sent | {"back": back}).headers["location"] == "/"
    assert client.post(RATE, data=sent | {"stars": "none"}).status_code == 303
    assert client.get(f"/v1/users/{FANTASY_LOVER}/ratings/5").status_code == 404
    assert client.post(RATE, data=sent | {"stars": "nine"}).status_code == 400
    assert client.post("/rate", data=sent).status_code == 400
    assert client.post(RATE, content=b"x" * 10_000).status_code == 413


def test_a_key_reaches_as_far_in_a_browser_as_anywhere(
    films: Database, settings: Settings, tmp_path: Path
) -> None:
    made = {scope: create_key(scope, scope) for scope in ("read", "write", "admin")}
    keys = tmp_path / "keys.txt"
    keys.write_text("".join(f"{key.line}\n" for _, key in made.values()), encoding="utf-8")
    with visitor(films, settings.model_copy(update={"api_keys_file": keys})) as client:

        def status(scope: str, method: str, path: str, **headers: str) -> int:
            cookie = {"cookie": f"palate_key={made[scope][0]}", **headers}
            data = {"movie": "5", "stars": "4"} if method == "POST" else None
            return client.request(method, path, headers=cookie, data=data).status_code

        assert client.get(LORD).status_code == 401
        assert status("read", "GET", LORD) == 200
        assert status("read", "POST", RATE) == 403
        assert status("write", "POST", RATE) == 303
        assert status("write", "GET", "/operators") == 403
        assert status("admin", "GET", "/operators") == 200
        # What another site's page makes a browser send does nothing, and the API knows no cookie.
        assert status("write", "POST", RATE, origin="https://evil.example") == 403
        assert status("write", "POST", RATE, **{"sec-fetch-site": "cross-site"}) == 403
        assert status("admin", "GET", "/v1/search?q=lord") == 401
        assert client.get("/static/page.css").status_code == 200
        assert client.get("/static/..%2fmount.py").status_code == 404


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("how long is Willow", "Willow (1988) is 126 minutes long"),
        ("the longest fantasy film", "1 film</h2>"),
        ("how many dramas are there from 2005", "2 films.</p>"),
        ("french dramas", "Left out: “french”: films have no country"),
        ("hello", "Nothing was searched."),
    ],
)
def test_whatever_is_asked_in_plain_words_is_answered_on_the_page(
    client: TestClient, asked: str, shown: str
) -> None:
    page = client.get("/ask", params={"q": asked}).text
    assert shown in page
    assert "No film fits this" not in page


def test_a_catalog_of_books_speaks_of_books_and_leaves_names_and_titles(
    films: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PALATE_ITEM_WORD", "book")
    get_settings.cache_clear()
    _templates.cache_clear()
    try:
        with films.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE movies SET title = 'Film of a lord' WHERE movie_id = 1"
            )
        with visitor(films, settings) as client:
            page = client.get(LORD).text
            assert "mark books I rated" in page
            assert "Film of a lord" in page
            assert 'class="films"' in page
            gone = client.get("/v1/movies/999").json()["detail"]
            assert gone.startswith("There is no book 999")
            asked = {"q": "lord", "genres": "Nosuch"}
            noted = client.get("/v1/search", params=asked).json()["query"]["notes"]
            assert noted == client.get("/v1/recommend", params=asked).json()["notes"]
            assert noted[0].startswith("No book is of the genre 'Nosuch'.")
            fact = Fact("this film", "this film stands", "2 places higher", "your taste")
            assert str(fact) == "this book stands 2 places higher"
    finally:
        monkeypatch.delenv("PALATE_ITEM_WORD")
        get_settings.cache_clear()
        _templates.cache_clear()


def test_fields_of_ones_own_are_counted_and_filter_on_the_page(
    films: Database, settings: Settings
) -> None:
    for name, kind, filtered in (("country", "text[]", True), ("units", "integer", True),
                                 ("shelf", "text", False)):  # fmt: skip
        field = make_field(
            name, type_of(kind), filtered=filtered, facet=True, searched=False, boost=None
        )
        add_field(films, field, frozenset())
    said = json.dumps({"country": ['New "Old" Zealand'], "units": 7, "shelf": "A1"})
    with films.begin() as connection:
        connection.exec_driver_sql("UPDATE movies SET own = %s WHERE movie_id = 1", (said,))
    with visitor(films, settings) as client:
        page = client.get("/?q=lord").text
        boxes = re.findall(r'name="filter" value="([^"]+)"', page)
        assert [html.unescape(box) for box in boxes] == [
            'country:"New \\"Old\\" Zealand"', "units:7"
        ]  # fmt: skip
        assert "A1 <span" in page, "what is no filter is counted all the same"
        for box in boxes:
            one = client.get("/", params={"q": "lord", "filter": html.unescape(box)}).text
            assert "1 films" in one
            assert f'value="{box}" checked' in one
        none = client.get("/?q=lord&filter=units:8").text
        assert 'value="units:8" checked' in none
        assert client.get("/?q=lord&filter=units:(").status_code == 400


@given(
    st.builds(
        SearchState,
        q=st.text(max_size=20).filter(lambda text: not set(text) & set("\ud800")),
        user_id=st.none() | st.text("ab@.1é", min_size=1, max_size=9),
        k=st.integers(1, 50),
        preset=st.sampled_from(["stored", "own", *PRESETS]),
        bm25=st.none() | st.floats(0, 1),
        genres=st.lists(st.sampled_from(["Fantasy", "Film-Noir"]), max_size=2).map(tuple),
        filter=st.lists(st.sampled_from(["units:7", 'country:"A"']), max_size=2).map(tuple),
        year_from=st.none() | st.integers(0, 9999),
    )
)
def test_an_address_holds_the_whole_state(state: SearchState) -> None:
    assert SearchState.read(state.query().encode()) == state


def test_every_part_that_was_understood_can_be_taken_away() -> None:
    whole = Structure(
        text="heist",
        genres=("Thriller", "Crime"),
        moods=("dark",),
        people=(Person(name="Al Pacino"),),
        ranges={"year": Span(low=1990, high=1999)},
        audience="adults",
        exclude=Exclusions(people=(Person(name="Tom Hanks"),), genres=("Comedy",)),
    )
    keys = [chip.key for chip in chips(whole)]
    assert len(set(keys)) == 9
    for key in keys:
        assert {chip.key for chip in chips(without(whole, {key}))} == set(keys) - {key}
    assert chips(without(whole, set(keys))) == []


def test_the_bar_of_a_score_is_as_long_as_its_share_of_the_widest() -> None:
    made = bars({"bm25": 0.3, "content": 0.2, "popularity": 0.0}, widest=1.0)
    assert [(bar["name"], bar["x"], bar["width"]) for bar in made] == [
        ("text", 0.0, 30.0), ("taste", 30.0, 20.0),
    ]  # fmt: skip


def test_recommendations_go_on_and_say_where_they_come_from(client: TestClient) -> None:
    def near_taste(address: str) -> str:
        whole = client.get(address).text
        return re.split(r'<section aria-labelledby="(?:because|crowd)"', whole)[0]

    first = near_taste(f"/recommend?user_id={FANTASY_LOVER}")
    assert "from ann" in first or "from recent" in first
    [more] = re.findall(r'class="more" href="([^"]+)"', first)
    pages = first, near_taste(html.unescape(more))
    shown = [set(re.findall(r'data-movie="(\d+)"', page)) for page in pages]
    assert shown[1]
    assert not shown[0] & shown[1]
