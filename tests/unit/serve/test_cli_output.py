"""What reaches the screen: titles stay titles, scores add up, and nothing steers the terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from palate.contract import COMPONENTS, Hit, parse_weights
from palate.errors import MisuseError
from serve.cli.ingest_table import parse_columns
from serve.cli.orders import account, shorten
from serve.cli.text import count, film, movement


def make_hit(**contributions: float) -> Hit:
    return Hit(
        rank=1,
        movie_id=1,
        title="[REC]",
        original_title=None,
        year=2007,
        genres=("Horror",),
        director=None,
        overview=None,
        runtime_minutes=None,
        poster_url=None,
        avg_rating=None,
        rating_count=0,
        score=sum(contributions.values()),
        level="all words",
        bm25_score=None,
        components=dict.fromkeys(COMPONENTS),
        contributions=contributions,
        unpersonalized_rank=1,
        moved=0,
        seen=False,
        rating=None,
    )


def test_a_title_is_never_read_as_markup() -> None:
    assert film("[REC]", 2007).plain == "[REC] (2007)"
    assert film("[red]Alert[/red]", None).plain == "[red]Alert[/red]"


def test_counts_agree_with_their_nouns() -> None:
    assert [count(n, "rating") for n in (0, 1, 2000)] == ["0 ratings", "1 rating", "2,000 ratings"]


def test_the_account_of_a_score_names_its_parts() -> None:
    hit = make_hit(bm25=0.3, content=0.45, popularity=0.0705)
    parts = ["bm25", "content", "popularity"]
    assert account(hit, parts) == "0.820 = .300+.450+.070"
    assert account(hit, parts, named=True) == "0.820 = .300 text + .450 taste + .070 popularity"


@given(st.lists(st.floats(0, 100), min_size=5, max_size=5))
def test_the_digits_of_an_account_add_up(shares: list[float]) -> None:
    hit = make_hit(**dict(zip(COMPONENTS, shares, strict=True)))
    total, parts = account(hit, COMPONENTS).split(" = ")
    added = sum(round(float(part) * 1000) for part in parts.split("+"))
    assert round(float(total) * 1000) == added
    assert abs(float(total) - hit.score) <= 0.002


def test_movement_is_an_arrow() -> None:
    assert [movement(moved).plain for moved in (3, 0, -12)] == ["▲3", "·", "▼12"]


@pytest.mark.parametrize(
    ("title", "width", "shown"),
    [
        ("Legend", 10, "Legend"),
        ("The Lord of the Rings: The Return of the King", 30, "The Lord… Return of the King"),
        ("The Lord of the Rings: The Two Towers", 30, "The Lord of… The Two Towers"),
        ("Donaudampfschifffahrtsgesellschaft", 10, "Donaudamp…"),
    ],
)
def test_long_titles_lose_their_middle(title: str, width: int, shown: str) -> None:
    assert shorten(title, width) == shown


@given(st.text(max_size=60), st.integers(1, 40))
def test_a_shortened_title_fits(title: str, width: int) -> None:
    assert cell_len(shorten(title, width)) <= max(width, 1)


def test_weights_are_names_and_numbers() -> None:
    assert parse_weights("content:1, popularity:0") == {"content": 1.0, "popularity": 0.0}


@pytest.mark.parametrize(
    "text",
    ["taste:1", "content", "content:", "content:-1", "content:nan", "", "content:1,content:2"],
)
def test_other_weights_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"component|weight"):
        parse_weights(text)


def test_columns_map_our_names_to_yours() -> None:
    assert parse_columns(["user_id=customer", "rating = stars"]) == {
        "user_id": "customer",
        "rating": "stars",
    }
    with pytest.raises(MisuseError, match="OURS=YOURS"):
        parse_columns(["customer"])
