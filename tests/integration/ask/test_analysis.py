"""Recommendations, preferences and comparisons: figures that add up, and say how sure they are."""

import numpy as np
import pytest

from ask.answer import Asker
from ask.compare import compare
from ask.prediction import predict
from ask.preferences import LEAST_DIFFERENCE, find_preferences
from ask.structure import Structure
from ingest.enrichment import choose, enrich
from llm import load_prompt
from palate.contract import RecommendRequest
from palate.errors import MisuseError, NotFoundError
from rerank.profile import rate
from rerank.recommend import recommend
from rerank.search import Searcher
from sql.database import Database

LOVER, HATER = 20001, 20002


class TestRecommend:
    @pytest.mark.parametrize("user_id", [None, LOVER, 1])
    def test_contributions_add_up_to_the_score(
        self, sample_database: Database, user_id: int | None
    ) -> None:
        asked = RecommendRequest(user_id=user_id, k=50, seen="keep", diversity=1)
        found = recommend(sample_database, asked)
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
        asked = RecommendRequest(user_id=LOVER, k=5, diversity=1, franchise=0)
        found = recommend(sample_database, asked)
        with sample_database.read() as connection:
            rows = connection.exec_driver_sql(
                f"SELECT movie_id FROM recommend(for_user => {LOVER}, k => 5) ORDER BY rank"
            )
            assert list(rows.scalars()) == [movie.movie_id for movie in found.movies]

    def test_an_empty_catalog_has_none(self, database: Database) -> None:
        assert recommend(database, RecommendRequest(user_id=1)).movies == ()


class TestPredictionInWords:
    def test_without_a_model_the_level_of_the_user_is_told(self, sample_copy: Database) -> None:
        rate(sample_copy, 4711, 488, 0.5)
        told = predict(sample_copy, 4711, 2741).summary
        assert told[1] == "Confidence is low and the one film rated is not near Shrek (2001)."
        assert told[2].startswith(
            "The prediction for Shrek (2001) is lowered by 0.6, the user's ratings of 1 other film "
            "are below the crowd's, and anybody is expected to give Shrek (2001)"
        )
        rate(sample_copy, 4711, 486, 0.5)
        near = predict(sample_copy, 4711, 488).summary
        assert near[1].startswith(
            "Confidence is low and the one film rated is near Jaws (1975) (alike 0."
        )
        assert any(said.startswith("User 4711 gave Jaws (1975) 0.5 already") for said in near)
        nobody = predict(sample_copy, 987654321, 488).summary
        assert nobody[1] == "Confidence is low."
        assert "user 987654321 has rated no other film" in nobody[2]


class TestPreferences:
    def test_a_lover_and_a_hater_of_fantasy(self, sample_database: Database) -> None:
        lover, hater = (
            find_preferences(sample_database, LOVER),
            find_preferences(sample_database, HATER),
        )
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
        found = find_preferences(sample_copy, 4711)
        assert found.n == 3
        assert all(trait.n <= 3 for trait in found.genres)
        assert not any("Likes" in said for said in found.summary)
        raw = found.genres[0].mean - found.genres[0].crowd
        assert 0 < found.genres[0].shrunken < raw / 2
        alike = len({round(trait.shrunken, 2) for trait in found.genres}) == 1
        assert alike == any("do not tell genres apart" in said for said in found.summary)

    def test_summaries_tell_what_the_tables_hold(self, sample_database: Database) -> None:
        for user_id in (1, 5, 17):
            found = find_preferences(sample_database, user_id)
            liked = [t for t in found.genres if t.shrunken >= LEAST_DIFFERENCE and t.n >= 5]
            told = " ".join(found.summary)
            best = max(liked, key=lambda trait: trait.shrunken, default=None)
            assert sum(found.distribution.values()) == found.n
            assert best is None or f"{best.name} ({best.shrunken:+.1f} from {best.n})" in told

    def test_nobody_has_none(self, sample_database: Database) -> None:
        with pytest.raises(NotFoundError, match="has rated nothing"):
            find_preferences(sample_database, 987654321)


