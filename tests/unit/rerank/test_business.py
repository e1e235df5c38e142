"""Rules of recommendations: which films they are about, and what is done with them."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palate.errors import MisuseError
from palate.metrics import REGISTRY
from rerank.business import (
    BusinessRules,
    Films,
    RulesFile,
    arrange,
    named,
    parse_business_rules,
    taken_out_by,
    weigh,
)

FILM: dict[str, Any] = {
    "movie_id": 1, "genres": ["Horror"], "keywords": ["ghost"], "director": "Ann Lee",
    "actors": ["Bo Li"], "target_audience": "adults", "year": 1999, "avg_rating": 3.4,
    "rating_count": 12,
}  # fmt: skip


def rules(*given: dict[str, Any]) -> BusinessRules:
    return parse_business_rules(json.dumps({"rules": given}))


@pytest.mark.parametrize(
    ("films", "matches"),
    [
        ({}, True),
        ({"genres": ["horror", "Drama"]}, True),
        ({"genres": ["Drama"]}, False),
        ({"genres": ["Horror"], "directors": ["Somebody Else"]}, False),
        ({"keywords": ["Ghost"], "actors": ["bo li"], "audiences": ["adults"]}, True),
        ({"year_from": 1990, "year_to": 1999}, True),
        ({"year_from": 2000}, False),
        ({"rating_to": 3.4, "ratings_from": 12}, True),
        ({"ratings_to": 11}, False),
        ({"movie_ids": [2, 1]}, True),
    ],
)
def test_all_that_is_said_of_films_has_to_hold(films: dict[str, Any], matches: bool) -> None:
    assert Films.model_validate_json(json.dumps(films)).match(FILM) is matches


def test_what_is_unknown_of_a_film_is_in_no_range() -> None:
    assert not Films(year_to=2000).match(FILM | {"year": None})


def test_rules_take_out_and_weigh() -> None:
    horror = {"films": {"genres": ["Horror"]}}
    assert taken_out_by(rules({"name": "no horror", "remove": True} | horror), FILM) == "no horror"
    assert taken_out_by(rules({"name": "only horror", "keep_only": True} | horror), FILM) is None
    old = {"name": "old", "keep_only": True, "films": {"year_to": 1950}}
    assert taken_out_by(rules(old), FILM) == "old"
    both = rules({"name": "up", "boost": 3} | horror, {"name": "down", "bury": 0.5} | horror)
    assert weigh(both, FILM) == (("up", "down"), 1.5)
    assert weigh(both, FILM | {"genres": []}) == ((), 1)


def test_a_rule_is_named_by_the_films_that_it_moved_alone() -> None:
    films = {n: FILM | {"movie_id": n, "genres": ["Horror"] if n < 6 else []} for n in range(1, 31)}
    both = rules(
        {"name": "few", "cap": 2, "films": {"genres": ["Horror"]}},
        {"name": "first", "pin": 2, "films": {"movie_ids": [5, 7, 9]}},
    )
    order, moved = arrange(both, range(1, 31), films)
    assert order[:3] == [1, 7, 2]
    names = {each: named(both, marks, films[each]) for each, marks in moved.items()}
    assert names == {3: ("few",), 4: ("few",), 5: ("few",), 7: ("first",)}
    edited = rules(
        {"name": "last", "pin": 9, "films": {"movie_ids": [9]}}, {"name": "few", "cap": 2}
    )
    assert named(edited, moved[3], films[3]) == (), "not by a rule that is about another film"


def test_a_pin_lifts_the_first_of_its_films_and_a_cap_spreads_them() -> None:
    films = {n: FILM | {"movie_id": n, "genres": ["Horror"] if n < 6 else []} for n in range(1, 31)}
    pinned = rules({"name": "first", "pin": 2, "films": {"movie_ids": [9, 7]}})
    assert arrange(pinned, range(1, 31), films)[0][:3] == [1, 7, 2]
    capped = rules({"name": "few", "cap": 2, "films": {"genres": ["Horror"]}})
    order, _ = arrange(capped, range(1, 31), films)
    assert order[:10] == [1, 2, 6, 7, 8, 9, 10, 11, 12, 13]
    assert order[10:12] == [3, 4]


@given(st.lists(st.booleans(), max_size=60), st.integers(0, 5))
def test_no_ten_in_a_row_break_a_cap(kinds: list[bool], most: int) -> None:
    films = {n: FILM | {"genres": ["Horror"] if kind else []} for n, kind in enumerate(kinds)}
    capped = rules({"name": "few", "cap": most, "films": {"genres": ["Horror"]}})
    order, _ = arrange(capped, range(len(kinds)), films)
    assert len(set(order)) == len(order)
    for start in range(len(order)):
        assert sum(kinds[each] for each in order[start : start + 10]) <= most


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "JSON"),
        ('{"rules": [{"name": "a"}]}', "say one of remove"),
        ('{"rules": [{"name": "a", "pin": 1, "boost": 2}]}', "say one of remove"),
        ('{"rules": [{"name": "a", "boost": 0.5}]}', "rules.0.boost"),
        ('{"rules": [{"name": "a", "pin": 1}, {"name": "a", "pin": 2}]}', "two rules are called"),
        ('{"rules": [{"name": "a", "pin": 1, "film": {}}]}', "rules.0.film"),
    ],
)
def test_a_file_that_is_wrong_says_where(text: str, said: str) -> None:
    with pytest.raises(MisuseError, match="Nothing was changed") as raised:
        parse_business_rules(text)
    assert said in str(raised.value)


def test_an_edit_is_read_and_a_broken_one_keeps_the_last_good_rules(tmp_path: Path) -> None:
    def write(text: str) -> None:
        (tmp_path / "new").write_text(text)
        os.replace(tmp_path / "new", path)  # noqa: PTH105  (another inode, as editors write)

    def broken() -> float | None:
        return REGISTRY.get_sample_value("palate_rules_file_broken")

    path = tmp_path / "rules.json"
    with pytest.raises(MisuseError, match="cannot be read"):
        RulesFile(path)
    write('{"rules": [{"name": "one", "pin": 1}]}')
    file = RulesFile(path)
    write('{"rules": [{"name": "two", "pin": 1}]}')
    assert [rule.name for rule in file.current().rules] == ["two"]
    write('{"rules": [{"name": "three"')
    assert [rule.name for rule in file.current().rules] == ["two"]
    assert file.broken is not None
    assert broken() == 1
    path.unlink()
    assert [rule.name for rule in file.current().rules] == ["two"]
    write('{"rules": []}')
    assert file.current().rules == ()
    assert file.broken is None
    assert broken() == 0
