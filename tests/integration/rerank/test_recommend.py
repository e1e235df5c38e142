"""Recommendations from several sources, each named, and scores that add up."""

import json
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from palate.contract import ListFigures, RecommendRequest
from palate.errors import MisuseError
from rerank.people import forget
from rerank.recommend import recommend as find
from rerank.trace import Trace
from sql.database import Database
from sql.stats import refresh_stats
from tests.integration.rerank.test_events import (
    CASINO,
    CRYSTAL,
    HEAT,
    ILLUSIONS,
    KNIGHT,
    MATRIX,
    RING,
    WILLOW,
    add,
    ask,
)  # fmt: skip

PARTS = ("bm25", "content", "collaborative", "popularity", "trending", "vote", "novelty", "alike")


def recommend(database: Database, arguments: str, **values: Any) -> dict[int, dict[str, Any]]:
    """The films by id, in order, as rows of recommend()."""
    found = ask(
        database, f"SELECT to_jsonb(r) FROM recommend({arguments}) r ORDER BY rank", *values
    )
    return {row["movie_id"]: row for (row,) in found}


def test_every_film_says_its_sources_and_adds_up(films: Database) -> None:
    found = recommend(films, "1, k => 20")
    assert set(found[RING]["sources"]) == {"ann", "popularity", "recent", "vote"}
    for row in found.values():
        assert sum(row[f"{part}_contribution"] for part in PARTS) == pytest.approx(row["score"])
    order = [row["score"] for row in found.values()]
    assert order == sorted(order, reverse=True)
    assert not {CRYSTAL, WILLOW, HEAT} & set(found), "rated"


def test_what_is_nearest_to_tastes_is_half_of_what_other_sources_give(films: Database) -> None:
    rows = ask(films, "SELECT unnest(sources) FROM recommend_candidates(1, candidates => 3)")
    given = [source for (source,) in rows]
    assert {source: given.count(source) for source in ("ann", "recent", "popularity", "vote")} == {
        "ann": 2, "recent": 2, "popularity": 3, "vote": 3,
    }  # fmt: skip


def test_a_page_that_no_weight_orders_says_so(films: Database) -> None:
    weights = {"content": 0.0, "collaborative": 0.0, "popularity": 0.0, "trending": 0.0}
    [note] = find(films, RecommendRequest(user_id=1, weights=weights)).notes
    assert note.startswith("All scores are 0")
    assert find(films, RecommendRequest(user_id=1)).notes == ()


def test_without_history_popular_and_trending_films_come(films: Database) -> None:
    for user in range(50, 54):
        add(films, user, {"type": "watched", "movie_id": KNIGHT})
    ask(films, "SELECT refresh_stats()")
    for nobody in ("NULL", "999"):
        found = recommend(films, f"{nobody}, k => 20")
        assert "trending" in found[KNIGHT]["sources"]
        assert found[KNIGHT]["trending_contribution"] > 0
        assert not any(row["personalized"] for row in found.values())
    weighed = recommend(films, """NULL, weights => '{"trending": 5}'""")
    assert next(iter(weighed)) == KNIGHT


def test_one_event_is_personal(films: Database) -> None:
    add(films, 7, {"type": "liked", "movie_id": CASINO})
    found = recommend(films, "7, k => 20")
    assert all(row["personalized"] for row in found.values())
    assert "ann" in found[HEAT]["sources"]
    heat, ring = found[HEAT]["content"], found[RING]["content"]
    assert heat > ring


def test_films_that_are_given_are_a_source_and_are_not_recommended(films: Database) -> None:
    found = recommend(films, f"NULL, alike_to => ARRAY[{CASINO}, {HEAT}]::bigint[], k => 20")
    assert not {CASINO, HEAT} & set(found)
    assert "alike" in found[KNIGHT]["sources"]
    assert found[KNIGHT]["alike"] > found[RING]["alike"]


def test_a_text_is_a_source(films: Database) -> None:
    found = recommend(films, "NULL, query => parse_query('lord'), k => 20")
    assert "query" in found[RING]["sources"]
    assert found[RING]["bm25_contribution"] > 0 == found[MATRIX]["bm25_contribution"]


def test_filters_and_exclusions_hold_for_every_source(films: Database) -> None:
    filtered = recommend(
        films, "7, filter => parse_query('genres:Fantasy'), query => parse_query('lord'), k => 20"
    )
    assert set(filtered) == {RING, ILLUSIONS, CRYSTAL, WILLOW}
    excluded = recommend(films, f"7, exclude => ARRAY[{RING}]::bigint[], k => 20")
    assert RING not in excluded


