"""What stars a user would give a film."""

from collections.abc import Iterator

import numpy as np
import pytest

from learn import registry
from learn.data import read_movies, read_ratings
from learn.models.biased import BiasedMf
from learn.prediction import LEVEL, RatingPrediction, predict_rating
from learn.train_ratings import train_ratings
from palate.errors import NotFoundError
from palate.settings import Settings
from rerank.profile import list_ratings, rate
from serve.cli.main import main
from sql.database import Database
from sql.embedded import EmbeddedServer
from tests.conftest import cloned

NOBODY = 999_999_999


def some(database: Database) -> tuple[int, int]:
    """A person and a film that this person has not rated."""
    with database.read() as connection:
        user, movie = connection.exec_driver_sql(
            "SELECT u.user_id, m.movie_id FROM users u, movies m "
            "WHERE NOT u.synthetic AND u.rating_count > 20 AND m.rating_count > 5 "
            "AND NOT EXISTS (SELECT FROM ratings r WHERE r.user_id = u.user_id "
            "AND r.movie_id = m.movie_id) ORDER BY 1, 2 LIMIT 1"
        ).one()
    return int(user), int(movie)


def test_without_a_model_the_baseline_predicts_and_says_so(sample_database: Database) -> None:
    found = predict_rating(sample_database, *some(sample_database))
    assert found.model == "bias"
    assert not found.calibrated
    assert found.why is not None
    assert "palate train" in found.why
    assert 0.5 <= found.low <= found.value <= found.high <= 5
    total = found.expected + sum(one.influence for one in found.rests_on)
    assert found.ratings > len(found.rests_on) == 10
    assert total != found.expected


def test_an_unknown_user_gets_what_anybody_would_give(sample_database: Database) -> None:
    _, movie = some(sample_database)
    found = predict_rating(sample_database, NOBODY, movie)
    assert found.value == pytest.approx(found.expected)
    assert found.rests_on == ()
    assert found.why is not None
    assert f"user {NOBODY} has rated no other film" in found.why


def test_an_unknown_film_is_refused(sample_database: Database) -> None:
    with pytest.raises(NotFoundError, match="no film 999999999"):
        predict_rating(sample_database, 1, NOBODY)


@pytest.fixture(scope="module")
def trained(server: EmbeddedServer, settings: Settings, sample_template: str) -> Iterator[Database]:
    """The sample with a rating model; tests that write use users of their own."""
    with cloned(server, settings, sample_template) as database:
        assert train_ratings(database, BiasedMf(rank=8)) is not None
        yield database


def test_the_stored_model_predicts_as_the_model_does(trained: Database) -> None:
    user, movie = some(trained)
    ratings = read_ratings(trained)
    model = BiasedMf(rank=8).fit(ratings, read_movies(trained, vectors=True))
    found = predict_rating(trained, user, movie)
    assert found.model == "biased-mf 1"
    assert found.why is None
    assert found.value == pytest.approx(float(model.score([user], [movie])[0, 0]), abs=1e-3)


def test_what_it_rests_on_adds_up(trained: Database) -> None:
    _, movie = some(trained)
    newcomer = 7_001
    films = [one.movie_id for one in list_ratings(trained, some(trained)[0], limit=8)]
    for film, stars in zip(films, [5, 1, 4, 4.5, 2, 5, 0.5, 3], strict=True):
        rate(trained, newcomer, film, stars)
    found = predict_rating(trained, newcomer, movie)
    assert found.ratings == len(found.rests_on) == 8
    assert {one.movie_id for one in found.rests_on} == set(films)
    assert all(one.similarity is not None and -1 <= one.similarity <= 1 for one in found.rests_on)
    total = found.expected + sum(one.influence for one in found.rests_on)
    assert found.value == pytest.approx(np.clip(total, 0.5, 5), abs=1e-6)
    strongest = [abs(one.influence) for one in found.rests_on]
    assert strongest == sorted(strongest, reverse=True)
    assert (found.distance is None) == (found.neighbours == 0)


def test_a_rating_counts_at_once_and_a_film_rated_is_predicted_from_the_others(
    trained: Database,
) -> None:
    _, movie = some(trained)
    newcomer, near = 7_002, some(trained)[1] + 1
    before = predict_rating(trained, newcomer, movie)
    assert before.why == f"user {newcomer} has rated no other film"
    assert before.value == pytest.approx(before.expected)
    rate(trained, newcomer, near, 0.5)
    after = predict_rating(trained, newcomer, movie)
    assert after.value < before.value
    assert after.ratings == 1
    rate(trained, newcomer, movie, 5)
    rated = predict_rating(trained, newcomer, movie)
    assert rated.rated == 5
    assert rated.value == after.value


def test_profiles_are_apart(trained: Database) -> None:
    _, movie = some(trained)
    rate(trained, 7_003, movie + 1, 0.5, profile="kids")
    assert predict_rating(trained, 7_003, movie).ratings == 0
    assert predict_rating(trained, 7_003, movie, profile="kids").ratings == 1


