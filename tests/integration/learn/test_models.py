"""Trained models in the database: folded in, activated, taken back, and used by the next search."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learn import registry
from learn.candidates import read_weights
from learn.data import read_ratings
from learn.lambdarank import LambdaRank
from learn.models.factors import Ease, Svd
from learn.models.interface import Ratings
from learn.train import Trained, train
from palate.contract import SearchRequest
from palate.errors import ConflictError, NotFoundError
from palate.settings import Settings
from rerank.factors import FilmFactors
from rerank.features import FEATURES, SUMS, Person
from rerank.learned import FeatureMaker
from rerank.profile import rate, unrate
from rerank.search import Searcher
from serve.doctor import look_at_order
from sql.database import Database
from sql.embedded import EmbeddedServer
from tests.conftest import cloned

FILM, USER = 1, 1


@pytest.fixture(scope="module")
def trained(
    server: EmbeddedServer, settings: Settings, few_raters_template: str
) -> Iterator[tuple[Database, Trained]]:
    """The sample, trained; tests put back what they change."""
    with cloned(server, settings, few_raters_template) as database:
        found = train(database, Svd(rank=16), order=LambdaRank(rounds=30, least_in_leaf=20))
        yield database, found


def user_factors(database: Database) -> dict[tuple[int, str], tuple[int, list[float]]]:
    with database.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT user_id, profile, rating_count, factors::real[] FROM user_factors"
        ).all()
    return {(row[0], row[1]): (row[2], row[3]) for row in rows}


def ids(database: Database, **asked: Any) -> list[int]:
    response = Searcher(database).search(SearchRequest(q="love", user_id=USER, **asked))
    return [hit.movie_id for hit in response.hits]


def test_training_measures_and_activates(trained: tuple[Database, Trained]) -> None:
    _, found = trained
    assert found.refused == ()
    assert found.order is not None
    for model in (found.factors, found.order):
        assert model.state == "active"
        assert 0 < model.metrics["ndcg@10"] <= 1
        assert model.fingerprint
    assert found.factors.weights is not None
    assert found.factors.weights["collaborative"] > 0


def test_the_next_search_uses_what_was_learned(trained: tuple[Database, Trained]) -> None:
    database, found = trained
    response = Searcher(database).search(SearchRequest(q="love", user_id=USER, explain="facts"))
    assert response.order == "learned"
    assert response.order_model == str(found.order)
    assert [hit.learned_score for hit in response.hits] == sorted(
        (hit.learned_score for hit in response.hits), key=lambda score: -(score or 0)
    )
    assert any("the learned order" in r for hit in response.hits for r in hit.reasons or ())
    for hit in response.hits:
        assert hit.components["collaborative"] is not None
        assert hit.score == pytest.approx(sum(hit.contributions.values()))
        assert hit.moved == hit.unpersonalized_rank - hit.rank


def test_the_blend_can_be_asked_for(trained: tuple[Database, Trained]) -> None:
    database, _ = trained
    blend = Searcher(database).search(SearchRequest(q="love", user_id=USER, order="blend"))
    assert blend.order == "blend"
    assert blend.order_model is None
    scores = [hit.score for hit in blend.hits]
    assert scores == sorted(scores, reverse=True)
    weighted = Searcher(database).search(
        SearchRequest(q="love", user_id=USER, weights={"bm25": 1.0})
    )
    assert weighted.order == "blend"


def test_nobody_and_strangers_get_the_blend(trained: tuple[Database, Trained]) -> None:
    searcher = Searcher(trained[0])
    nobody = searcher.search(SearchRequest(q="love"))
    stranger = searcher.search(SearchRequest(q="love", user_id=987_654))
    searcher.search(SearchRequest(q="love", user_id=USER))
    again = searcher.search(SearchRequest(q="love", user_id=987_654))
    assert {nobody.order, stranger.order, again.order} == {"blend"}
    assert [h.movie_id for h in nobody.hits] == [h.movie_id for h in stranger.hits]
    assert [h.movie_id for h in nobody.hits] == [h.movie_id for h in again.hits]


def test_pages_of_a_learned_order_walk_it_once(trained: tuple[Database, Trained]) -> None:
    searcher = Searcher(trained[0])
    whole = searcher.search(SearchRequest(q="love", user_id=USER, k=30))
    first = searcher.search(SearchRequest(q="love", user_id=USER))
    second = searcher.search(SearchRequest(q="love", user_id=USER, cursor=first.next_cursor))
    assert second.order == "learned"
    assert [h.movie_id for h in (*first.hits, *second.hits)] == [
        h.movie_id for h in whole.hits[:20]
    ]


def test_a_model_that_cannot_be_read_leaves_the_blend(trained: tuple[Database, Trained]) -> None:
    database, found = trained
    broken = registry.save_order(
        database, "broken", "no model", parameters={}, metrics={"ndcg@10": 1.0},
        ratings=read_ratings(database),
    )  # fmt: skip
    registry.activate(database, broken)
    try:
        searcher = Searcher(database)
        for _ in range(2):
            response = searcher.search(SearchRequest(q="love", user_id=USER))
            assert response.order == "blend"
            assert len(response.hits) == 10
        (told,) = look_at_order(database)
        assert (told.status, told.name) == ("warn", "learned order")
        assert "palate train" in told.advice
        registry.rollback(database, "order")
        assert not list(look_at_order(database))
        assert searcher.search(SearchRequest(q="love", user_id=USER)).order == "learned"
    finally:
        assert found.order is not None
        registry.activate(database, found.order.id, force=True)
        registry.remove(database, broken)


def test_another_processs_activation_reaches_the_next_search(
    trained: tuple[Database, Trained],
) -> None:
    database, found = trained
    assert found.order is not None
    searcher = Searcher(database)
    assert searcher.search(SearchRequest(q="love", user_id=USER)).order == "learned"
    registry.deactivate(database, "order")
    try:
        assert searcher.search(SearchRequest(q="love", user_id=USER)).order == "blend"
    finally:
        registry.activate(database, found.order.id, force=True)
    assert searcher.search(SearchRequest(q="love", user_id=USER)).order == "learned"


def test_a_first_rating_changes_the_order_without_training(
    trained: tuple[Database, Trained],
) -> None:
    database, _ = trained
    newcomer = 555_555
    searcher = Searcher(database)
    with database.read() as connection:
        film = connection.exec_driver_sql(
            "SELECT movie_id FROM movie_stats ORDER BY rating_count DESC LIMIT 1"
        ).scalar_one()
    before = searcher.search(SearchRequest(q="love", user_id=newcomer, k=50))
    rate(database, newcomer, film, 5.0)
    after = searcher.search(SearchRequest(q="love", user_id=newcomer, k=50))
    assert not before.personalized
    assert after.personalized
    assert after.hits[0].components["collaborative"] is not None
    assert [h.movie_id for h in before.hits] != [h.movie_id for h in after.hits]
    unrate(database, newcomer, film)
    assert (newcomer, "main") not in user_factors(database)
    gone = searcher.search(SearchRequest(q="love", user_id=newcomer, k=50))
    assert [h.movie_id for h in gone.hits] == [h.movie_id for h in before.hits]


def test_sql_gives_the_models_own_scores(trained: tuple[Database, Trained]) -> None:
    database, found = trained
    model = Svd(**found.factors.parameters).fit(read_ratings(database))
    with database.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT f.movie_id, -(u.factors <#> f.factors_out) FROM user_factors u"
            f" JOIN movie_factors f USING (model_id) WHERE u.user_id = {USER}"
            f" AND model_id = {found.factors.id}"
        ).all()
    known = [row for row in rows if row[0] in set(model.movie_ids.tolist())]
    scores = model.score([USER], [row[0] for row in known])[0]
    assert scores == pytest.approx(np.array([row[1] for row in known]), abs=1e-3)


@pytest.mark.parametrize("parameters", [{}, {"slope": 0.5}, {"slope": 0.5, "away": False}])
def test_sql_weighs_stars_as_models_and_features_do(
    trained: tuple[Database, Trained], parameters: dict[str, Any]
) -> None:
    stars = np.arange(1, 11) / 2
    with trained[0].read() as connection:
        weights = [
            connection.exec_driver_sql(
                "SELECT factor_weight(%s::jsonb, %s::real, 3.5::real)",
                (json.dumps(parameters), each),
            ).scalar_one()
            for each in stars
        ]
    rated = {"rated": range(10), "stars": stars, "told": [None] * 10,
             "times": np.zeros(10), "years": [None] * 10, "rated_genres": [""] * 10,
             "middle": 3.5, "ratings": 10}  # fmt: skip
    sums = Person.of(rated).sums(FilmFactors(1, parameters))
    assert sums[SUMS.index("lately_5")] == pytest.approx(weights)  # of one time: all alike
    model = Svd(**{"slope": 0.0, **parameters, "recent": 0.0})
    ratings = Ratings.of(np.zeros(10), np.arange(10), stars)
    assert model._tastes(ratings).data == pytest.approx(np.array(weights) / np.sqrt(10), abs=1e-6)


changes = st.lists(
    st.tuples(st.sampled_from(["rate", "unrate"]), st.integers(700, 702), st.integers(0, 5),
              st.sampled_from([0.5, 3.5, 5.0]), st.integers(1, 4)),
    max_size=12,
)  # fmt: skip


@settings(max_examples=15)
@given(changes)
def test_folding_in_ends_in_what_a_refresh_gives(
    trained: tuple[Database, Trained], steps: list[tuple[str, int, int, float, int]]
) -> None:
    """Whatever the order: ratings come with times before those that are there."""
    database, found = trained
    with psycopg.connect(database.psql_url) as connection:
        films = connection.execute("SELECT movie_id FROM movies ORDER BY 1 LIMIT 6").fetchall()
        for what, user, film, stars, day in steps:
            if what == "rate":
                connection.execute(
                    "INSERT INTO ratings (user_id, movie_id, rating, rated_at)"
                    " VALUES (%s, %s, %s, make_date(2020, 1, %s)) ON CONFLICT"
                    " (user_id, profile, movie_id) DO UPDATE"
                    " SET rating = excluded.rating, rated_at = excluded.rated_at",
                    (user, films[film][0], stars, day),
                )
            else:
                connection.execute(
                    "DELETE FROM ratings WHERE user_id = %s AND movie_id = %s",
                    (user, films[film][0]),
                )
    kept = user_factors(database)
    with psycopg.connect(database.psql_url) as connection:
        connection.execute("SELECT refresh_user_factors(%s)", (found.factors.id,))
    refreshed = user_factors(database)
    assert kept.keys() == refreshed.keys()
    for key, (count, factors) in refreshed.items():
        assert kept[key][0] == count
        assert kept[key][1] == pytest.approx(factors, abs=1e-3)


def test_two_stars_push_away_what_five_draw_near(trained: tuple[Database, Trained]) -> None:
    """Of one person who rates twelve horror films 5 and one who rates the same films 2."""
    database, _ = trained
    lover, hater = 800, 801
    with psycopg.connect(database.psql_url, autocommit=True) as connection:

        def share(statement: str, user: int) -> float:
            """Of horror among ten films."""
            genres = connection.execute(
                f"SELECT 'Horror' = ANY (m.genres) FROM ({statement}) f JOIN movies m"
                " USING (movie_id)",
                {"user": user},
            ).fetchall()
            return float(np.mean([row[0] for row in genres]))

        for user, stars in ((lover, 5), (hater, 2)):
            connection.execute(
                "INSERT INTO ratings (user_id, movie_id, rating) SELECT %s, movie_id, %s"
                " FROM movies WHERE 'Horror' = ANY (genres)"
                " ORDER BY rating_count DESC, movie_id LIMIT 12",
                (user, stars),
            )
        try:
            for statement in (
                "SELECT movie_id FROM recommend(%(user)s)",
                "SELECT movie_id FROM search('night', for_user => %(user)s, seen => 'drop',"
                " weights => '{\"bm25\": 0}')",
                "SELECT movie_id FROM search('night', for_user => %(user)s, seen => 'drop',"
                ' weights => \'{"bm25": 0, "content": 0, "popularity": 0}\')',
                "SELECT movie_id FROM search('night', for_user => %(user)s, seen => 'drop',"
                ' weights => \'{"bm25": 0, "collaborative": 0, "popularity": 0}\')',
                "SELECT movie_id FROM similar((SELECT movie_id FROM movies"
                " WHERE 'Horror' = ANY (genres) ORDER BY rating_count DESC, movie_id"
                " OFFSET 12 LIMIT 1), for_user => %(user)s)",
            ):
                assert share(statement, lover) > share(statement, hater), statement
        finally:
            connection.execute("DELETE FROM ratings WHERE user_id IN (800, 801)")


def test_models_live_side_by_side_and_worse_ones_are_refused(few_raters_copy: Database) -> None:
    ratings = read_ratings(few_raters_copy)
    good = registry.save_factors(
        few_raters_copy, Svd(rank=8).fit(ratings), metrics={"ndcg@10": 0.6},
        weights={"collaborative": 0.7},
    )  # fmt: skip
    worse = registry.save_factors(
        few_raters_copy, Ease(rank=24).fit(ratings), metrics={"ndcg@10": 0.5}
    )
    with pytest.raises(NotFoundError, match="no model 99"):
        registry.activate(few_raters_copy, 99)
    assert all(hit == 0 for hit in _collaborative(few_raters_copy))
    registry.activate(few_raters_copy, good)
    first = ids(few_raters_copy)
    with pytest.raises(ConflictError, match="--force"):
        registry.activate(few_raters_copy, worse)
    assert ids(few_raters_copy) == first
    assert read_weights(few_raters_copy)["collaborative"] == 0.7
    registry.activate(few_raters_copy, worse, force=True)
    assert read_weights(few_raters_copy)["collaborative"] == 0.55, "what is not tuned has"
    assert [m.state for m in registry.list_models(few_raters_copy)] == ["active", "retired"]
    assert {key[1] for key in user_factors(few_raters_copy)} == {"main"}
    with pytest.raises(ConflictError, match="is the active model"):
        registry.remove(few_raters_copy, worse)
    rate(few_raters_copy, USER, FILM, 5.0)
    unrate(few_raters_copy, USER, FILM)
    assert registry.rollback(few_raters_copy, "factors").id == good
    assert read_weights(few_raters_copy)["collaborative"] == 0.7
    assert ids(few_raters_copy) == first
    registry.remove(few_raters_copy, worse)
    with few_raters_copy.read() as connection:
        left = connection.exec_driver_sql("SELECT DISTINCT model_id FROM movie_factors").scalars()
        assert list(left) == [good]


@pytest.mark.parametrize("gone", ["off", "deleted"])
def test_weights_tuned_with_a_model_go_with_it(few_raters_copy: Database, gone: str) -> None:
    before = read_weights(few_raters_copy)
    model = Svd(rank=8).fit(read_ratings(few_raters_copy))
    tuned = {"bm25": 0.2, "content": 0.1, "collaborative": 0.6, "popularity": 0.1}
    registry.activate(
        few_raters_copy, registry.save_factors(few_raters_copy, model, metrics={}, weights=tuned)
    )
    assert read_weights(few_raters_copy) == tuned
    if gone == "off":
        registry.deactivate(few_raters_copy, "factors")
    else:
        with few_raters_copy.begin() as connection:
            connection.exec_driver_sql("DELETE FROM models")
    assert read_weights(few_raters_copy) == before


def _collaborative(database: Database) -> list[float]:
    response = Searcher(database).search(SearchRequest(q="love", user_id=USER))
    return [hit.contributions["collaborative"] for hit in response.hits]


def test_a_training_that_stops_leaves_the_active_model(
    few_raters_copy: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(few_raters_copy, Svd(rank=8), evaluate=False)
    before = registry.active_model(few_raters_copy, "factors")
    order = ids(few_raters_copy)

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(registry, "activate", stop)
    with pytest.raises(KeyboardInterrupt):
        train(few_raters_copy, Svd(rank=4), evaluate=False)
    assert registry.active_model(few_raters_copy, "factors") == before
    assert ids(few_raters_copy) == order


def test_synthetic_users_teach_nothing(few_raters_copy: Database) -> None:
    ratings = read_ratings(few_raters_copy)
    with few_raters_copy.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO ratings (user_id, movie_id, rating)"
            " SELECT 900000, movie_id, 5 FROM movies ORDER BY movie_id LIMIT 50"
        )
        connection.exec_driver_sql("UPDATE users SET synthetic = true WHERE user_id = 900000")
    assert registry.fingerprint(read_ratings(few_raters_copy)) == registry.fingerprint(ratings)


def test_a_learned_order_is_told_what_the_factors_of_the_user_say(
    trained: tuple[Database, Trained],
) -> None:
    database, _ = trained
    with database.read() as connection:
        found = connection.exec_driver_sql("SELECT * FROM search_columns(parse_query('love'), 1)")
        rated = connection.exec_driver_sql("SELECT * FROM latest_ratings(1)")
        row, known = dict(found.mappings().one()), dict(rated.mappings().one())
        matrix = FeatureMaker().matrix(connection, row, known)
        affinities = connection.exec_driver_sql(
            "SELECT o.movie_id, -(o.factors_out <#> u.factors) FROM user_factors u"
            " JOIN movie_factors o USING (model_id) JOIN models a ON a.id = u.model_id"
            " WHERE u.user_id = 1 AND a.state = 'active'"
        )
        expected = {row.movie_id: row[1] for row in affinities}
    said = dict(zip(FEATURES, matrix.T, strict=True))
    assert said["affinity"] == pytest.approx([expected[each] for each in row["movie_id"]], abs=1e-6)
    assert np.isfinite(said["log_ratings"]).all()