def test_weights_are_those_of_the_row_or_the_call(films: Database) -> None:
    ((stored,),) = ask(films, "SELECT mixer_weights()")
    assert stored["content"] == 0.5, "as in the blend"
    ask(films, "UPDATE mixer SET content = 2, novelty = 1")
    ((mixed,),) = ask(films, "SELECT mixer_weights(%s)", json.dumps({"vote": 3}))
    assert (mixed["content"], mixed["novelty"], mixed["vote"]) == (2, 1, 3)
    wrong = (
        '{"votes": 3}',
        '{"vote": -1}',
        '{"vote": 1e308}',
        '{"vote": "NaN"}',
        "3",
    )
    for weights in wrong:
        with pytest.raises(Exception, match="unknown weights"):
            ask(films, "SELECT mixer_weights(%s)", weights)
        with pytest.raises(Exception, match="unknown weights"):
            ask(films, "SELECT search('ring', weights => %s)", weights.replace("vote", "content"))


def test_a_film_that_is_null_excludes_nothing(films: Database) -> None:
    assert recommend(films, "7, k => 5, exclude => ARRAY[NULL]::bigint[]") == recommend(
        films, "7, k => 5"
    )


def test_what_people_of_alike_taste_lately_liked_is_a_source(films: Database) -> None:
    for user in (30, 31, 32):  # crime, as user 2
        liked = [HEAT, CASINO, KNIGHT] + [MATRIX] * (user == 32)
        add(films, user, *({"type": "liked", "movie_id": movie} for movie in liked))
    refresh_stats(films)
    found = find(films, RecommendRequest(user_id=2, k=20)).movies
    told = {movie.movie_id for movie in found if "neighbours" in movie.sources}
    assert told == {KNIGHT}, "what two of them liked, and was not seen"
    assert ask(films, "SELECT refresh_neighbours()") == [(0,)], "nobody has done anything since"
    add(films, 31, {"type": "liked", "movie_id": MATRIX})
    assert ask(films, "SELECT refresh_neighbours()") == [(1,)], "only whose taste changed"
    forget(films, 2)
    assert ask(films, "SELECT count(*) FROM neighbour_likes WHERE user_id = 2") == [(0,)]


def test_one_place_is_for_what_neighbours_like_far_from_the_taste(films: Database) -> None:
    for user in (30, 31, 32):  # crime, and one film of quite another kind
        add(films, user, *({"type": "liked", "movie_id": m} for m in (HEAT, CASINO, KNIGHT, RING)))
    refresh_stats(films)
    asked = RecommendRequest(user_id=2, k=20, diversity=1, weights={"content": 9})
    found = find(films, asked)
    assert found.movies[4].movie_id == RING
    assert {"neighbours", "serendipity"} <= set(found.movies[4].sources)
    assert [m.movie_id for m in found.movies if "serendipity" in m.sources] == [RING]
    first = find(films, asked.model_copy(update={"k": 4}))
    later = asked.model_copy(update={"cursor": first.next_cursor, "figures": True})
    assert find(films, later).movies[0].sources == found.movies[4].sources, "on whichever page"
    off = find(films, asked.model_copy(update={"serendipity": False}))
    assert "serendipity" not in {source for m in off.movies for source in m.sources}


def test_what_a_page_is_like_as_a_whole(films: Database) -> None:
    def figures(*movie_ids: int) -> ListFigures:
        others = tuple(set(range(1, 13)) - set(movie_ids))
        asked = RecommendRequest(user_id=999, k=20, exclude=others, figures=True)
        found = find(films, asked)
        assert sorted(m.movie_id for m in found.movies) == sorted(movie_ids)
        assert found.figures is not None
        return found.figures

    one_kind, two_kinds = figures(RING, CRYSTAL, WILLOW), figures(CRYSTAL, HEAT)
    assert one_kind.distance is not None
    assert two_kinds.distance is not None
    assert 0 <= one_kind.distance < 0.1 < 1 < two_kinds.distance
    assert one_kind.coverage == pytest.approx(2 / 10)
    rated, unrated = figures(HEAT).novelty, figures(KNIGHT).novelty
    assert rated == pytest.approx(0), "both people rated it"
    assert unrated == pytest.approx(math.log2(3))
    assert find(films, RecommendRequest(k=3)).figures is None


def pages(database: Database, request: RecommendRequest) -> Iterator[list[int]]:
    """The films of each page."""
    while True:
        page = find(database, request)
        yield [movie.movie_id for movie in page.movies]
        if page.next_cursor is None:
            return
        request = request.model_copy(update={"cursor": page.next_cursor})


