"""The whole way on every engine: the sample loaded, profiles, search, pages, facets, roles."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy

from ingest.embedding_sets import load_embeddings
from ingest.load import load
from ingest.sources.sample import sample
from palate.contract import SearchRequest, SearchResponse
from palate.settings import Settings
from palate.statements import raw
from rerank.people import forget
from rerank.profile import rate
from rerank.search import Searcher
from search.catalog import suggest
from search.query import parse
from serve.doctor import run_checks
from sql.backup import backup, restore
from sql.database import Database
from sql.embedded import EmbeddedServer
from sql.migrate import migrate
from sql.syntax import Nothing
from test_users.check import check_tasters
from test_users.tasters import create_tasters
from tests.conftest import SAMPLES, cloned
from tests.engine.conftest import ENGINES, matches, paradedb_database, statements

LOVER, HATER = 20001, 20002


@contextmanager
def loaded(
    name: str, server: EmbeddedServer, settings: Settings, template: str
) -> Iterator[Database]:
    """The sample and the tasters on one engine."""
    if name == "postgres":
        with cloned(server, settings, template) as database:
            create_tasters(database)
            yield database
        return
    with paradedb_database(settings) as database:
        migrate(database)
        with sample() as source:
            load(database, source)
        load_embeddings(database, SAMPLES / "embeddings.npz")
        create_tasters(database)
        with database.read() as connection:
            connection.execute(statements["vacuum"])
        yield database


@pytest.fixture(scope="module", params=ENGINES)
def whole(
    request: pytest.FixtureRequest, server: EmbeddedServer, settings: Settings, sample_template: str
) -> Iterator[Database]:
    with loaded(request.param, server, settings, sample_template) as database:
        assert database.search_engine.name == request.param
        yield database


@pytest.fixture(scope="module")
def searcher(whole: Database) -> Searcher:
    return Searcher(whole)


def ids(response: SearchResponse) -> list[int]:
    return [hit.movie_id for hit in response.hits]


def test_the_tasters_differ(whole: Database) -> None:
    report = check_tasters(whole)
    assert report.passed, report


@pytest.mark.parametrize("q", ["lord", "dark night", "genres:Drama AND year:>1999", "*", "zzzz"])
@pytest.mark.parametrize("user_id", [None, LOVER, HATER])
def test_every_score_is_accounted_for(searcher: Searcher, q: str, user_id: int | None) -> None:
    response = searcher.search(SearchRequest(q=q, user_id=user_id, k=30))
    assert bool(response.hits) == (q != "zzzz")
    for hit in response.hits:
        assert sum(hit.contributions.values()) == pytest.approx(hit.score, abs=1e-6)


def test_at_psql_as_in_the_service(whole: Database, searcher: Searcher) -> None:
    response = searcher.search(SearchRequest(q="lord", user_id=LOVER))
    with whole.read() as connection:
        rows = connection.execute(statements["at_psql"], {"q": "lord", "user": LOVER}).all()
    assert [row.movie_id for row in rows] == ids(response)
    assert [row.score for row in rows] == pytest.approx(
        [hit.score for hit in response.hits], abs=1e-4
    )


def test_seen_films_are_dropped_before_the_limit(searcher: Searcher) -> None:
    kept = searcher.search(SearchRequest(q="king", user_id=LOVER))
    dropped = searcher.search(SearchRequest(q="king", user_id=LOVER, seen="drop"))
    assert any(hit.seen for hit in kept.hits)
    assert len(dropped.hits) == 10
    assert not any(hit.seen for hit in dropped.hits)


def test_pages_walk_the_order_once(searcher: Searcher) -> None:
    request = SearchRequest(q="king", user_id=LOVER, k=7)
    whole = ids(searcher.search(request.model_copy(update={"k": 28})))
    seen: list[int] = []
    for _ in range(4):
        response = searcher.search(request)
        seen += ids(response)
        request = request.model_copy(update={"cursor": response.next_cursor})
    assert seen == whole


def test_facets_count_every_match(searcher: Searcher) -> None:
    response = searcher.search(SearchRequest(q="genres:Western", facets=True))
    assert response.facets is not None
    assert response.facets.genres["Western"] == response.total
    assert sum(response.facets.decades.values()) == response.total


def test_filters_narrow_before_the_limit(searcher: Searcher) -> None:
    response = searcher.search(
        SearchRequest(q="love", genres=["Comedy"], year_from=1990, year_to=1999, k=20)
    )
    assert len(response.hits) > 3
    assert all("Comedy" in hit.genres for hit in response.hits)
    assert all(1990 <= (hit.year or 0) <= 1999 for hit in response.hits)


def test_a_new_rating_is_in_the_next_search(whole: Database, searcher: Searcher) -> None:
    request = SearchRequest(q="king", user_id=4711, k=30)
    assert not searcher.search(request).personalized
    film = searcher.search(request).hits[3]
    rate(whole, 4711, film.movie_id, 5)
    after = searcher.search(request)
    assert after.personalized
    assert next(hit.rating for hit in after.hits if hit.movie_id == film.movie_id) == 5
    forget(whole, 4711)


def test_a_changed_title_is_found(whole: Database, searcher: Searcher) -> None:
    with whole.begin() as connection:
        movie_id = connection.execute(statements["add_unseen"]).scalar_one()
    try:
        assert ids(searcher.search(SearchRequest(q="quixotryx"))) == [movie_id]
        with whole.begin() as connection:
            connection.execute(statements["rename"], {"id": movie_id, "title": "Zyzzyvalon"})
        assert searcher.search(SearchRequest(q="quixotryx")).hits == ()
        assert ids(searcher.search(SearchRequest(q="zyzzyvalon"))) == [movie_id]
    finally:
        with whole.begin() as connection:
            connection.execute(statements["remove"], {"id": movie_id})
    assert not searcher.search(SearchRequest(q="zyzzyvalon")).hits


def test_titles_are_suggested(whole: Database) -> None:
    assert "The Lord of the Rings" in suggest(whole, "lord of the ri", 5)[0].title


def test_paradedb_reads_only_the_best(whole: Database) -> None:
    if whole.search_engine.name != "paradedb":
        pytest.skip("TopN is ParadeDB's")
    query = json.dumps(whole.search_engine.compile(parse("lord").tree).query)
    with whole.read() as connection:
        plan = "\n".join(connection.execute(statements["plan"], {"query": query}).scalars())
    assert re.search("Top[NK]ScanExecState", plan), plan  # TopK in later versions


ASKED = ["lord", "dark knight", "zzzunknown lord", "zzzunknown", "genres:Fantasy", "king", "*"]


@pytest.mark.parametrize("name", ["search_columns", "order_columns"])
def test_queries_and_users_may_be_columns_of_a_table(whole: Database, name: str) -> None:
    asked = [
        {"query": json.dumps(query.query), "loose": query.loose and json.dumps(query.loose)}
        | {"user": user}
        for query in (whole.search_engine.compile(parse(text).tree) for text in ASKED)
        for user in (LOVER, HATER, None)
    ]
    columns = {key: [one[key] for one in asked] for key in ("query", "loose", "user")}
    with whole.read() as connection:
        together = connection.execute(statements[name], columns).all()
        for number, one in enumerate(asked, 1):
            alone = connection.execute(statements["search_alone"], one).all()
            assert [tuple(row)[1:] for row in together if row.number == number] == alone
    assert any(row.relaxed for row in together)


@pytest.mark.parametrize("genre", [None, "Comedy"])
def test_recommended_films_are_new_and_match_the_filter(whole: Database, genre: str | None) -> None:
    tree = None if genre is None else parse(f"genres:{genre}").tree
    query = None if tree is None else json.dumps(whole.search_engine.compile(tree).query)
    with whole.read() as connection:
        rated = set(connection.execute(statements["rated"], {"user": LOVER}).scalars())
        parameters = {"user": LOVER, "filter": query}
        rows = connection.execute(statements["recommended"], parameters).all()
    assert len(rows) == 20
    assert not rated & {row.movie_id for row in rows}
    assert all(genre is None or genre in row.genres for row in rows)


def test_films_near_in_meaning_match_the_filter(whole: Database) -> None:
    engine = whole.search_engine
    parameters = {
        "query": json.dumps(engine.compile(Nothing()).query),
        "filter": json.dumps(engine.compile(parse("genres:Comedy").tree).query),
        "movie_id": 1,
    }
    with whole.read() as connection:
        rows = connection.execute(statements["near_in_meaning"], parameters).all()
    assert len(rows) == 10
    assert all("Comedy" in row.genres for row in rows)


def test_who_may_only_read_may_search(whole: Database) -> None:
    with whole.begin() as connection:
        raw(connection).execute("SET LOCAL ROLE palate_read")
        rows = connection.execute(statements["at_psql"], {"q": "lord", "user": LOVER}).all()
        assert len(rows) == 10
        for name in ("remove", "feedback"):
            with (
                pytest.raises(sqlalchemy.exc.ProgrammingError, match="permission denied"),
                connection.begin_nested(),
            ):
                connection.execute(statements[name], {"id": 1})


def test_migrating_again_changes_nothing(whole: Database) -> None:
    assert migrate(whole) == []


def test_the_doctor_has_no_complaint(whole: Database, settings: Settings) -> None:
    assert [check for check in run_checks(whole, settings) if check.status == "fail"] == []


def test_paradedb_follows_replaced_and_restored_films(settings: Settings, tmp_path: Path) -> None:
    with paradedb_database(settings) as database, sample() as source:
        migrate(database)
        load(database, source)
        query = database.search_engine.compile(parse("title:lord").tree).query
        found = matches(database, query)
        assert found
        load(database, source, replace=True)
        assert matches(database, query) == found
        backup(database, tmp_path / "films.zip", "csv")
        restore(database, tmp_path / "films.zip", replace=True)
        assert matches(database, query) == found
        checks = {check.name: check for check in run_checks(database, settings)}
        assert checks["search index"].status == "ok"
