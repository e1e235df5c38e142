"""Facts and offers of other services, played by a server of our own: asked politely, and once."""

import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from ingest.polite import SyncError
from ingest.sync import read_facts, sync_justwatch, sync_tmdb
from palate.errors import MisuseError
from palate.settings import Settings
from serve.cli.main import main
from sql.database import Database
from tests.integration.played import Played
from tests.integration.played import service as service
from tests.integration.serve.apis import load_films

KEY = "not-to-be-told"
WILLOW, HEAT, CASINO = 6, 7, 8

FACTS = {
    "id": 847, "imdb_id": "tt0096446", "title": "Another title", "original_title": "Willow",
    "overview": "Other words.", "release_date": "1988-05-20", "runtime": 126, "budget": 35_000_000,
    "revenue": 0, "poster_path": "/willow.jpg", "genres": [{"name": "Fantasy"}],
    "keywords": {"keywords": [{"name": "sorcerer"}, {"name": "dwarf"}]},
    "credits": {
        "cast": [{"name": f"Actor {n}"} for n in range(30)],
        "crew": [{"name": "Someone", "job": "Editor"}, {"name": "Ron Howard", "job": "Director"}],
    },
}  # fmt: skip
PROVIDERS = [{"id": 1, "clear_name": "Rent It!"}, {"id": 2, "clear_name": "All You Can See"}]
OFFERS = {
    "offers": [
        {"monetization_type": "buy", "provider_id": 1, "urls": {"standard_web": "https://r.example/buy"}},
        {"monetization_type": "rent", "provider_id": 1, "urls": {"standard_web": "https://r.example/rent"}},
        {"monetization_type": "flatrate", "provider_id": 2, "urls": {"standard_web": "https://a.example/847"}},
        {"monetization_type": "flatrate", "provider_id": 2, "urls": {"standard_web": "http://a.example"}},
        {"monetization_type": "free", "provider_id": 99, "urls": {"standard_web": "https://unknown.example"}},
    ]
}  # fmt: skip


@pytest.fixture
def films(database: Database, settings: Settings, service: Played) -> Database:
    """Twelve films, of which TMDB has an id of one, and IMDb of another."""
    load_films(database)
    with database.begin() as connection:
        connection.exec_driver_sql(f"UPDATE movies SET tmdb_id = 847 WHERE movie_id = {WILLOW}")
        connection.exec_driver_sql(f"UPDATE movies SET imdb_id = '113277' WHERE movie_id = {HEAT}")
    changes = {
        "tmdb_url": service.url, "justwatch_url": service.url, "sync_per_second": 1000.0,
        "sync_locales": ("de_DE", "en_US"),
    }  # fmt: skip
    keys = Settings(_env_file=None, tmdb_api_key=KEY, justwatch_token=KEY)
    secrets = {"tmdb_api_key": keys.tmdb_api_key, "justwatch_token": keys.justwatch_token}
    database.settings = settings.model_copy(update=changes | secrets)
    return database


def ask(database: Database, statement: str) -> list[tuple[Any, ...]]:
    with database.read() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(statement)]


def test_tmdb_fills_what_is_empty_and_is_not_asked_twice(films: Database, service: Played) -> None:
    service.answers = {"movie/847": FACTS}
    done = sync_tmdb(films)
    assert (done.locale, done.asked, done.changed, done.unknown) == ("de_DE", 2, 1, 1)
    assert sorted(service.paths()) == ["find/tt0113277", "movie/847"]
    query = next(query for path, query, _ in service.asked if path == "movie/847")
    assert query["language"] == ["de-DE"]
    assert query["append_to_response"] == ["credits,keywords"]
    [row] = ask(
        films,
        "SELECT title, overview, original_title, release_date::text, actors[1], "
        "cardinality(actors), keywords, budget, revenue, poster_url, imdb_id "
        f"FROM movies WHERE movie_id = {WILLOW}",
    )
    assert row[:2] == ("Willow", "A farmer guards a child from a witch."), "what was known stays"
    assert row[2:] == (
        "Willow", "1988-05-20", "Actor 0", 10, ["sorcerer", "dwarf"], 35_000_000, None,
        "https://image.tmdb.org/t/p/w500/willow.jpg", "tt0096446",
    )  # fmt: skip
    assert sync_tmdb(films).asked == 0
    again = sync_tmdb(films, days=0)
    assert (again.asked, again.changed) == (2, 0), "the same facts change nothing"


def test_a_film_known_by_its_imdb_id_is_found(films: Database, service: Played) -> None:
    service.answers = {
        "find/tt0113277": {"movie_results": [{"id": 949}]},
        "movie/949": {"id": 949, "runtime": 170, "overview": "x" * 10**6, "keywords": None},
    }
    assert sync_tmdb(films).changed == 1
    assert ask(films, f"SELECT tmdb_id FROM movies WHERE movie_id = {HEAT}") == [(949,)]


@pytest.mark.parametrize("told", [[], {}, {"id": "x", "genres": 7 and [3], "runtime": "long"}])
def test_what_does_not_fit_is_left_out(told: Any) -> None:
    assert read_facts(told).model_fields_set == set()


