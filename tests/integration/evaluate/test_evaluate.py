"""Evaluation on the sample: the production path, nothing known of the future, runs on file."""

import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy

from evaluate.rankings import EvaluationError, Weighted, check, single_components
from evaluate.recommend import evaluate_recommend, make_trial
from evaluate.report import make_markdown, make_page
from evaluate.retrain import retrain
from evaluate.runs import Run, compare, read_run, write_run
from evaluate.search import evaluate_search
from learn.candidates import CandidateLists, fetch_candidates, read_weights
from learn.guard import LeakError, check_statistics
from learn.held_out import SETS, Held, hold_out
from learn.lambdarank import LambdaRank
from learn.models.factors import Svd
from learn.models.interface import Ratings
from learn.registry import activate, active_model, save_factors
from learn.train import train
from palate.errors import MisuseError, NotFoundError
from rerank.search import Searcher
from sql.database import Database

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def held(few_raters_database: Database) -> Iterator[Held]:
    with hold_out(few_raters_database, SETS, users=25) as held:
        yield held


def run_script(database: Database, script: str) -> None:
    with database.begin() as connection:
        connection.exec_driver_sql(script)


def pairs(ratings: Ratings) -> list[tuple[int, int]]:
    users, movies = ratings.user_ids[ratings.rows], ratings.movie_ids[ratings.columns]
    return list(zip(users.tolist(), movies.tolist(), strict=True))


def fetched(held: Held, queries: int = 20) -> CandidateLists:
    return fetch_candidates(held.database, held.queries["one-word"][:queries])


def test_tasters_and_what_is_held_out_teach_nothing(held: Held) -> None:
    with held.database.read() as connection:
        count, highest = connection.execute(
            sqlalchemy.text("SELECT count(*), max(user_id) FROM ratings")
        ).one()
    assert count == len(held.training) < len(held.ratings)
    assert highest <= 600


@pytest.mark.parametrize("name", SETS)
def test_the_quick_path_gives_the_order_that_search_gives(held: Held, name: str) -> None:
    queries = held.queries[name][:15]  # type: ignore[index]
    lists = fetch_candidates(held.database, queries)
    searcher = Searcher(held.database)
    rankings = [
        *(one for one in single_components() if one.name != "collaborative"),
        Weighted("blend", read_weights(held.database)),
        Weighted("odd", {"bm25": 0.37, "content": 0.11, "popularity": 1.3}),
    ]
    assert check(searcher, lists, rankings, 200, queries=15) == 15 * len(rankings)


def test_an_order_that_search_does_not_give_is_not_measured(held: Held) -> None:
    class Wrong(Weighted):
        def scores(self, lists: CandidateLists) -> np.ndarray:
            return -super().scores(lists)

    with pytest.raises(EvaluationError, match="wrong: search for"):
        check(Searcher(held.database), fetched(held), [Wrong("wrong", {"bm25": 1.0})], 200)


def test_no_candidate_was_rated_in_training(held: Held) -> None:
    lists = fetched(held)
    for number, query in enumerate(lists.queries):
        row = np.searchsorted(held.training.user_ids, [query.user_id])
        rated = held.training.movie_ids[held.training.take(row).columns]
        part = slice(lists.starts[number], lists.starts[number + 1])
        assert not np.isin(lists.movie_ids[part], rated).any()
        assert query.movie_id in lists.movie_ids[part]


def test_statistics_of_training_ratings_pass_the_guard(held: Held) -> None:
    check_statistics(held.database, held.training)


@pytest.mark.parametrize(
    ("planted", "caught"),
    [
        ("UPDATE movies m SET rating_count = p.rating_count FROM palate.movies p"
         " WHERE p.movie_id = m.movie_id", "movies.rating_count"),
        ("UPDATE movies m SET avg_rating = p.avg_rating FROM palate.movies p"
         " WHERE p.movie_id = m.movie_id", "movies.avg_rating"),
        ("DROP MATERIALIZED VIEW movie_stats CASCADE;"
         "CREATE TABLE movie_stats AS SELECT * FROM palate.movie_stats",
         "movie_stats.rating_count"),
        ("INSERT INTO ratings SELECT * FROM palate.ratings ON CONFLICT DO NOTHING",
         "users' rating_count"),
    ],
)  # fmt: skip
def test_planted_statistics_that_know_the_future_are_caught(
    few_raters_copy: Database, planted: str, caught: str
) -> None:
    with hold_out(few_raters_copy, ["one-word"], users=5) as held:
        run_script(held.database, planted)
        with pytest.raises(LeakError, match=caught):
            check_statistics(held.database, held.training)