def test_pages_never_repeat_or_skip_while_events_arrive(films: Database) -> None:
    request = RecommendRequest(user_id=7, k=3)
    whole = [movie.movie_id for movie in find(films, request.model_copy(update={"k": 50})).movies]
    read: list[int] = []
    for number, page in enumerate(pages(films, request)):
        read += page
        add(films, 7, {"type": "liked", "movie_id": (HEAT, WILLOW, KNIGHT, RING)[number % 4]})
    assert read == whole
    assert len(set(read)) == len(read) == 12


def test_what_is_turned_away_meanwhile_is_on_no_later_page(films: Database) -> None:
    request = RecommendRequest(user_id=7, k=3)
    walk = pages(films, request)
    read = next(walk)
    last = find(films, request.model_copy(update={"k": 50})).movies[-1].movie_id
    add(films, 7, {"type": "not_interested", "movie_id": last})
    for page in walk:
        read += page
    assert last not in read
    assert len(read) == 11


def test_a_cursor_fits_only_its_request(films: Database) -> None:
    cursor = find(films, RecommendRequest(user_id=7, k=3)).next_cursor
    for other in ({"user_id": 8}, {"genres": ("Fantasy",)}, {"cursor": "made up"}):
        asked = {"user_id": 7, "k": 3, "cursor": cursor} | other
        with pytest.raises(MisuseError, match="cursor"):
            find(films, RecommendRequest.model_validate(asked))


def test_sources_are_those_of_the_first_page_on_every_page(films: Database) -> None:
    first = find(films, RecommendRequest(user_id=1, k=2))
    later = find(films, RecommendRequest(user_id=1, k=20, cursor=first.next_cursor))
    whole = find(films, RecommendRequest(user_id=1, k=20))
    told = {movie.movie_id: movie.sources for movie in (*first.movies, *later.movies)}
    assert told == {movie.movie_id: movie.sources for movie in whole.movies}
    assert [movie.rank for movie in later.movies] == [*range(3, len(told) + 1)]


def test_films_of_one_kind_are_set_apart_and_franchises_capped(films: Database) -> None:
    add(films, 7, {"type": "liked", "movie_id": CRYSTAL})
    plain = find(films, RecommendRequest(user_id=7, k=9, diversity=1, weights={"content": 9}))
    mixed = find(films, RecommendRequest(user_id=7, k=9, diversity=0.3, weights={"content": 9}))
    assert (plain.diversity, mixed.diversity) == (None, 0.3)
    assert {m.movie_id for m in plain.movies[:3]} != {m.movie_id for m in mixed.movies[:3]}
    assert plain.movies[0].movie_id == mixed.movies[0].movie_id
    ask(films, "UPDATE movies SET title = 'Willow ' || movie_id WHERE movie_id IN (1, 3)")
    assert {RING, ILLUSIONS, WILLOW} <= {
        m.movie_id for m in find(films, RecommendRequest(user_id=7, k=12, franchise=0)).movies
    }
    capped = find(films, RecommendRequest(user_id=7, k=12, franchise=1))
    assert len({RING, ILLUSIONS, WILLOW} & {movie.movie_id for movie in capped.movies}) == 1


def test_a_hundred_users_at_once_get_their_own_films(films: Database) -> None:
    for user in range(100, 200):
        add(films, user, {"type": "not_interested", "movie_id": 1 + user % 12})
    alone = {
        user: [movie.movie_id for movie in find(films, RecommendRequest(user_id=user)).movies]
        for user in range(100, 112)
    }
    with ThreadPoolExecutor(4) as pool:
        asked = [RecommendRequest(user_id=user) for user in range(100, 200)]
        for found in pool.map(lambda request: find(films, request), asked):
            assert found.user_id is not None
            got = [movie.movie_id for movie in found.movies]
            assert 1 + found.user_id % 12 not in got
            assert alone.get(found.user_id, got) == got


def test_a_film_that_is_deleted_is_not_recommended_before_statistics_know(films: Database) -> None:
    for user in range(50, 54):
        add(films, user, {"type": "watched", "movie_id": KNIGHT})
    ask(films, "SELECT refresh_stats()")
    assert KNIGHT in recommend(films, "NULL, k => 20")
    ask(films, "SELECT delete_movie(%s, keep => true)", KNIGHT)
    assert KNIGHT not in recommend(films, "NULL, k => 20")
    assert find(films, RecommendRequest(user_id=1, k=20)).movies


