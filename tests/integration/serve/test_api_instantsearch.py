"""Requests and answers as InstantSearch widgets have them."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from sql.database import Database
from tests.integration.serve.apis import FANTASY_LOVER

TAGS = {"highlightPreTag": "__ais-highlight__", "highlightPostTag": "__/ais-highlight__"}


def ask(client: TestClient, index: str = "movies", **params: Any) -> dict[str, Any]:
    sent = {"requests": [{"indexName": index, "params": params}]}
    answer = client.post("/v1/instantsearch", json=sent)
    assert answer.status_code == 200, answer.text
    [result] = answer.json()["results"]
    made: dict[str, Any] = result
    return made


def titles(result: dict[str, Any]) -> list[str]:
    return [hit["title"] for hit in result["hits"]]


def test_text_finds_films_page_by_page_with_what_was_found_marked(client: TestClient) -> None:
    pages = [ask(client, query="lord", page=page, hitsPerPage=3, **TAGS) for page in (0, 1, 2)]
    assert [len(page["hits"]) for page in pages] == [3, 1, 0]
    assert {(page["nbHits"], page["nbPages"]) for page in pages} == {(4, 2)}
    alone = client.get("/v1/search?q=lord").json()
    assert titles(pages[0]) + titles(pages[1]) == [hit["title"] for hit in alone["hits"]]
    first = pages[0]["hits"][0]
    assert first["objectID"] == str(first["movie_id"])
    marked = first["_highlightResult"]["title"]
    assert "__ais-highlight__Lord__/ais-highlight__" in marked["value"]
    assert (marked["matchLevel"], marked["matchedWords"]) == ("partial", ["Lord"])


def test_marked_text_is_text_which_the_widget_escapes(client: TestClient, films: Database) -> None:
    title = "Quill & <b>Quire</b>"
    client.put("/v1/movies/300", json={"title": title, "overview": "a & b"})
    [hit] = ask(client, query="quill", **TAGS)["hits"]
    marked = hit["_highlightResult"]["title"]["value"]
    assert marked.replace("__ais-highlight__", "").replace("__/ais-highlight__", "") == title
    assert hit["_highlightResult"]["director"]["value"] == ""
    client.delete("/v1/movies/300?history=erase")


def test_without_text_all_films_come_in_an_order(client: TestClient) -> None:
    found = ask(client, index="movies:year:desc", hitsPerPage=2, page=1)
    listed = client.get("/v1/movies?sort=year&direction=desc&k=2&offset=2").json()
    assert titles(found) == [film["title"] for film in listed["movies"]]
    assert (found["nbHits"], found["nbPages"]) == (12, 6)
    newest = ask(client, index="movies:year:desc", query="lord")
    assert [hit["year"] for hit in newest["hits"]] == sorted(
        (hit["year"] for hit in newest["hits"]), reverse=True
    )


def test_facets_count_and_narrow(client: TestClient) -> None:
    found = ask(client, query="lord", facets=["genres", "year"], hitsPerPage=0)
    assert found["hits"] == []
    assert found["facets"]["genres"]["Drama"] >= 1
    assert found["facets_stats"]["year"]["min"] == 1978
    crime = ask(client, facetFilters=[["genres:Crime", "genres:Romance"]], hitsPerPage=20)
    assert set(titles(crime)) >= {"Heat", "Casino", "Amélie"}
    assert titles(ask(client, facetFilters=["genres:Crime", "genres:-Drama"], query="heat")) == [
        "Heat"
    ]
    years = ask(client, numericFilters=["year>=1990", "year<2000", ["year=1995", "year=1999"]])
    assert {hit["year"] for hit in years["hits"]} == {1995, 1999}
    assert ask(client, facetFilters="decade:1990s")["nbHits"] == years["nbHits"]
    assert ask(client, numericFilters="year:1990 TO 1999")["nbHits"] == years["nbHits"]
    assert len(ask(client, facets="*", maxValuesPerFacet=2)["facets"]["genres"]) == 2


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ("genres:Drama", {"Lord of War", "Lords of Dogtown", "Casino"}),
        ('genres:Crime AND (year > 2005 OR NOT director:"Andrew Niccol")',
         {"Heat", "Casino", "The Dark Knight"}),
        ("year:1978 TO 1982 OR decade:1980s",
         {"The Lord of the Rings", "The Dark Crystal", "Willow"}),
        ("year>2001 AND NOT year<2008 AND year != 2020", {"The Dark Knight"}),
        ("'genres':'Sci-Fi'", {"The Matrix"}),
        ("  ", None),
    ],
)  # fmt: skip
def test_filters_are_read_as_a_text(
    client: TestClient, filters: str, found: set[str] | None
) -> None:
    shown = set(titles(ask(client, filters=filters)))
    assert shown >= {"Heat", "Willow"} if found is None else shown == found


@pytest.mark.parametrize(
    ("filters", "told"),
    [
        ("price > 3", "'price' is no column"),
        ("_tags:new", "'_tags' is no column"),
        ("genres:Drama AND new", "at character 17, 'new'"),
        ("genres:Drama AND year > 1990 OR year < 1980", "set ( )"),
        ("(genres:Drama", "cannot be read"),
        ("genres:Drama)", "none opens"),
        ("genres:Drama AND", "cannot be read"),
        ('genres:"Drama', "at character 0"),
        ("year > 199x", "at character 0"),
        ("genres:Drama OR *) OR (title:lord", "cannot be read"),
    ],
)
def test_filters_that_cannot_be_meant_are_refused_with_their_place(
    client: TestClient, filters: str, told: str
) -> None:
    sent = {"requests": [{"params": {"filters": filters}}]}
    refused = client.post("/v1/instantsearch", json=sent)
    assert refused.status_code == 400, refused.text
    assert told in refused.json()["detail"]


def test_a_value_is_no_query(client: TestClient) -> None:
    for value in ('x" OR genres:"Crime', "x\\", "Crime) OR (genres:Drama"):
        assert ask(client, facetFilters=[f"genres:{value}"])["nbHits"] == 0


def test_values_of_a_column_are_found_by_a_part(client: TestClient) -> None:
    for asked in (
        {"type": "facet", "facet": "genres", "params": {"facetQuery": "fan", **TAGS}},
        {"params": {"facetName": "genres", "facetQuery": "fan", **TAGS}},
    ):
        [found] = client.post("/v1/instantsearch", json={"requests": [asked]}).json()["results"]
        [value] = found["facetHits"]
        assert value["value"] == "Fantasy"
        assert value["highlighted"] == "__ais-highlight__Fan__/ais-highlight__tasy"
        assert value["count"] > 1


def test_a_users_taste_takes_part_where_it_is_asked_for(client: TestClient) -> None:
    params: dict[str, Any] = {"query": "lord", "userToken": str(FANTASY_LOVER)}
    mine = titles(ask(client, enablePersonalization=True, **params))
    alone = client.get(f"/v1/search?q=lord&user_id={FANTASY_LOVER}").json()["hits"]
    assert mine == [hit["title"] for hit in alone]
    assert titles(ask(client, **params)) != mine


def test_clicks_and_conversions_become_feedback(client: TestClient, films: Database) -> None:
    found = ask(client, query="lord")
    event = {"eventName": "e", "index": "movies", "queryID": found["queryID"],
             "userToken": "ann@example.org"}  # fmt: skip
    shown = [hit["objectID"] for hit in found["hits"][:2]]
    events = [
        {**event, "eventType": "view", "objectIDs": shown},
        {**event, "eventType": "click", "objectIDs": shown[:1], "positions": [1]},
        {**event, "eventType": "conversion", "objectIDs": shown[:1]},
        {"eventType": "click", "objectIDs": ["1"]},
    ]
    report = client.post("/v1/instantsearch/events", json={"events": events}).json()
    assert (report["accepted"], report["refused"]) == (4, [])
    with films.read() as connection:
        kept = connection.exec_driver_sql(
            "SELECT kind, position FROM feedback WHERE answer_id = %s AND movie_id = %s ORDER BY 1",
            (found["queryID"], int(shown[0])),
        ).all()
    assert [tuple(row) for row in kept] == [("click", 1), ("impression", None), ("play", None)]


@pytest.mark.parametrize(
    ("params", "index", "told"),
    [({"facets": ["colour"]}, "movies", "no column"), ({"hitsPerPage": 500}, "movies", "at most"),
     ({"numericFilters": ["year~3"]}, "movies", "no condition"),
     ({"facetFilters": ["colour:red"]}, "movies", "no column"),
     ({}, "movies:colour:desc", "names no order")],
)  # fmt: skip
def test_what_is_not_understood_is_said(
    client: TestClient, params: dict[str, Any], index: str, told: str
) -> None:
    sent = {"requests": [{"indexName": index, "params": params}]}
    refused = client.post("/v1/instantsearch", json=sent)
    assert refused.status_code == 400
    assert told in refused.json()["detail"]
