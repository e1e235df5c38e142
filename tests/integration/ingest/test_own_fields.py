"""Fields of one's own: added, loaded, filtered, searched, counted, shown and taken away."""

import json
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from palate.contract import RecommendRequest, SearchRequest
from palate.errors import ConflictError, MisuseError, NotFoundError, QuerySyntaxError
from rerank.recommend import recommend
from rerank.search import Searcher
from search.catalog import get_movie
from serve.cli.main import app
from sql.database import Database

FILMS = """movie_id,title,year,Land,studio,price,units,classic
1,Amelie,2001,France|Germany,Canal Plus,9.99,3,yes
2,Das Boot,1981,Germany,Bavaria Film,4.5,10,no
3,Heat,1995,USA,Warner Bros,12,-2,no
4,Ran,1985,"['Japan', 'France']",Toho,,7,1
"""
FOUND = {
    "country:Germany": {1, 2},
    "country:germany AND price:>5": {1},
    "NOT country:France": {2, 3},
    "country:jap*": {4},
    "price:9.99": {1},
    "price:[4 TO 10]": {1, 2},
    "units:7": {4},
    "classic:true": {1, 4},
    "bavaria": {2},
    "studio:(warner bros)": {3},
    "countri:France": set(),
}


def palate(database: Database, folder: Path, command: str) -> str:
    """What a command prints, run in a folder."""
    environment = {"PALATE_DATABASE_URL": database.psql_url, "COLUMNS": "200"}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        done = CliRunner().invoke(
            app, shlex.split(command), env=environment, catch_exceptions=False
        )
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture
def shop(database: Database, tmp_path: Path) -> Path:
    """A folder with files, and a database with the fields of their columns."""
    (tmp_path / "films.csv").write_text(FILMS)
    (tmp_path / "stars.csv").write_text("user_id,movie_id,rating\n1,1,5\n1,2,4\n2,3,2\n")
    for field in (
        "country --type text[] --filter --facet",
        "studio --search --boost 1.5",
        "price --type numeric --filter",
        "units --type int --filter --facet",
        "classic --type bool --filter",
    ):
        palate(database, tmp_path, f"fields add {field}")
    load = "ingest table --movies films.csv --ratings stars.csv --column country=Land"
    said = palate(database, tmp_path, load)
    assert "column units left empty: 1 (first: line 4: '-2' is not from 0 to 10^18)" in said
    return tmp_path


def test_fields_are_filtered_searched_counted_and_shown(database: Database, shop: Path) -> None:
    searcher = Searcher(database)
    found = {q: searcher.search(SearchRequest(q=q, as_typed=True)) for q in FOUND}
    assert {q: {hit.movie_id for hit in one.hits} for q, one in found.items()} == FOUND
    with database.read() as connection:  # at psql
        for q in ("country:Germany", "price:[4 TO 10]", "bavaria"):
            rows = connection.exec_driver_sql("SELECT movie_id FROM search(%s)", (q,))
            assert set(rows.scalars()) == FOUND[q]
    request = SearchRequest(q="*", facets=True, filter=("country:France", "units:<5"))
    response = searcher.search(request)
    assert [hit.own for hit in response.hits] == [get_movie(database, 1).own]
    assert response.hits[0].own["price"] == 9.99
    assert response.facets is not None
    assert response.facets.own == {"country": {"France": 1, "Germany": 1}, "units": {"3": 1}}
    films = recommend(database, RecommendRequest(user_id=1, filter=("country:USA",))).movies
    assert [film.movie_id for film in films] == [3]
    with pytest.raises(QuerySyntaxError, match="did you mean “country”"):
        searcher.search(SearchRequest(q="*", filter=("contry:USA",)))


def test_a_newer_file_changes_what_it_says(database: Database, shop: Path) -> None:
    (shop / "more.csv").write_text("movie_id,country,price\n3,USA|Canada,\n4,,8\n")
    palate(database, shop, "ingest table --name csv --facts more.csv")
    assert get_movie(database, 3).own["country"] == ["USA", "Canada"]
    assert get_movie(database, 3).own["price"] == 12
    assert get_movie(database, 4).own["price"] == 8
    assert get_movie(database, 4).own["country"] == ["Japan", "France"]


def test_a_field_is_used_otherwise_and_taken_away(database: Database, shop: Path) -> None:
    palate(database, shop, "fields add studio --filter")
    listed = json.loads(palate(database, shop, "fields list --json"))
    assert [(one["name"], one["kind"], one["films"]) for one in listed] == [
        ("classic", "literal", 4), ("country", "literal", 4), ("price", "number", 3),
        ("studio", "literal", 4), ("units", "number", 3),
    ]  # fmt: skip
    palate(database, shop, "fields remove country --yes")
    assert "country" not in get_movie(database, 1).own
    searcher = Searcher(database)
    asked = ("bavaria", "country:France", 'studio:"bavaria film"')
    found = [searcher.search(SearchRequest(q=q, as_typed=True)).hits for q in asked]
    assert [[hit.movie_id for hit in hits] for hits in found] == [[], [], [2]]


def test_what_no_field_can_be_is_refused(database: Database, tmp_path: Path) -> None:
    for asked, said in (
        ("title --filter", "is a field of Palate's already"),
        ("budget --filter", "is a field of Palate's already"),
        ("Land --filter", "A name begins with a letter"),
        ("premiere --type date", "Types are text, text[]"),
        ("price --type numeric --search", "Only texts are searched by words"),
        ("studio --boost 2", "--boost is for fields that are searched"),
    ):
        with pytest.raises(MisuseError, match=re.escape(said)):
            palate(database, tmp_path, f"fields add {asked}")
    palate(database, tmp_path, "fields add price --type numeric")
    with pytest.raises(ConflictError, match="is there as numeric"):
        palate(database, tmp_path, "fields add price --type text")
    with pytest.raises(NotFoundError, match="no field nope"):
        palate(database, tmp_path, "fields remove nope --yes")


def test_inspect_maps_fields_and_says_how_to_keep_others(
    database: Database, tmp_path: Path
) -> None:
    (tmp_path / "films.csv").write_text(FILMS)
    palate(database, tmp_path, "fields add price --type numeric --filter")
    said = palate(database, tmp_path, "ingest inspect films.csv --write shop.json")
    assert "palate fields add land --type text[] --filter --facet" in said
    (part,) = json.loads((tmp_path / "shop.json").read_text())["parts"]
    assert part["columns"]["price"] == "price"
    palate(database, tmp_path, "ingest table --mapping shop.json")
    assert get_movie(database, 1).own == {"price": 9.99}
