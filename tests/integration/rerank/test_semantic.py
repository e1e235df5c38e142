"""Search by meaning, with the real encoder; and without one, a clear refusal."""

import sys

import pytest

from palate.contract import SearchRequest
from palate.errors import ConflictError, NotInstalledError
from rerank.search import Searcher
from sql.database import Database


@pytest.fixture(scope="module")
def searcher(sample_database: Database) -> Searcher:
    pytest.importorskip("sentence_transformers", reason="needs the extra `embed`")
    return Searcher(sample_database)


def test_meaning_finds_what_words_do_not(searcher: Searcher) -> None:
    question = "wizards and sorcery"
    by_words = searcher.search(SearchRequest(q=question, k=20))
    by_meaning = searcher.search(SearchRequest(q=question, k=20, mode="semantic"))
    fantasy = [hit for hit in by_meaning.hits if "Fantasy" in hit.genres]
    assert len(fantasy) > len([hit for hit in by_words.hits if "Fantasy" in hit.genres])
    assert len(fantasy) >= 8
    for hit in by_meaning.hits:
        assert hit.components["semantic"] is not None
        assert hit.contributions["bm25"] == 0
        assert sum(hit.contributions.values()) == pytest.approx(hit.score, abs=1e-6)


def test_hybrid_has_both_kinds(searcher: Searcher) -> None:
    response = searcher.search(SearchRequest(q="dragon", k=100, mode="hybrid", user_id=20001))
    assert any(hit.components["bm25"] for hit in response.hits)
    assert any(not hit.components["bm25"] for hit in response.hits)
    assert response.personalized


def test_filters_and_seen_hold_for_meaning(searcher: Searcher) -> None:
    response = searcher.search(
        SearchRequest(
            q="a war story", mode="semantic", genres=("Drama",), year_from=1990,
            user_id=20001, seen="drop",
        )
    )  # fmt: skip
    assert response.hits
    for hit in response.hits:
        assert "Drama" in hit.genres
        assert (hit.year or 0) >= 1990
        assert not hit.seen


def test_pages_of_a_semantic_search_walk_on(searcher: Searcher) -> None:
    request = SearchRequest(q="space travel", mode="semantic", k=30)
    first = searcher.search(request)
    second = searcher.search(request.model_copy(update={"cursor": first.next_cursor}))
    assert len(second.hits) == 30
    assert not {h.movie_id for h in first.hits} & {h.movie_id for h in second.hits}


def test_without_an_encoder_the_answer_says_what_to_install(
    sample_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(NotInstalledError, match="embed"):
        Searcher(sample_database).search(SearchRequest(q="king", mode="semantic"))


def test_films_without_vectors_are_told_before_a_model_is_loaded(sample_copy: Database) -> None:
    with sample_copy.begin() as connection:
        connection.exec_driver_sql("DELETE FROM embedding_model")
    searcher = Searcher(sample_copy)
    with pytest.raises(ConflictError, match="have no embeddings"):
        searcher.search(SearchRequest(q="king", mode="semantic"))


def test_vectors_of_another_model_are_not_compared(sample_copy: Database) -> None:
    with sample_copy.begin() as connection:
        connection.exec_driver_sql("UPDATE embedding_model SET name = 'all-MiniLM-L12-v2'")
    with pytest.raises(ConflictError, match="all-MiniLM-L6-v2, the films by all-MiniLM-L12-v2"):
        Searcher(sample_copy).search(SearchRequest(q="king", mode="semantic"))
