"""Synonyms, pins and hides: in effect at the next search, on every engine."""

import json
from collections.abc import Iterator

import pytest

from palate.contract import Pin, Rules, SearchRequest, Synonym
from palate.errors import MisuseError
from palate.settings import Settings
from rerank.search import Searcher
from search.rules import parse_rules, read_rules, write_rules
from sql.database import Database
from sql.embedded import EmbeddedServer
from tests.engine.conftest import ENGINES, add_films, engine_database
from tests.engine.test_postgres import film
from tests.engine.test_titles import found

NONE = Rules()


@pytest.fixture(params=ENGINES)
def ruled(
    request: pytest.FixtureRequest, server: EmbeddedServer, settings: Settings
) -> Iterator[Database]:
    with engine_database(request.param, server, settings) as database:
        titles = ["Science Fiction Theatre", "Sci-Fi Story", "King", "King Kong", "World War II"]
        add_films(database, [film(i, title=title) for i, title in enumerate(titles, 1)])
        yield database


def ids(database: Database, q: str) -> list[int]:
    return [hit.movie_id for hit in Searcher(database).search(SearchRequest(q=q)).hits]


def test_synonyms_are_searched_for_as_well_and_said(ruled: Database) -> None:
    assert ids(ruled, "sci fi") == [2]
    write_rules(ruled, Rules(synonyms=(Synonym(phrase="Sci-Fi", other="science fiction"),)))
    answer = Searcher(ruled).search(SearchRequest(q="sci fi"))
    assert [hit.movie_id for hit in answer.hits] == [2, 1]
    assert answer.query.notes == ("Also searched for: science fiction (synonyms).",)
    assert set(ids(ruled, "science fiction")) == {1, 2}


def test_a_synonym_of_one_way_goes_one_way(ruled: Database) -> None:
    one = Synonym(phrase="ww2", other="world war ii", both_ways=False)
    write_rules(ruled, Rules(synonyms=(one,)))
    assert ids(ruled, "ww2") == [5]
    assert Searcher(ruled).search(SearchRequest(q="world war ii")).query.notes == ()


def test_a_pinned_film_stands_first_and_a_hidden_one_nowhere(ruled: Database) -> None:
    assert found(ruled, "king")[0][0] == 3
    pins = (
        Pin(query="KING!", movie_id=5, place=2),
        Pin(query="king", movie_id=4, place=1),
        Pin(query="king", movie_id=3),
    )
    write_rules(ruled, Rules(pins=pins))
    assert [movie_id for movie_id, _ in found(ruled, "king")] == [4, 5]
    hits = Searcher(ruled).search(SearchRequest(q="King")).hits
    assert [(hit.movie_id, hit.pinned) for hit in hits] == [(4, True), (5, True)]
    assert 3 in ids(ruled, "king kong OR king")
    write_rules(ruled, NONE)
    assert found(ruled, "king")[0][0] == 3


def test_filters_hold_for_pinned_films(ruled: Database) -> None:
    write_rules(ruled, Rules(pins=(Pin(query="king", movie_id=5, place=1),)))
    request = SearchRequest(q="king", genres=("Western",))
    assert Searcher(ruled).search(request).hits == ()


def test_what_was_loaded_is_what_is_shown(ruled: Database) -> None:
    rules = Rules(
        synonyms=(Synonym(phrase="sci fi", other="science fiction"),),
        pins=(Pin(query="king", movie_id=4, place=1), Pin(query="king", movie_id=3)),
    )
    write_rules(ruled, rules)
    assert read_rules(ruled) == rules
    assert parse_rules(rules.model_dump_json()) == rules


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"pins": [{"query": "king", "movie_id": 99}]}, "no film 99"),
        ({"pins": [{"query": "", "movie_id": 1}]}, "pins.0.query"),
        ({"pins": [{"query": "a", "movie_id": 1}] * 2}, "film 1 twice"),
        ({"synonyms": [{"phrase": "a b", "other": "A-B"}]}, "stands for itself"),
        (
            {"synonyms": [{"phrase": "a", "other": "b"}, {"phrase": "b", "other": "a"}]},
            "synonyms twice",
        ),
        ({"anything": 1}, "anything"),
    ],
)
def test_rules_that_cannot_be_are_refused_and_change_nothing(
    ruled: Database, rules: dict[str, object], said: str
) -> None:
    kept = write_rules(ruled, Rules(pins=(Pin(query="king", movie_id=4, place=1),)))
    with pytest.raises(MisuseError, match=said):
        write_rules(ruled, parse_rules(json.dumps(rules)))
    assert read_rules(ruled) == kept
