"""What ParadeDB itself answered on MovieLens, asked of the `postgres` engine.

The real answers and the data are not part of the project; where they lie beside it, this runs.
"""

import csv
import re
from collections.abc import Iterator
from typing import Any

import pytest

from palate.settings import Settings
from search.query import parse
from sql.database import Database
from sql.embedded import EmbeddedServer
from sql.syntax import Match, Node
from tests.conftest import DATA
from tests.engine.conftest import add_films, engine_database, matches, read_films, run
from tests.engine.reference import Film
from tests.unit.sql.test_compile import BY_HAND, VERIFIED, verified

FOLDER = DATA / "ml-latest-small"
WITHIN = 0.01
"""ParadeDB keeps lengths of texts in one byte, so scores differ a little."""

pytestmark = pytest.mark.skipif(
    not (VERIFIED.exists() and FOLDER.is_dir()),
    reason="paradedb-verified.json and ml-latest-small are not beside the project",
)


@pytest.fixture(scope="module")
def raw_movielens(server: EmbeddedServer, settings: Settings) -> Iterator[Database]:
    """Films with titles as movies.csv has them, without the year."""
    with engine_database("postgres", server, settings) as database:
        add_films(database, read_movielens())
        yield database


def read_movielens() -> list[Film]:
    empty = dict.fromkeys(read_films()[0]) | {"actors": [], "keywords": [], "rating_count": 0}
    with (FOLDER / "links.csv").open(encoding="utf-8", newline="") as file:
        links = {row["movieId"]: row for row in csv.DictReader(file)}
    with (FOLDER / "movies.csv").open(encoding="utf-8", newline="") as file:
        return [{**empty, **_film(row, links[row["movieId"]])} for row in csv.DictReader(file)]


def _film(row: dict[str, str], link: dict[str, str]) -> Film:
    found = re.fullmatch(r"(.*?)\s*\((\d{4})\)\s*", row["title"])
    return {
        "movie_id": int(row["movieId"]),
        "title": found[1] if found else row["title"],
        "year": int(found[2]) if found else None,
        "genres": row["genres"].split("|"),
        "imdb_id": link["imdbId"],
        "tmdb_id": int(link["tmdbId"]) if link["tmdbId"] else None,
    }


@pytest.mark.parametrize("entry", verified(), ids=lambda entry: entry["query"])
def test_answers_are_those_of_paradedb(raw_movielens: Database, entry: dict[str, Any]) -> None:
    if entry["query"].startswith("title_prefix"):
        pytest.skip("title_prefix is a column of ParadeDB's index")
    tree = BY_HAND.get(entry["query"]) or parse(entry["query"]).tree
    query = raw_movielens.search_engine.compile(tree).query

    assert len(matches(raw_movielens, query)) == entry["count"]
    for (movie_id, score), (real_id, _, real_score) in zip(
        run(raw_movielens, query, n=3), entry["top"], strict=False
    ):
        assert movie_id == real_id
        assert score == pytest.approx(real_score, rel=WITHIN)


def test_the_best_field_counts_and_the_others_a_little(raw_movielens: Database) -> None:
    query = {
        "words": [
            {
                "kind": "match",
                "text": "fantasy",
                "fields": {"title": 3.0, "genres": 1.0},
                "tie": 0.1,
            }
        ],
        "match": [0],
    }
    assert len(matches(raw_movielens, query)) == 779
    best = [(161594, 22.498), (4446, 20.258), (37830, 20.258)]
    for (movie_id, score), (real_id, real_score) in zip(
        run(raw_movielens, query, n=3), best, strict=True
    ):
        assert movie_id == real_id
        assert score == pytest.approx(real_score, rel=WITHIN)


@pytest.mark.parametrize(
    ("tree", "count"),
    [(Match("title", "amélie"), 1), (Match("genres", "SCI-FI"), 980), (Match("imdb_id", "0"), 0)],
)
def test_case_and_accents_do_not_count(raw_movielens: Database, tree: Node, count: int) -> None:
    query = raw_movielens.search_engine.compile(tree).query
    assert len(matches(raw_movielens, query)) == count