def test_a_page_says_why_filters_leave_nothing(films: Database) -> None:
    def notes(**asked: Any) -> tuple[str, ...]:
        found = find(films, RecommendRequest(**asked))
        assert not found.movies
        return found.notes

    assert "No film is of the genre 'Nosuch'" in notes(genres=("Nosuch",))[0]
    assert "'Crime,Fantasy'" in notes(genres=("Crime,Fantasy",))[0]
    [backward] = notes(year_from=2000, year_to=1990)
    assert backward == "year:[2000 TO 1990] runs backward: nothing is in it."
    crime = find(films, RecommendRequest(genres=("Crime",)))
    assert crime.notes == ()
    [left] = notes(genres=("Crime",), exclude=tuple(each.movie_id for each in crime.movies))
    assert left.startswith("No film is left")


def test_a_pin_is_named_by_its_film_on_whichever_page(films: Database, tmp_path: Path) -> None:
    file = tmp_path / "rules.json"
    file.write_text(json.dumps({"rules": [{"name": "any, third", "pin": 3}]}))
    films.settings = films.settings.model_copy(update={"rules_file": file})
    asked = RecommendRequest(user_id=1, k=2)
    first = find(films, asked)
    assert [movie.rules for movie in first.movies] == [(), ()]
    second = find(films, asked.model_copy(update={"cursor": first.next_cursor}))
    assert [movie.rules for movie in second.movies] == [("any, third",), ()]


def test_a_pinned_film_stands_in_its_place_whatever_the_sources_gave(
    films: Database, tmp_path: Path
) -> None:
    file = tmp_path / "rules.json"
    given = recommend(films, "1, k => NULL, candidates => 1")
    first, second = [m for m in recommend(films, "1, k => NULL") if m not in given][:2]
    these: dict[str, Any] = {"movie_ids": [first, second, 4711]}
    rule = {"name": "of the week", "pin": 1, "films": these}
    file.write_text(json.dumps({"rules": [rule]}))
    films.settings = films.settings.model_copy(update={"rules_file": file})
    few = RecommendRequest(user_id=1, k=1, candidates=1)
    page = find(films, few)
    seen = list(page.movies)
    while page.next_cursor and page.movies:
        page = find(films, few.model_copy(update={"cursor": page.next_cursor}))
        seen += page.movies
    ids = [movie.movie_id for movie in seen]
    assert (set(ids[1:]), ids[0] in (first, second)) == (set(given), True), "the other comes not"
    assert [movie.rules for movie in seen] == [("of the week",)] + [()] * len(given)
    for movie in seen:
        assert sum(movie.contributions.values()) == pytest.approx(movie.score)
    [other] = find(films, few.model_copy(update={"exclude": (first, second)})).movies
    assert other.movie_id in given
    trace = Trace()
    find(films, few, trace=trace)
    file.write_text(json.dumps({"rules": [rule | {"films": these | {"year_to": 1900}}]}))
    assert find(films, few).movies[0].movie_id in given, "a rule means what all of it says"


def test_rules_of_the_operator_are_named_and_add_up(films: Database, tmp_path: Path) -> None:
    file = tmp_path / "rules.json"
    film = {"films": {"movie_ids": [KNIGHT]}}
    kept = [
        {"name": "no horror", "remove": True, "films": {"genres": ["Horror"]}},
        {"name": "lift", "boost": 2, **film},
        {"name": "matrix first", "pin": 1, "films": {"movie_ids": [MATRIX]}},
        {"name": "for kids", "remove": True, "profiles": ["kids"], **film},
    ]
    file.write_text(json.dumps({"rules": kept}))
    films.settings = films.settings.model_copy(update={"rules_file": file})
    found = find(films, RecommendRequest(user_id=1, k=20))
    by_id = {movie.movie_id: movie for movie in found.movies}
    assert found.movies[0].movie_id == MATRIX
    assert found.movies[0].rules == ("matrix first",)
    assert ILLUSIONS not in by_id
    assert by_id[KNIGHT].rules == ("lift",)
    assert by_id[KNIGHT].contributions["rules"] > 0
    for movie in found.movies:
        assert sum(movie.contributions.values()) == pytest.approx(movie.score)
    trace = Trace()
    traced = trace.told(find(films, RecommendRequest(user_id=1, k=4), trace=trace))
    stages = {stage.name: stage for stage in traced.stages}
    assert list(stages) == ["sources", "rules", "franchise", "diversity", "caps and pins", "page"]
    [out] = stages["rules"].left_out
    assert (out.movie_id, out.why) == (ILLUSIONS, "the rule 'no horror' takes it out")
    assert MATRIX in [film.movie_id for film in stages["caps and pins"].moved]
    assert (stages["rules"].came, stages["page"].went) == (stages["sources"].went, 4)
    assert traced.answer.movies[0].movie_id == MATRIX
    assert traced.sources["popularity"] > 0
    kids = find(films, RecommendRequest(user_id=1, profile="kids", k=20))
    assert KNIGHT not in [movie.movie_id for movie in kids.movies]