def test_the_interval_holds_as_many_ratings_as_it_says(trained: Database) -> None:
    """`coverage` is of users of whom the intervals were not made."""
    active = registry.active_model(trained, "ratings")
    assert active is not None
    assert active.metrics["held out"] > 1000
    assert active.metrics["coverage"] == pytest.approx(LEVEL, abs=0.04)
    found = predict_rating(trained, *some(trained))
    assert found.calibrated
    assert found.level == LEVEL
    assert found.low <= found.value <= found.high
    assert active.metrics["least coverage"] >= LEVEL - 0.1
    assert found.within_half_star is not None
    assert found.confidence in ("high", "medium", "low")


def test_a_film_that_nobody_rated_is_known_by_what_it_is(trained: Database) -> None:
    found = predict_rating(trained, some(trained)[0], unrated(trained, "Drama"))
    assert found.why is not None
    assert "nobody had rated this film" in found.why
    assert found.calibrated


def unrated(database: Database, genre: str) -> int:
    """A film of the catalog without ratings that the model knows."""
    with database.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO movies (movie_id, title, genres) VALUES (900001, 'Nobody''s', %s) "
            "ON CONFLICT DO NOTHING", ([genre],)
        )  # fmt: skip
    train_ratings(database, BiasedMf(rank=4), force=True)
    return 900001


def test_what_the_model_does_not_know_is_left_to_the_baseline(
    trained: Database, few_raters_copy: Database
) -> None:
    user, movie = some(few_raters_copy)
    assert train_ratings(few_raters_copy, BiasedMf(rank=2, epochs=3)) is not None
    with few_raters_copy.begin() as connection:
        connection.exec_driver_sql("INSERT INTO movies (movie_id, title) VALUES (900002, 'New')")
    assert says(predict_rating(few_raters_copy, user, 900002), "the film came after biased-mf 1")
    with few_raters_copy.begin() as connection:
        connection.exec_driver_sql("UPDATE models SET body = '{}' WHERE kind = 'ratings'")
    assert says(predict_rating(few_raters_copy, user, movie), "biased-mf 1 cannot be read")
    with few_raters_copy.begin() as connection:
        movie = connection.exec_driver_sql(
            "SELECT min(movie_id) FROM movie_stats WHERE avg_rating IS NULL"
        ).scalar_one()
        connection.exec_driver_sql(
            "INSERT INTO ratings (user_id, movie_id, rating) VALUES (%s, %s, 4)", (user, movie)
        )
    assert says(predict_rating(few_raters_copy, NOBODY, movie), "nobody has rated this film")


def says(found: RatingPrediction, reason: str) -> bool:
    return found.model == "bias" and found.why is not None and reason in found.why


def test_one_that_is_off_by_more_stays_a_candidate(few_raters_copy: Database) -> None:
    first = train_ratings(few_raters_copy, BiasedMf(rank=2, epochs=8))
    worse = train_ratings(few_raters_copy, BiasedMf(rank=2, epochs=1, l2_bias=1e6))
    assert first is not None
    assert worse is not None
    assert (first.ratings.state, worse.ratings.state) == ("active", "candidate")
    assert worse.refused is not None
    assert "reached rmse" in worse.refused
    assert registry.activate(few_raters_copy, worse.ratings.id, force=True).state == "active"
    assert registry.rollback(few_raters_copy, "ratings").id == first.ratings.id


def test_too_few_users_teach_nothing(database: Database) -> None:
    with database.begin() as connection:
        connection.exec_driver_sql("INSERT INTO movies (movie_id, title) VALUES (1, 'One')")
        connection.exec_driver_sql(
            "INSERT INTO ratings (user_id, movie_id, rating) VALUES (1, 1, 4)"
        )
    told: list[str] = []
    assert train_ratings(database, tell=told.append) is None
    assert "too few users" in told[-1]
    assert predict_rating(database, 1, 1).low == 0.5


def test_what_enrichment_says_of_a_film_is_learned_from(few_raters_copy: Database) -> None:
    with few_raters_copy.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE movies SET budget_tier = 'low', sentiment = 'mixed' WHERE movie_id = "
            "(SELECT min(movie_id) FROM movies)"
        )
    movies = read_movies(few_raters_copy)
    assert movies.traits[0] == ("tone mixed", "budget low")
    assert set(movies.traits[1:]) == {()}
    assert movies.vectors is not None


def test_the_commands_for_models_know_the_third_kind(
    few_raters_copy: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PALATE_DATABASE_URL", few_raters_copy.psql_url)
    monkeypatch.setenv("PALATE_MLFLOW_TRACKING_URI", "off")
    monkeypatch.setenv("COLUMNS", "140")
    assert main(["train", "svd", "--rank", "4", "--no-evaluate"]) == 0
    assert "ratings  biased-mf" not in capsys.readouterr().out
    assert train_ratings(few_raters_copy, BiasedMf(rank=2, epochs=3)) is not None
    assert main(["models", "list"]) == 0
    shown = capsys.readouterr().out
    assert "rmse" in shown
    assert "biased-mf 1" in shown
    assert main(["models", "off", "ratings"]) == 0
    assert predict_rating(few_raters_copy, *some(few_raters_copy)).model == "bias"
