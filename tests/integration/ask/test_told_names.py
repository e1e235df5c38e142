"""Names that the catalog lacks are looked up at TMDB, once; a server of our own plays it."""

import pytest

from ask.answer import AskAnswer, Asker
from palate.settings import Settings
from rerank.search import Searcher
from sql.database import Database
from tests.integration.played import Played
from tests.integration.played import service as service
from tests.integration.serve.apis import load_films

WILLOW = 6
GERMAN = {"results": [
    {"media_type": "tv", "id": 1, "name": "Die Weide"},
    {"media_type": "movie", "id": 999, "title": "Not in the catalog"},
    {"media_type": "movie", "id": 847, "title": "Willow"},
]}  # fmt: skip


@pytest.fixture
def films(database: Database, settings: Settings, service: Played) -> Database:
    """Twelve films, of one of which TMDB's id is known."""
    load_films(database)
    with database.begin() as connection:
        connection.exec_driver_sql(
            f"UPDATE movies SET tmdb_id = 847, director = 'Ron Howard' WHERE movie_id = {WILLOW}"
        )
    key = Settings(_env_file=None, tmdb_api_key="a key").tmdb_api_key
    database.settings = settings.model_copy(
        update={"tmdb_url": service.url, "sync_per_second": 1000.0, "tmdb_api_key": key}
    )
    return database


def ask(database: Database, text: str) -> AskAnswer:
    return Asker(database, Searcher(database)).ask(text)


def test_a_title_in_another_language_is_the_film_of_the_catalog(
    films: Database, service: Played
) -> None:
    service.answers["search/multi"] = GERMAN
    for _ in range(2):
        answer = ask(films, "films like Der magische Zwerg")
        assert [title.movie_id for title in answer.structure.titles] == [WILLOW]
        assert answer.not_found == ()
        assert "“Der magische Zwerg” was read as Willow (1988), as TMDB knows it." in answer.notes
    [(_, asked, _)] = service.asked  # the second time it is known
    assert asked["query"] == ["Der magische Zwerg"]


def test_a_person_by_another_name_is_the_one_of_the_catalog(
    films: Database, service: Played
) -> None:
    service.answers["search/multi"] = {
        "results": [{"media_type": "person", "name": "Ron Howard", "id": 6159}]
    }
    answer = ask(films, "films directed by Ronald William Howard")
    assert [person.name for person in answer.structure.people] == ["Ron Howard"]


def test_a_standby_that_cannot_keep_an_answer_gives_it(films: Database, service: Played) -> None:
    service.answers["search/multi"] = GERMAN
    with films.begin() as connection:
        connection.exec_driver_sql(
            f"ALTER DATABASE {films.url.database} SET default_transaction_read_only = on"
        )
    films.engine.dispose()
    answer = ask(films, "films like Der magische Zwerg")
    assert [title.movie_id for title in answer.structure.titles] == [WILLOW]


def test_what_the_catalog_has_is_asked_of_nobody(films: Database, service: Played) -> None:
    assert ask(films, "films like Willow").not_found == ()
    assert service.asked == []


def test_without_an_answer_or_a_key_the_catalog_stands_alone(
    films: Database, service: Played
) -> None:
    service.faults += [(403, {})]
    asker = Asker(films, Searcher(films))
    for _ in range(2):
        assert asker.ask("films like Der magische Zwerg").not_found == ("Der magische Zwerg",)
    assert len(service.asked) == 1  # left alone for a minute
    films.settings = films.settings.model_copy(update={"tmdb_api_key": None})
    assert ask(films, "films like Der magische Zwerg").not_found == ("Der magische Zwerg",)
    assert len(service.asked) == 1


def test_what_tmdb_does_not_know_is_kept_as_unknown(films: Database, service: Played) -> None:
    service.answers["search/multi"] = {"results": [{"media_type": "movie", "id": "no number"}, 7]}
    for _ in range(2):
        assert ask(films, "films like Der magische Zwerg").not_found == ("Der magische Zwerg",)
    assert len(service.asked) == 1
