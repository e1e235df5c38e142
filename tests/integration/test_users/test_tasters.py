"""The tasters: made on any catalog, counted nowhere, and moved the right way by search."""

import numpy as np
import pytest
from sqlalchemy import text

from palate.errors import ConflictError, NotFoundError
from sql.database import Database
from test_users.check import Order, Place, Report, TermCheck, check_tasters, judge
from test_users.tasters import TASTERS, create_tasters, remove_tasters


def add_films(database: Database, fantasy: int, other: int) -> None:
    """Films named Lord 0, Lord 1, ...; the fantasy ones first, the later the more rated."""
    with database.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO movies (movie_id, title, genres, rating_count)"
                " SELECT i, 'Lord ' || i, CASE WHEN i < :fantasy THEN ARRAY['Fantasy']"
                " ELSE ARRAY['Drama'] END, i FROM generate_series(0, :last) i"
            ),
            {"fantasy": fantasy, "last": fantasy + other - 1},
        )


def ratings_of(database: Database, user_id: int) -> dict[int, float]:
    with database.read() as connection:
        rows = connection.execute(
            text("SELECT movie_id, rating FROM ratings WHERE user_id = :user_id"),
            {"user_id": user_id},
        )
        return {row.movie_id: row.rating for row in rows}


def test_the_basic_pair_rates_the_50_most_rated_and_the_extreme_pair_all(
    database: Database,
) -> None:
    add_films(database, fantasy=60, other=5)
    created = create_tasters(database)
    assert [(t.user_id, t.rating, t.films) for t in created] == [
        (10001, 5.0, 50),
        (10002, 1.0, 50),
        (20001, 5.0, 60),
        (20002, 1.0, 60),
    ]
    assert ratings_of(database, 10001) == dict.fromkeys(range(10, 60), 5.0)
    assert ratings_of(database, 20002) == dict.fromkeys(range(60), 1.0)


def test_creating_again_changes_nothing(database: Database) -> None:
    add_films(database, fantasy=3, other=1)
    snapshot = text("SELECT user_id, movie_id, rating, rated_at, xmin::text FROM ratings")
    first = create_tasters(database)
    with database.read() as connection:
        before = connection.execute(snapshot).all()
    assert create_tasters(database) == first
    with database.read() as connection:
        assert connection.execute(snapshot).all() == before


def test_creating_again_follows_the_catalog(database: Database) -> None:
    add_films(database, fantasy=3, other=1)
    create_tasters(database)
    with database.begin() as connection:
        connection.execute(text("UPDATE movies SET genres = '{fantasy}' WHERE movie_id = 3"))
        connection.execute(text("UPDATE movies SET genres = '{Drama}' WHERE movie_id = 0"))
    create_tasters(database)
    assert sorted(ratings_of(database, 20001)) == [1, 2, 3]


def test_their_ratings_count_in_no_statistic(sample_copy: Database) -> None:
    stats = text("SELECT * FROM movie_stats ORDER BY movie_id")
    with sample_copy.begin() as connection:
        before = np.array(connection.execute(stats).all(), np.float64)
    create_tasters(sample_copy)
    with sample_copy.begin() as connection:
        connection.execute(text("SELECT refresh_stats()"))
        after = np.array(connection.execute(stats).all(), np.float64)
    assert after == pytest.approx(before, nan_ok=True)


def test_an_id_of_a_real_user_is_left_alone(database: Database) -> None:
    add_films(database, fantasy=3, other=1)
    with database.begin() as connection:
        connection.execute(
            text("INSERT INTO ratings (user_id, movie_id, rating) VALUES (20001, 3, 4)")
        )
    with pytest.raises(ConflictError, match=r"20001 is a real user.*--offset"):
        create_tasters(database)
    with pytest.raises(ConflictError, match="20001 is a real user"):
        remove_tasters(database)
    assert ratings_of(database, 20001) == {3: 4.0}
    assert ratings_of(database, 10001) == {}

    created = create_tasters(database, offset=1_000_000)
    assert [t.user_id for t in created] == [t.user_id + 1_000_000 for t in TASTERS]