def test_justwatch_says_where_films_are_in_each_country(films: Database, service: Played) -> None:
    with films.begin() as connection:
        own = f"({WILLOW}, 'archive', 'DE', 'https://archive.example/willow')"
        connection.exec_driver_sql(f"INSERT INTO availability VALUES {own}")
    service.answers = {
        "providers/all/locale/de_DE": PROVIDERS,
        "providers/all/locale/en_US": PROVIDERS,
        "offers/object_type/movie/id_type/tmdb/locale/de_DE": OFFERS,
    }
    german, american = sync_justwatch(films)
    assert (german.changed, german.unknown, american.changed, american.unknown) == (1, 0, 0, 1)
    where = f"SELECT service, country, url FROM availability WHERE movie_id = {WILLOW} ORDER BY 1"
    offered = [
        ("all-you-can-see", "DE", "https://a.example/847"),
        ("archive", "DE", "https://archive.example/willow"),
        ("rent-it", "DE", "https://r.example/rent"),
    ]
    assert ask(films, where) == offered
    assert [done.asked for done in sync_justwatch(films)] == [0, 0]
    assert sync_justwatch(films, days=0)[0].changed == 0
    service.answers["offers/object_type/movie/id_type/tmdb/locale/de_DE"] = {"offers": []}
    assert sync_justwatch(films, days=0)[0].changed == 1
    assert ask(films, where) == [offered[1]], "what is the operator's own stays"


def test_only_the_services_that_are_wanted(films: Database, service: Played) -> None:
    films.settings = films.settings.model_copy(update={"sync_services": ("rent-it",)})
    service.answers = {
        "providers/all/locale/de_DE": PROVIDERS,
        "offers/object_type/movie/id_type/tmdb/locale/de_DE": OFFERS,
    }
    sync_justwatch(films)
    assert ask(films, "SELECT service FROM availability") == [("rent-it",)]


def test_a_service_that_is_busy_is_asked_again(films: Database, service: Played) -> None:
    service.answers = {"movie/847": FACTS}
    service.faults = [(429, {"Retry-After": "0"}), (503, {})]
    assert sync_tmdb(films).changed == 1
    assert len(service.asked) == 4


def test_a_run_that_stops_goes_on_where_it_was(films: Database, service: Played) -> None:
    with films.begin() as connection:
        connection.exec_driver_sql(f"UPDATE movies SET tmdb_id = 524 WHERE movie_id = {CASINO}")
    service.answers = {"movie/847": FACTS, "movie/524": "no JSON"}
    with pytest.raises(SyncError, match=r"no JSON\. What it told of films before is kept"):
        sync_tmdb(films)
    service.answers["movie/524"] = {"id": 524, "overview": "", "budget": 52_000_000}
    before = len(service.asked)
    assert sync_tmdb(films).asked < 3
    assert "movie/847" not in service.paths()[before:]


def test_errors_say_what_to_do_and_never_tell_the_key(films: Database, service: Played) -> None:
    service.answers = {"providers/all/locale/de_DE": PROVIDERS}
    refused: tuple[tuple[list[tuple[int, dict[str, str]]], str], ...] = (
        ([(401, {})], r"refuses the key \(401\).*Correct PALATE_JUSTWATCH_TOKEN"),
        ([(500, {})] * 3, "answers 500, again and again"),
        ([(418, {})], "answers 418"),
    )
    for faults, said in refused:
        service.faults = list(faults)
        with capture_logs() as logged, pytest.raises(SyncError, match=said) as raised:
            sync_justwatch(films)
        assert KEY not in str(raised.value) + str(logged) + repr(raised.value.__cause__)
    films.settings = films.settings.model_copy(update={"justwatch_url": "http://127.0.0.1:1"})
    with pytest.raises(SyncError, match=r"JustWatch cannot be reached \(ConnectError\)") as raised:
        sync_justwatch(films)
    assert KEY not in str(raised.value)
    films.settings = films.settings.model_copy(update={"tmdb_api_key": None})
    with pytest.raises(MisuseError, match=r"Nothing was asked\. Set PALATE_TMDB_API_KEY"):
        sync_tmdb(films)


def test_a_read_access_token_goes_in_a_header(films: Database, service: Played) -> None:
    token = Settings(_env_file=None, tmdb_api_key="eyJhbGciOi.x.y").tmdb_api_key
    films.settings = films.settings.model_copy(update={"tmdb_api_key": token})
    sync_tmdb(films)
    assert {header for _, _, header in service.asked} == {"Bearer eyJhbGciOi.x.y"}
    assert not any("api_key" in query for _, query, _ in service.asked)


def test_the_command_says_what_it_did(
    films: Database,
    service: Played,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    service.answers = {"movie/847": FACTS}
    for name, value in {
        "DATABASE_URL": films.psql_url, "TMDB_URL": service.url, "TMDB_API_KEY": KEY,
        "SYNC_PER_SECOND": "1000",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"PALATE_{name}", value)
    assert main(["sync", "tmdb", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [
        {"service": "tmdb", "locale": "en_US", "asked": 2, "changed": 1, "unknown": 1}
    ]
    monkeypatch.delenv("PALATE_TMDB_API_KEY")
    assert main(["sync", "tmdb"]) == 2
    assert "Set PALATE_TMDB_API_KEY" in capsys.readouterr().err