def test_a_planted_feature_that_reads_live_rows_is_caught(few_raters_copy: Database) -> None:
    """A component made of all the ratings there are, held-out ones included."""
    with hold_out(few_raters_copy, ["one-word"], users=5) as held:
        fetched(held)
        run_script(
            held.database,
            "CREATE OR REPLACE FUNCTION taste_strength(ratings bigint) RETURNS double precision"
            " LANGUAGE sql STABLE RETURN (SELECT avg(r.rating) FROM palate.ratings r)",
        )
        with pytest.raises(LeakError, match="ratings"):
            fetched(held)


def test_held_out_ratings_change_nothing_that_is_measured(few_raters_copy: Database) -> None:
    """The same training ratings beside another future give the same candidates and components."""
    with hold_out(few_raters_copy, ["one-word"], users=5) as held:
        before, queries = fetched(held), list(held.queries["one-word"][:20])
        kept = set(pairs(held.training))
        future = [pair for pair in pairs(held.ratings) if pair not in kept]
    with few_raters_copy.begin() as connection:
        connection.execute(
            sqlalchemy.text(
                "UPDATE ratings SET rating = 5.5 - rating"
                " WHERE user_id = :user_id AND movie_id = :movie_id"
            ),
            [{"user_id": user, "movie_id": movie} for user, movie in future],
        )
    with hold_out(few_raters_copy, ["one-word"], users=25) as held:
        after = fetch_candidates(held.database, queries)
    assert (before.movie_ids == after.movie_ids).all()
    for name, values in before.components.items():
        assert np.array_equal(values, after.components[name], equal_nan=True), name


@pytest.fixture(scope="module")
def search_run(few_raters_database: Database) -> Run:
    return evaluate_search(few_raters_database, sets=["one-word"], users=40, samples=200)


def test_the_blend_is_better_than_bm25_and_says_how_sure_that_is(search_run: Run) -> None:
    result = search_run.results["one-word"]
    assert list(result.rankings) == ["bm25", "content", "popularity", "blend"]
    difference = result.rankings["blend"].difference["ndcg@10"]
    assert 0 < difference.low < difference.mean < difference.high
    assert result.rankings["bm25"].difference["ndcg@10"].mean == 0
    for one in result.rankings.values():
        assert sum(band.queries for band in one.by_activity) == result.queries
        assert sum(band.queries for band in one.by_popularity) == result.queries


def test_a_run_says_what_the_first_ratings_are_worth(search_run: Run) -> None:
    blend = search_run.results["one-word"].rankings["blend"]
    assert list(blend.by_known) == ["0", "1", "2", "3", "5", "10", "20", "all"]
    assert blend.by_known["0"] < blend.by_known["all"]
    assert blend.by_known["0"] - 0.01 < blend.by_known["1"]


def test_films_that_came_later_only_stand_in_the_way(search_run: Run) -> None:
    for one in search_run.results["one-word"].rankings.values():
        assert one.with_future <= one.metrics["ndcg@10"].mean + 1e-9


def test_copies_know_the_last_ratings_and_count_in_no_statistic(sample_database: Database) -> None:
    with hold_out(sample_database, ["one-word"], users=5) as held:
        queries = held.queries["one-word"][:4]
        cut = held.cut(queries, 2)
        check_statistics(held.database, held.training)
        lists = held.fetch(cut)
        with held.database.read() as connection:
            known = connection.execute(
                sqlalchemy.text(
                    "SELECT movie_id FROM ratings WHERE user_id = :user_id ORDER BY movie_id"
                ),
                {"user_id": cut[0].user_id},
            ).scalars()
            assert len(known.all()) == 2
    assert [query.person for query in cut] == [query.user_id for query in queries]
    rated = set(pairs(held.training))
    asked = zip(lists.people[lists.numbers].tolist(), lists.movie_ids.tolist(), strict=True)
    assert not rated & set(asked)