def test_a_real_user_may_be_known_by_tags_alone(database: Database) -> None:
    add_films(database, fantasy=1, other=1)
    with database.begin() as connection:
        connection.execute(text("INSERT INTO tags VALUES (10002, 0, 'good')"))
    with pytest.raises(ConflictError, match="10002 is a real user"):
        create_tasters(database)


def test_a_catalog_without_fantasy_is_refused(database: Database) -> None:
    add_films(database, fantasy=0, other=3)
    with pytest.raises(ConflictError, match="no film of the genre Fantasy"):
        create_tasters(database)


def test_removing_leaves_nothing(database: Database) -> None:
    add_films(database, fantasy=3, other=1)
    create_tasters(database)
    assert remove_tasters(database) == 4
    assert remove_tasters(database) == 0
    with database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM users")).scalar_one() == 0
        assert connection.execute(text("SELECT count(*) FROM ratings")).scalar_one() == 0


def test_the_check_says_what_is_missing(database: Database) -> None:
    add_films(database, fantasy=3, other=3)
    with pytest.raises(NotFoundError, match="palate test-users create"):
        check_tasters(database)
    assert [taster.has_vector for taster in create_tasters(database)] == [False] * 4
    with pytest.raises(ConflictError, match="no taste vectors"):
        check_tasters(database)


def test_the_check_passes_on_the_sample(sample_database: Database) -> None:
    report = check_tasters(sample_database)
    assert report.complaints == ()
    assert report.extreme_moved >= report.basic_moved > 0
    lord = next(t for t in report.terms if (t.term, t.pair) == ("lord", "extreme"))
    assert lord.counts
    assert lord.lover.in_top > lord.plain.in_top > lord.hater.in_top


def test_the_check_fails_when_taste_has_no_weight(sample_copy: Database) -> None:
    create_tasters(sample_copy)
    with sample_copy.begin() as connection:
        connection.execute(text("UPDATE blend SET content = 0"))
    report = check_tasters(sample_copy)
    assert not report.passed
    assert "lord: the basic lover's fantasy films do not rank higher" in report.complaints


def order(*fantasy_ranks: int, of: int = 10) -> Order:
    return Order.of(Place(rank, rank in fantasy_ranks) for rank in range(1, of + 1))


def judged(plain: Order, lover: Order, hater: Order) -> Report:
    checks = (
        TermCheck("lord", pair, 10, 2, plain, lover, hater, best=1.5, worst=9.5)
        for pair in ("basic", "extreme")
    )
    return judge(checks, {"lord": {1, 2}})


def test_lovers_move_fantasy_up_and_haters_down() -> None:
    assert judged(order(4, 6), lover=order(1, 3), hater=order(8, 9)).passed
    assert not judged(order(4, 6), lover=order(4, 6), hater=order(8, 9)).passed
    assert not judged(order(4, 6), lover=order(1, 3), hater=order(2, 3)).passed


def test_an_order_that_is_already_extreme_need_not_move() -> None:
    assert judged(order(1, 2), lover=order(1, 2), hater=order(8, 9)).passed
    assert judged(order(9, 10), lover=order(1, 2), hater=order(9, 10)).passed


def test_the_extreme_pair_moves_at_least_as_far() -> None:
    far = TermCheck("lord", "basic", 10, 2, order(4, 6), order(1, 2), order(9, 10))
    near = TermCheck("lord", "extreme", 10, 2, order(4, 6), order(3, 5), order(5, 7))
    report = judge([far, near], {})
    assert report.complaints == (
        "the extreme pair moves fantasy films 2.0 places on average, "
        "less than the basic pair's 8.0",
    )


def test_different_words_find_different_films() -> None:
    both = [
        TermCheck("lord", pair, 10, 2, order(4, 6), order(1, 3), order(8, 9))
        for pair in ("basic", "extreme")
    ]
    found = {"lord": {1, 2}, "king": {1, 2}, "ring": {3}, "witch": {3}}
    assert judge(both, found).complaints == ("lord and king find the same 2 films",)


def test_words_that_find_too_little_say_nothing() -> None:
    few = TermCheck("lord", "basic", 3, 2, order(1, 2), order(2, 3), order(1, 2))
    report = judge([few], {})
    assert report.complaints == (
        "no term finds two fantasy and two other films, so nothing was shown",
    )