def shrunken(differences: list[list[float]], level: float, variance: float) -> list[float]:
    """The groups' means, shrunken to the level as 60_analysis.sql says, computed another way."""
    n = np.array([len(group) for group in differences])
    d = np.array([np.mean(group) for group in differences])
    w = n / variance
    q = w @ (d - np.average(d, weights=w)) ** 2
    scale = w.sum() - (w**2).sum() / w.sum()
    between = max(0.0, (q - (len(n) - 1)) / scale) if len(n) > 1 else 0.0
    return list(level + between / (between + variance / n) * (d - level))


@pytest.mark.parametrize("user_id", [1, 17, LOVER, HATER])
def test_preferences_are_shrunken_as_they_say(sample_database: Database, user_id: int) -> None:
    with sample_database.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT r.rating::float8, m.genres, coalesce(s.avg_rating * s.rating_count, 0) AS sum, "
            "s.rating_count, a.mean FROM ratings r JOIN movies m USING (movie_id) "
            "JOIN movie_stats s USING (movie_id), (SELECT sum(avg_rating * rating_count) "
            "/ sum(rating_count) AS mean FROM movie_stats) a WHERE user_id = %s",
            (user_id,),
        ).all()
    left = [row.rating - (row.sum + 5 * row.mean) / (row.rating_count + 5) for row in rows]
    groups: dict[str, list[float]] = {}
    for row, difference in zip(rows, left, strict=True):
        for genre in set(row.genres):
            groups.setdefault(genre, []).append(difference)
    level = sum(left) / (len(left) + 5)
    variance = (len(left) * np.var(left) + 10 * 0.76) / (len(left) + 10)
    expected = dict(zip(groups, shrunken(list(groups.values()), level, variance), strict=True))
    found = find_preferences(sample_database, user_id)
    assert found.level == pytest.approx(level, abs=0.001)
    assert {trait.name: trait.shrunken for trait in found.genres} == pytest.approx(
        expected, abs=0.001
    )
    assert [trait.n for trait in found.genres] == sorted(map(len, groups.values()), reverse=True)


def test_what_is_told_of_the_crowd_is_made_of_every_digit(sample_database: Database) -> None:
    with sample_database.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT r.user_id, r.movie_id, r.rating::float8 FROM ratings r "
            "JOIN users u USING (user_id, profile) WHERE NOT u.synthetic"
        ).all()
    users, films, stars = (np.array(column) for column in zip(*rows, strict=True))
    n, total = np.bincount(films), np.bincount(films, stars)
    mine = films[users == 1]
    expected = np.mean((total[mine] + 5 * stars.mean()) / (n[mine] + 5))
    assert find_preferences(sample_database, 1).crowd == pytest.approx(expected, abs=1e-9)


def test_people_who_only_read_ask_the_same_functions(sample_database: Database) -> None:
    with sample_database.begin() as connection:
        connection.exec_driver_sql("SET LOCAL ROLE palate_read")
        rows = connection.exec_driver_sql(
            f"SELECT name, n FROM preferences(for_user => {HATER}) WHERE kind = 'genre'"
        ).all()
        films = connection.exec_driver_sql(
            "SELECT movie_id FROM compare(ARRAY[486, 99999999, 488])"
        ).scalars()
        assert list(films) == [486, 488]
    found = find_preferences(sample_database, HATER)
    assert [tuple(row) for row in rows] == [(trait.name, trait.n) for trait in found.genres]


