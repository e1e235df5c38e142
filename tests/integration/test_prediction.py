"""What stars a user would give a film."""

import pytest

from palate.errors import NotFoundError
from rerank.models.prediction import predict_rating
from sql.database import Database

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
