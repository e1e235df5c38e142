"""Search on the sample: personal order, an exact account, and nobody loses a search."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ask.hint import hint
from palate.contract import COMPONENTS, LEVELS, SearchRequest, SearchResponse
from palate.errors import MisuseError, QuerySyntaxError
from rerank.events import add_events
from rerank.people import forget
from rerank.profile import rate
from rerank.search import Searcher
from search.catalog import suggest
from sql.database import Database

LOVER, HATER = 20001, 20002


@pytest.fixture(scope="module")
def searcher(sample_database: Database) -> Searcher:
    return Searcher(sample_database)


def ids(response: SearchResponse) -> list[int]:
    return [hit.movie_id for hit in response.hits]


def fantasy_places(response: SearchResponse) -> list[int]:
    return [hit.rank for hit in response.hits if "Fantasy" in hit.genres]


def test_a_lover_and_a_hater_see_different_pages(searcher: Searcher) -> None:
    for term in ("lord", "king"):
        plain = searcher.search(SearchRequest(q=term, k=30))
        lover = searcher.search(SearchRequest(q=term, k=30, user_id=LOVER))
        hater = searcher.search(SearchRequest(q=term, k=30, user_id=HATER))
        mean = [sum(p) / len(p) for p in map(fantasy_places, (lover, plain, hater))]
        assert mean[0] < mean[1] < mean[2]


@pytest.mark.parametrize("user_id", [None, LOVER, HATER, 1])
@pytest.mark.parametrize("q", ["lord", "dark night", "genres:Drama AND year:>1999", "*"])
def test_contributions_add_up_to_the_score(searcher: Searcher, q: str, user_id: int | None) -> None:
    response = searcher.search(SearchRequest(q=q, user_id=user_id, k=50))
    assert response.hits
    for rank, hit in enumerate(response.hits, 1):
        assert hit.rank == rank
        assert sum(hit.contributions.values()) == pytest.approx(hit.score, abs=1e-6)
        assert hit.moved == hit.unpersonalized_rank - hit.rank
        for name in COMPONENTS:
            component = hit.components[name]
            assert component is None or 0 <= component <= 1
            expected = response.weights[name] * (component or 0)
            assert hit.contributions[name] == pytest.approx(expected)
    places = [(LEVELS.index(hit.level), hit.score) for hit in response.hits]
    assert places == sorted(places, reverse=True)


def test_the_unpersonalised_rank_is_the_place_in_the_unpersonalised_search(
    searcher: Searcher,
) -> None:
    plain = ids(searcher.search(SearchRequest(q="king", k=60)))
    mine = searcher.search(SearchRequest(q="king", k=60, user_id=LOVER))
    assert [plain[hit.unpersonalized_rank - 1] for hit in mine.hits] == ids(mine)


def test_an_unknown_user_gets_the_unpersonalised_page_and_is_told(searcher: Searcher) -> None:
    plain = searcher.search(SearchRequest(q="king"))
    unknown = searcher.search(SearchRequest(q="king", user_id=123456789))
    assert unknown.hits == plain.hits
    assert not unknown.personalized
    assert "unknown" in (unknown.why_not_personalized or "")


def test_a_new_rating_is_in_the_next_search(sample_copy: Database) -> None:
    searcher = Searcher(sample_copy)
    request = SearchRequest(q="king", user_id=4711, k=30)
    before = searcher.search(request)
    assert not before.personalized
    lion_king = next(hit for hit in before.hits if hit.title == "The Lion King")
    rate(sample_copy, 4711, lion_king.movie_id, 5)
    after = searcher.search(request)
    assert after.personalized
    rated = next(hit for hit in after.hits if hit.movie_id == lion_king.movie_id)
    assert rated.rating == 5
    assert rated.rank <= lion_king.rank
    assert rated.components["content"] == max(hit.components["content"] or 0 for hit in after.hits)
    forget(sample_copy, 4711)
    assert not searcher.search(request).personalized


def test_a_film_without_a_vector_takes_part(sample_copy: Database) -> None:
    searcher = Searcher(sample_copy)
    first = searcher.search(SearchRequest(q="king", user_id=1)).hits[0]
    with sample_copy.begin() as connection:
        connection.exec_driver_sql(
            f"UPDATE movies SET embedding = NULL WHERE movie_id = {first.movie_id}"
        )
    hits = searcher.search(SearchRequest(q="king", user_id=1, k=60)).hits
    nearest = max(hit.components["content"] or 0 for hit in hits)
    without = next(hit for hit in hits if hit.movie_id == first.movie_id)
    assert without.components["content"] == pytest.approx(nearest / 2)


def test_seen_films_are_dropped_before_the_limit(searcher: Searcher) -> None:
    kept = searcher.search(SearchRequest(q="king", user_id=LOVER))
    dropped = searcher.search(SearchRequest(q="king", user_id=LOVER, seen="drop"))
    assert any(hit.seen for hit in kept.hits)
    assert len(dropped.hits) == 10
    assert not any(hit.seen for hit in dropped.hits)


def test_a_film_that_was_watched_is_seen_without_a_rating(sample_copy: Database) -> None:
    searcher = Searcher(sample_copy)
    request = SearchRequest(q="king", user_id=4711)
    film = searcher.search(request).hits[0].movie_id
    add_events(sample_copy, 4711, [{"type": "watched", "movie_id": film}])
    hits = {hit.movie_id: hit for hit in searcher.search(request).hits}
    assert [movie for movie, hit in hits.items() if hit.seen] == [film]
    assert hits[film].rating is None


def test_reasons_name_only_the_users_own_ratings(searcher: Searcher) -> None:
    lover = searcher.search(SearchRequest(q="lord", user_id=LOVER, explain="facts"))
    hater = searcher.search(SearchRequest(q="lord", user_id=HATER, explain="facts", k=20))
    assert any("because you gave 5.0 to" in r for hit in lover.hits for r in hit.reasons or ())
    lowered = [hit for hit in hater.hits if hit.moved < 0 and "Fantasy" in hit.genres]
    assert any("because you gave 1.0 to" in r for hit in lowered for r in hit.reasons or ())
    assert all(
        hit.reasons for hit in searcher.search(SearchRequest(q="lord", explain="facts")).hits
    )


def walk(searcher: Searcher, request: SearchRequest) -> Iterator[SearchResponse]:
    response = searcher.search(request)
    yield response
    while response.next_cursor:
        response = searcher.search(request.model_copy(update={"cursor": response.next_cursor}))
        yield response


def test_pages_walk_the_whole_order_once(searcher: Searcher) -> None:
    request = SearchRequest(q="king", user_id=LOVER, k=7)
    whole = searcher.search(SearchRequest(q="king", user_id=LOVER, k=100))
    pages = list(walk(searcher, request))
    assert [movie_id for page in pages for movie_id in ids(page)] == ids(whole)
    assert [hit.rank for page in pages for hit in page.hits] == list(range(1, len(whole.hits) + 1))


def test_pages_neither_repeat_nor_skip_while_ratings_change(sample_copy: Database) -> None:
    searcher = Searcher(sample_copy)
    request = SearchRequest(q="dark zzzz", user_id=1, k=5)
    whole = ids(searcher.search(request.model_copy(update={"k": 100})))
    seen: list[int] = []
    for page in walk(searcher, request):
        seen += ids(page)
        for movie_id in ids(page)[:2]:
            rate(sample_copy, 1, movie_id, 0.5)
        rate(sample_copy, 1, whole[-1], 5)
    assert sorted(seen) == sorted(whole)


def test_pages_keep_films_that_were_seen_or_renamed_meanwhile(sample_copy: Database) -> None:
    searcher = Searcher(sample_copy)
    request = SearchRequest(q="king", user_id=1, seen="drop", k=5)
    whole = ids(searcher.search(request.model_copy(update={"k": 100})))
    first = searcher.search(request)
    rate(sample_copy, 1, whole[6], 5)
    with sample_copy.begin() as connection:
        connection.exec_driver_sql(
            f"UPDATE movies SET title = 'Queen', overview = NULL WHERE movie_id = {whole[7]}"
        )
    second = searcher.search(request.model_copy(update={"cursor": first.next_cursor}))
    assert ids(second) == whole[5:10]
    assert [hit.rank for hit in second.hits] == [6, 7, 8, 9, 10]


def test_facets_are_the_same_on_every_page(searcher: Searcher) -> None:
    request = SearchRequest(q="genres:Drama", facets=True)
    first = searcher.search(request)
    second = searcher.search(request.model_copy(update={"cursor": first.next_cursor}))
    assert (second.total, second.facets) == (first.total, first.facets)


def test_a_cursor_fits_only_its_own_search(searcher: Searcher) -> None:
    cursor = searcher.search(SearchRequest(q="king", user_id=1)).next_cursor
    assert cursor
    with pytest.raises(MisuseError, match="another search"):
        searcher.search(SearchRequest(q="king", user_id=2, cursor=cursor))
    with pytest.raises(MisuseError, match="not one of ours"):
        searcher.search(SearchRequest(q="king", user_id=1, cursor=cursor[:-2] + "xx"))


def test_facets_count_all_matches(searcher: Searcher) -> None:
    response = searcher.search(SearchRequest(q="genres:Fantasy", k=1, facets=True))
    assert response.total is not None
    assert response.facets is not None
    assert response.facets.genres["Fantasy"] == response.total > 50
    assert sum(response.facets.decades.values()) <= response.total


def test_filters_narrow_before_the_limit(searcher: Searcher) -> None:
    response = searcher.search(
        SearchRequest(q="king", genres=("fantasy",), year_from=2000, year_to=2005, min_ratings=5)
    )
    assert response.hits
    for hit in response.hits:
        assert "Fantasy" in hit.genres
        assert 2000 <= (hit.year or 0) <= 2005
        assert hit.rating_count >= 5


def test_snippets_mark_what_was_found_and_escape_the_rest(sample_copy: Database) -> None:
    searcher = Searcher(sample_copy)
    first = searcher.search(SearchRequest(q="king")).hits[0]
    with sample_copy.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE movies SET overview = '<script>alert(1)</script> Jerry & the king'"
            f" WHERE movie_id = {first.movie_id}"
        )
    hits = searcher.search(SearchRequest(q="king", snippets=True, k=60)).hits
    snippets = next(h.snippets for h in hits if h.movie_id == first.movie_id)
    assert snippets
    assert "<mark>King</mark>" in snippets["title"]
    assert "Jerry &amp; the" in snippets["overview"]
    assert "<script" not in snippets["overview"]
    assert "<mark>king</mark>" in snippets["overview"]


def test_a_mistyped_word_is_read_as_the_catalogs(searcher: Searcher) -> None:
    for typed, meant in (("matrxi", "The Matrix"), ("dark knihgt", "The Dark Knight")):
        found = searcher.search(SearchRequest(q=typed))
        assert found.reading is not None
        assert found.reading.kind == "typos"
        assert found.hits[0].title == meant
    found = searcher.search(SearchRequest(q="dark knight"))
    assert found.reading is None
    assert found.did_you_mean is None


def test_a_sentence_that_no_title_has_is_offered_to_ask(searcher: Searcher) -> None:
    def offered(q: str) -> bool:
        return hint(searcher.search(SearchRequest(q=q))).ask

    assert offered("funny movies about dogs from the 90s")
    assert not offered("how to train your dragon")
    assert not offered("lord")


def test_too_few_films_with_all_words_relaxes_to_any(searcher: Searcher) -> None:
    response = searcher.search(SearchRequest(q="king zzzz", facets=True))
    assert response.relaxed
    assert len(response.hits) == 10
    assert (response.total or 0) > 10
    assert not searcher.search(SearchRequest(q="king", k=100)).relaxed


@pytest.mark.parametrize("user_id", [None, LOVER, HATER])
@pytest.mark.parametrize("weights", [None, {"bm25": 0.0}])
def test_films_with_all_words_stand_before_those_with_some(
    searcher: Searcher, user_id: int | None, weights: dict[str, float] | None
) -> None:
    found = searcher.search(SearchRequest(q="lord rings", user_id=user_id, weights=weights, k=30))
    with_all = {hit.movie_id for hit in searcher.search(SearchRequest(q="lord AND rings")).hits}
    assert found.relaxed
    assert 0 < len(with_all) < 10
    assert {hit.movie_id for hit in found.hits[: len(with_all)]} == with_all


def test_titles_are_suggested_as_typed(sample_database: Database) -> None:
    titles = [s.title for s in suggest(sample_database, "lord of t")]
    assert titles
    assert all("Lord of" in title for title in titles)
    assert suggest(sample_database, "") == []


def test_weights_of_a_call(searcher: Searcher) -> None:
    only_text = searcher.search(
        SearchRequest(q="king", user_id=LOVER, weights={"content": 0, "popularity": 0}, k=50)
    )
    assert all(hit.score == pytest.approx(hit.contributions["bm25"]) for hit in only_text.hits)
    assert all(hit.moved == 0 for hit in only_text.hits)
    with pytest.raises(MisuseError, match="'contnt' is no component; did you mean content"):
        searcher.search(SearchRequest(q="king", weights={"contnt": 1}))


@pytest.mark.parametrize(
    ("argument", "known"),
    [("seen => 'dorp'", "keep, mark, drop"),
     ("weights => '{\"bm52\": 1}'", "bm25, (semantic, )?content"),
     ("weights => '3'", "bm25, (semantic, )?content")],
)  # fmt: skip
def test_psql_is_told_what_a_call_does_not_know(
    sample_database: Database, argument: str, known: str
) -> None:
    calls = ["search('king', for_user => 20001, {})", "recommend(20001, {})"]
    for call in calls:
        with sample_database.read() as connection, pytest.raises(DBAPIError, match=known):
            connection.exec_driver_sql(f"SELECT * FROM {call.format(argument)}")
    with sample_database.read() as connection:
        for given in ("seen => 'mark'", "seen => NULL", "weights => '{}'", "weights => NULL"):
            for call in calls:
                assert connection.exec_driver_sql(f"SELECT FROM {call.format(given)}").rowcount > 0


def test_limits(searcher: Searcher) -> None:
    with pytest.raises(MisuseError, match="PALATE_MAX_K"):
        searcher.search(SearchRequest(q="king", k=101))
    with pytest.raises(QuerySyntaxError) as caught:
        searcher.search(SearchRequest(q="title:(king", strict=True))
    assert caught.value.position >= 0


@settings(max_examples=60)
@given(st.text(max_size=60))
def test_any_text_is_answered(searcher: Searcher, q: str) -> None:
    response = searcher.search(SearchRequest(q=q, user_id=LOVER, snippets=True, facets=True))
    assert len(response.hits) <= 10


@pytest.mark.parametrize("plan", ["custom", "generic"])
def test_a_query_typed_at_psql_is_parsed_once(sample_database: Database, plan: str) -> None:
    with sample_database.begin() as connection:
        connection.execute(text(f"SET LOCAL plan_cache_mode = force_{plan}_plan"))
        asked = text("EXPLAIN VERBOSE SELECT * FROM search(CAST(:q AS text), for_user => 20001)")
        lines = "\n".join(connection.execute(asked, {"q": "love"}).scalars())
    assert lines.count("parse_query(") == 1
    assert lines.count("parse_query_loose(") == 1


def test_films_are_sorted_by_a_column_where_that_is_asked_for(searcher: Searcher) -> None:
    everything = searcher.search(SearchRequest(q="love", k=100, candidates=100))
    newest = searcher.search(SearchRequest(q="love", sort="year", user_id=LOVER))
    years = [hit.year or 0 for hit in newest.hits]
    assert years == sorted(years, reverse=True)
    assert [hit.rank for hit in newest.hits] == list(range(1, 11))
    assert {hit.moved for hit in newest.hits} == {0}
    assert newest.total is not None
    assert f"All {newest.total} films that match are sorted by year" in newest.query.notes[-1]
    assert max(hit.year or 0 for hit in everything.hits) == years[0]
    second = searcher.search(
        SearchRequest(q="love", sort="year", user_id=LOVER, cursor=newest.next_cursor)
    )
    assert not set(ids(second)) & set(ids(newest))
    assert (second.hits[0].year or 0) <= years[-1]


def test_a_sorted_search_leaves_out_what_was_seen_and_reads_mistakes(searcher: Searcher) -> None:
    titles = searcher.search(SearchRequest(q="dragon", sort="title", k=50))
    assert [hit.title for hit in titles.hits] == sorted(
        (hit.title for hit in titles.hits), key=str.lower
    )
    seen = {hit.movie_id for hit in searcher.search(
        SearchRequest(q="dragon", sort="title", k=50, user_id=LOVER)
    ).hits if hit.seen}  # fmt: skip
    assert seen
    unseen = searcher.search(
        SearchRequest(q="dragon", sort="title", k=50, user_id=LOVER, seen="drop")
    )
    assert not seen & set(ids(unseen))
    read = searcher.search(SearchRequest(q="dragn", sort="title", k=50))
    assert read.reading is not None
    assert read.total == len(read.hits) > 0
    with pytest.raises(MisuseError, match="Leave out sort, or rerank and mode"):
        searcher.search(SearchRequest(q="dragon", sort="title", rerank="small"))