class TestMoney:
    @pytest.mark.parametrize(
        ("column", "dollars", "year", "tier"),
        [
            ("budget", 14_999_999, 2024, "low"), ("budget", 15_000_000, 2024, "medium"),
            ("budget", 75_000_000, 2024, "high"), ("budget", 200_000_000, 2024, "ultra_high"),
            ("revenue", 29_999_999, 2024, "low"), ("revenue", 30_000_000, 2024, "medium"),
            ("revenue", 150_000_000, 2024, "high"), ("revenue", 700_000_000, 2024, "blockbuster"),
            ("budget", 44_000_000, 1963, "ultra_high"), ("budget", 2**63 - 1, 1900, "ultra_high"),
            ("budget", 20_000_000, 2100, "medium"), ("budget", 999, 2024, None),
            ("budget", 0, 2024, None), ("budget", None, 2024, None), ("revenue", 10**8, None, None),
        ],
    )  # fmt: skip
    def test_tiers_are_of_the_money_of_2024(
        self,
        sample_database: Database,
        column: str,
        dollars: int | None,
        year: int | None,
        tier: str,
    ) -> None:
        with sample_database.read() as connection:
            found = connection.exec_driver_sql(
                f"SELECT {column}_tier(%s::bigint, %s::integer)", (dollars, year)
            ).scalar_one()
        assert found == tier

    def test_prices_are_those_of_the_index(self, sample_database: Database) -> None:
        with sample_database.read() as connection:
            then, first, last = connection.exec_driver_sql(
                "SELECT dollars_of_2024(11000000, 1977), price_index(1850), price_index(2100)"
            ).one()
        assert (round(then), first, last) == (56_940_248, 9.9, 313.689)

    def test_effectiveness_is_half_return_and_half_rating(self, sample_database: Database) -> None:
        with sample_database.read() as connection:
            found = connection.exec_driver_sql(
                "SELECT effectiveness(100000000, 250000000, NULL, 0, 5),"
                " effectiveness(999, 250000000, 4, 9, 3.5),"
                " effectiveness(10000, 1000, 0.5, 20, 0.5),"
                f" effectiveness({2**63 - 1}, {2**63 - 1}, 5, 1, 5)"
            ).one()
        assert found == (7.5, None, 0.19, pytest.approx(6.43))

    def test_a_film_that_was_not_enriched_has_the_tier_that_enrichment_gives(
        self, sample_copy: Database
    ) -> None:
        wanted = Structure(budget=("high", "ultra_high"), k=100)
        asker = Asker(sample_copy, Searcher(sample_copy))
        before = asker.run(wanted)
        told = compare(sample_copy, [488, 496])
        enrich(sample_copy, None, choose(sample_copy, None, n=1500))
        half = asker.run(wanted)
        enrich(sample_copy, None, choose(sample_copy, None))
        after = asker.run(wanted)
        assert len(before.movies) == 100
        assert [movie.movie_id for movie in before.movies] == [m.movie_id for m in after.movies]
        assert [movie.movie_id for movie in half.movies] == [m.movie_id for m in after.movies]
        assert before.read_as == half.read_as == "budget_tier:high OR budget_tier:ultra_high"
        assert [m.budget_tier for m in told.movies] == [
            m.budget_tier for m in compare(sample_copy, [488, 496]).movies
        ]

    def test_the_model_is_told_the_same_thresholds(self) -> None:
        text = load_prompt("enrich-money").text
        for words in (
            "low (below 15 million), medium (below 75 million), high (below 200 million)",
            "low (below 30 million), medium (below 150 million), high (below 700 million)",
        ):
            assert words in text


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
        assert "not wholly known" in found.summary[-1].lower()

    @pytest.mark.parametrize("ids", [[], [1], [1, 1], list(range(1, 12))])
    def test_two_to_ten_different_films(self, sample_database: Database, ids: list[int]) -> None:
        with pytest.raises(MisuseError, match="2 to 10"):
            compare(sample_database, ids)

    def test_an_unknown_film(self, sample_database: Database) -> None:
        with pytest.raises(NotFoundError, match="999999"):
            compare(sample_database, [1, 999999])