def test_a_run_is_written_read_and_compared(search_run: Run, tmp_path: Path) -> None:
    write_run(search_run, tmp_path / "search.json")
    again = read_run(tmp_path / "search.json")
    assert {one.difference.mean for one in compare(search_run, again)} == {0.0}
    ranks = {name: {"rank": [1] * len(again.outcomes["one-word"].user_ids)}
             for name in again.outcomes["one-word"].values}  # fmt: skip
    perfect = dataclasses.replace(
        again,
        outcomes={"one-word": dataclasses.replace(again.outcomes["one-word"], values=ranks)},
    )
    gains = {(one.system, one.metric): one for one in compare(search_run, perfect)}
    assert gains["bm25", "hit@1"].after == 1
    assert gains["bm25", "hit@1"].difference.low > 0


def test_runs_that_share_nothing_are_not_compared(search_run: Run, tmp_path: Path) -> None:
    other = dataclasses.replace(search_run, outcomes={})
    with pytest.raises(MisuseError, match="nothing in common"):
        compare(search_run, other)
    with pytest.raises(NotFoundError, match="no-such"):
        read_run(tmp_path / "no-such.json")
    (tmp_path / "other.json").write_text(json.dumps({"about": 1}))
    with pytest.raises(MisuseError, match="no evaluation"):
        read_run(tmp_path / "other.json")


def test_recommendation_by_every_protocol(few_raters_database: Database) -> None:
    run = evaluate_recommend(few_raters_database, {"svd": lambda: Svd(rank=16)}, samples=100)
    assert list(run.results) == ["temporal", "random-75-25", "strong"]
    for result in run.results.values():
        accuracy = result.accuracy["svd"]
        assert 0 < accuracy["ndcg@10"].low <= accuracy["ndcg@10"].mean <= 1
        assert accuracy["recall@5"].mean <= accuracy["recall@100"].mean
        assert 0 < result.beyond["svd"]["coverage"] <= 1
        assert 0 < result.beyond["svd"]["diversity"] < 2
    assert "| svd" in make_markdown(run)
    assert "<td>svd" in make_page(run)


def test_strangers_are_in_no_training(few_raters_database: Database) -> None:
    ratings = Ratings.of(
        np.repeat(np.arange(10), 10), np.tile(np.arange(10), 10), np.full(100, 4.0)
    )
    trial = make_trial(ratings, "strong")
    assert not np.isin(trial.known.user_ids, trial.training.user_ids).any()
    assert len(trial.known) == 16
    assert len(trial.hidden) == 4


def test_without_ratings_there_is_nothing_to_measure(database: Database) -> None:
    with pytest.raises(MisuseError, match="no people's ratings"):
        evaluate_search(database)


def test_the_page_of_a_run_stands_alone(search_run: Run) -> None:
    text = make_page(search_run)
    assert text.count("<svg") == 2
    assert not re.search(r"""(src|href)=["'](?!#)""", text)


def test_a_run_as_markdown_has_a_row_a_ranking(search_run: Run) -> None:
    lines = make_markdown(search_run).splitlines()
    blend = search_run.results["one-word"].rankings["blend"].metrics["ndcg@10"]
    assert [line for line in lines if line.startswith("| blend") and f"{blend.mean:.4f}" in line]


def test_stored_models_are_trained_again_on_what_they_may_know(few_raters_copy: Database) -> None:
    """The check inside holds the learned order's quick path to the one that people search by."""
    run_script(few_raters_copy, "DELETE FROM ratings WHERE user_id > 100; SELECT refresh_stats()")
    train(few_raters_copy, Svd(rank=8), order=LambdaRank(rounds=15, least_in_leaf=20))
    live = active_model(few_raters_copy, "factors")
    run = evaluate_search(
        few_raters_copy, sets=["one-word"], prepare=retrain(few_raters_copy), users=30, samples=100
    )
    rankings = run.results["one-word"].rankings
    assert list(rankings) == ["bm25", "content", "collaborative", "popularity", "blend", "learned"]
    assert rankings["learned"].difference["ndcg@10"].mean > 0
    assert active_model(few_raters_copy, "factors") == live


def test_a_model_that_learned_from_other_ratings_is_caught(few_raters_copy: Database) -> None:
    with hold_out(few_raters_copy, ["one-word"], users=5) as held:
        model = Svd(rank=4).fit(held.ratings)  # of the future, too
        activate(held.database, save_factors(held.database, model, metrics={}))
        with pytest.raises(LeakError, match="svd 1"):
            check_statistics(held.database, held.training)


def test_without_a_stored_model_there_is_none_to_train(database: Database) -> None:
    assert retrain(database) is None
    with pytest.raises(NotFoundError):
        retrain(database, 7)
