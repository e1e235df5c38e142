"""Recommendations, preferences and comparisons: figures that add up, and say how sure they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import money as enriched
from palate.errors import MisuseError, NotFoundError
from rerank.analysis.compare import compare
from rerank.analysis.preferences import LEAST_DIFFERENCE, between_variance, preferences
from rerank.money import BASE_YEAR, BUDGETS, REVENUES, budget_tier
from rerank.profile import rate
from rerank.recommend import RecommendRequest, recommend
from sql.database import Database
from sql.syntax import Filter, Ids

LOVER, HATER = 20001, 20002


class TestRecommend:
    @pytest.mark.parametrize("user_id", [None, LOVER, 1])
    def test_contributions_add_up_to_the_score(
        self, sample_database: Database, user_id: int | None
    ) -> None:
        found = recommend(sample_database, RecommendRequest(user_id=user_id, k=50, seen="keep"))
        scores = [movie.score for movie in found.movies]
        assert scores == sorted(scores, reverse=True)
        for movie in found.movies:
            assert sum(movie.contributions.values()) == pytest.approx(movie.score)
            for part, value in movie.components.items():
                expected = found.weights[part] * (value or 0)
                assert movie.contributions[part] == pytest.approx(expected)

    def test_seen_films_are_left_out_unless_kept(self, sample_database: Database) -> None:
        dropped = recommend(sample_database, RecommendRequest(user_id=LOVER, k=100))
        kept = recommend(sample_database, RecommendRequest(user_id=LOVER, k=100, seen="keep"))
        assert all(movie.rating is None for movie in dropped.movies)
        assert any(movie.rating is not None for movie in kept.movies)

    def test_an_unknown_user_gets_what_is_popular(self, sample_database: Database) -> None:
        anybody = recommend(sample_database, RecommendRequest())
        unknown = recommend(sample_database, RecommendRequest(user_id=987654321))
        assert unknown.movies == anybody.movies
        assert "unknown" in (unknown.why_not_personalized or "")

    def test_people_at_psql_get_the_same(self, sample_database: Database) -> None:
        found = recommend(sample_database, RecommendRequest(user_id=LOVER, k=5))
        with sample_database.read() as connection:
            rows = connection.exec_driver_sql(
                f"SELECT movie_id FROM recommend(for_user => {LOVER}, k => 5) ORDER BY rank"
            )
            assert list(rows.scalars()) == [movie.movie_id for movie in found.movies]

    def test_the_candidates_are_asked_for_as_the_engine_compiles_them(
        self, sample_database: Database
    ) -> None:
        compiled = sample_database.search_engine.compile(Filter(Ids((1, 488))))
        with sample_database.read() as connection:
            made = connection.exec_driver_sql("SELECT query_of_movies(ARRAY[1, 488])").scalar_one()
        assert made == compiled.query

    def test_an_empty_catalog_has_none(self, database: Database) -> None:
        assert recommend(database, RecommendRequest(user_id=1)).movies == ()


class TestPreferences:
    def test_a_lover_and_a_hater_of_fantasy(self, sample_database: Database) -> None:
        lover, hater = preferences(sample_database, LOVER), preferences(sample_database, HATER)
        assert lover.level > 1 > -1 > hater.level
        assert lover.distribution == {"5.0": lover.n}
        assert lover.genres[0].name == "Fantasy"
        assert lover.genres[0].n == lover.n
        assert any(said.startswith("Rates mostly Fantasy") for said in lover.summary)

    def test_three_ratings_make_no_trait(self, sample_copy: Database) -> None:
        with sample_copy.read() as connection:
            horror = connection.exec_driver_sql(
                "SELECT movie_id FROM movies WHERE 'Horror' = ANY(genres) "
                "ORDER BY rating_count DESC, movie_id LIMIT 3"
            ).scalars()
            films = list(horror)
        for movie_id in films:
            rate(sample_copy, 4711, movie_id, 5)
        found = preferences(sample_copy, 4711)
        assert found.n == 3
        assert all(trait.n <= 3 for trait in found.genres)
        assert not any("Likes" in said for said in found.summary)
        raw = found.genres[0].mean - found.genres[0].crowd
        assert 0 < found.genres[0].shrunken < raw / 2

    def test_summaries_tell_what_the_tables_hold(self, sample_database: Database) -> None:
        for user_id in (1, 5, 17):
            found = preferences(sample_database, user_id)
            liked = [t for t in found.genres if t.shrunken >= LEAST_DIFFERENCE and t.n >= 5]
            told = " ".join(found.summary)
            best = max(liked, key=lambda trait: trait.shrunken, default=None)
            assert sum(found.distribution.values()) == found.n
            assert best is None or f"{best.name} ({best.shrunken:+.1f} from {best.n})" in told

    def test_nobody_has_none(self, sample_database: Database) -> None:
        with pytest.raises(NotFoundError, match="has rated nothing"):
            preferences(sample_database, 987654321)


POINTS = st.tuples(st.floats(-4, 4), st.floats(0.01, 5))


@given(st.lists(POINTS, max_size=20))
def test_the_variance_between_groups_is_never_negative(groups: list[tuple[float, float]]) -> None:
    assert between_variance(groups) >= 0


@given(st.floats(-4, 4), st.lists(st.floats(0.01, 5), min_size=2, max_size=20))
def test_groups_that_are_alike_do_not_differ(mean: float, variances: list[float]) -> None:
    assert between_variance([(mean, variance) for variance in variances]) == pytest.approx(0)


@given(st.integers(1, 10**9), st.integers(1900, 2024))
def test_a_budget_has_the_tier_that_it_had_in_the_money_of_its_year(budget: int, year: int) -> None:
    tiers = list(BUDGETS)
    later = budget_tier(budget, 2024)
    earlier = budget_tier(budget, year)
    assert tiers.index(earlier) >= tiers.index(later)  # type: ignore[arg-type]


def test_tiers_of_requests_are_those_of_enrichment() -> None:
    assert BASE_YEAR == enriched.BASE_YEAR
    for asked, stored in ((BUDGETS, enriched.BUDGET_TIERS), (REVENUES, enriched.REVENUE_TIERS)):
        spans = [(tier, 0 if low == 1 else low) for tier, (low, _) in asked.items()]
        assert spans == list(stored)
        assert [below for _, below in asked.values()][:-1] == [low for _, low in spans[1:]]


class TestCompare:
    def test_figures_and_who_leads(self, sample_database: Database) -> None:
        found = compare(sample_database, [488, 486, 496])
        assert [movie.title for movie in found.movies] == ["Jaws", "Jurassic Park", "King Kong"]
        jaws = found.movies[0]
        assert jaws.profit == (jaws.revenue or 0) - (jaws.budget or 0)
        leads = {each.name: each.movie_ids for each in found.best}
        assert leads["most_revenue"] == (486,)
        assert leads["best_return"] == (488,)
        assert "shortest" not in leads  # only one running time is known
        assert found.missing["runtime_minutes"] == (488, 486)
        counted = {each.name: each.n for each in found.statistics}
        assert (counted["budget"], counted["runtime_minutes"]) == (3, 1)

    def test_money_that_is_unknown_is_missing(self, sample_database: Database) -> None:
        found = compare(sample_database, [20, 488])  # 12 Angry Men has no revenue
        assert found.movies[0].return_ratio is None
        assert 20 in found.missing["revenue"]
        assert "not wholly known" in found.summary[-1]

    @pytest.mark.parametrize("ids", [[], [1], [1, 1], list(range(1, 12))])
    def test_two_to_ten_different_films(self, sample_database: Database, ids: list[int]) -> None:
        with pytest.raises(MisuseError, match="2 to 10"):
            compare(sample_database, ids)

    def test_an_unknown_film(self, sample_database: Database) -> None:
        with pytest.raises(NotFoundError, match="999999"):
            compare(sample_database, [1, 999999])
