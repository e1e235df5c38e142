"""Recommendations from several sources, each named, and scores that add up."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from palate.settings import Settings
from sql.database import Database
from sql.embedded import EmbeddedServer
from tests.conftest import cloned
from tests.integration.rerank.test_events import (
    CASINO, CRYSTAL, HEAT, ILLUSIONS, KNIGHT, MATRIX, RING, WILLOW, add, ask,
)  # fmt: skip
from tests.integration.serve.apis import load_films

PARTS = ("bm25", "content", "collaborative", "popularity", "trending", "vote", "novelty", "alike")


@pytest.fixture
def films(server: EmbeddedServer, settings: Settings, empty_template: str) -> Iterator[Database]:
    with cloned(server, settings, empty_template) as database:
        load_films(database)
        yield database


def recommend(database: Database, arguments: str, **values: Any) -> dict[int, dict[str, Any]]:
    """The films by id, in order, as rows of recommend()."""
    found = ask(database, f"SELECT to_jsonb(r) FROM recommend({arguments}) r ORDER BY rank", *values)
    return {row["movie_id"]: row for (row,) in found}


def test_every_film_says_its_sources_and_adds_up(films: Database) -> None:
    found = recommend(films, "1, k => 20")
    assert set(found[RING]["sources"]) == {"ann", "popularity", "recent", "vote"}
    for row in found.values():
        assert sum(row[f"{part}_contribution"] for part in PARTS) == pytest.approx(row["score"])
    order = [row["score"] for row in found.values()]
    assert order == sorted(order, reverse=True)
    assert not {CRYSTAL, WILLOW, HEAT} & set(found), "rated"


def test_without_history_popular_and_trending_films_come(films: Database) -> None:
    for user in range(50, 54):
        add(films, user, {"type": "watched", "movie_id": KNIGHT})
    ask(films, "SELECT refresh_stats()")
    for user in ("NULL", "999"):
        found = recommend(films, f"{user}, k => 20")
        assert "trending" in found[KNIGHT]["sources"]
        assert found[KNIGHT]["trending_contribution"] > 0
        assert not any(row["personalized"] for row in found.values())
    weighed = recommend(films, """NULL, weights => '{"trending": 5}'""")
    assert next(iter(weighed)) == KNIGHT


def test_one_event_is_personal(films: Database) -> None:
    add(films, 7, {"type": "liked", "movie_id": CASINO})
    found = recommend(films, "7, k => 20")
    assert all(row["personalized"] for row in found.values())
    assert "ann" in found[HEAT]["sources"]
    heat, ring = found[HEAT]["content"], found[RING]["content"]
    assert heat > ring


def test_films_that_are_given_are_a_source_and_are_not_recommended(films: Database) -> None:
    found = recommend(films, f"NULL, alike_to => ARRAY[{CASINO}, {HEAT}]::bigint[], k => 20")
    assert not {CASINO, HEAT} & set(found)
    assert "alike" in found[KNIGHT]["sources"]
    assert found[KNIGHT]["alike"] > found[RING]["alike"]


def test_a_text_is_a_source(films: Database) -> None:
    found = recommend(films, "NULL, query => parse_query('lord'), k => 20")
    assert "query" in found[RING]["sources"]
    assert found[RING]["bm25_contribution"] > 0 == found[MATRIX]["bm25_contribution"]


def test_filters_and_exclusions_hold_for_every_source(films: Database) -> None:
    filtered = recommend(
        films, "7, filter => parse_query('genres:Fantasy'), query => parse_query('lord'), k => 20"
    )
    assert set(filtered) == {RING, ILLUSIONS, CRYSTAL, WILLOW}
    excluded = recommend(films, f"7, exclude => ARRAY[{RING}]::bigint[], k => 20")
    assert RING not in excluded


def test_weights_are_those_of_the_row_or_the_call(films: Database) -> None:
    ((stored,),) = ask(films, "SELECT mixer_weights()")
    assert stored["content"] == 0.5, "as in the blend"
    ask(films, "UPDATE mixer SET content = 2, novelty = 1")
    ((mixed,),) = ask(films, "SELECT mixer_weights(%s)", json.dumps({"vote": 3}))
    assert (mixed["content"], mixed["novelty"], mixed["vote"]) == (2, 1, 3)
    with pytest.raises(Exception, match="unknown weights"):
        ask(films, "SELECT mixer_weights(%s)", json.dumps({"votes": 3}))
