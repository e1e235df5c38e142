"""Implicit ALS: one addition a rating, against each user's own equations."""

import numpy as np
import pytest

from learn.models.implicit import Als, Bpr, FullAls
from learn.models.interface import Model, Ratings
from palate.errors import MisuseError
from tests.unit.learn import structured


def scores(model: Model) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    model.fit(structured.ratings())
    return model.score(model.ratings.user_ids, model.movie_ids)


def test_where_all_ratings_count_as_not_rated_ones_do_the_addition_is_exact() -> None:
    """But for the root of how many were added, which orders nobody's films otherwise."""
    found = structured.ratings()
    liked = Ratings.of(
        found.user_ids[found.rows], found.movie_ids[found.columns], np.full(len(found), 4.0)
    )
    short, full = (
        make(rank=6, l2=2.0, alpha=1.0, slope=0.0, recent=0.0).fit(liked) for make in (Als, FullAls)
    )
    asked = liked.user_ids, liked.movie_ids
    roots = np.sqrt(np.diff(liked.starts))[:, None]
    assert short.score(*asked) * roots == pytest.approx(full.score(*asked), abs=2e-4)


def test_elsewhere_it_puts_nearly_the_same_films_on_top() -> None:
    models = Als(rank=6, l2=5.0), FullAls(rank=6, l2=5.0)
    short, full = (np.argsort(-scores(model), axis=1)[:, :10] for model in models)
    same = [len(set(one) & set(other)) for one, other in zip(short, full, strict=True)]
    assert np.mean(same) > 8


def test_a_disliked_film_counts_against_films_like_it() -> None:
    model = Als(rank=6, l2=5.0).fit(structured.ratings())
    odd = [101, 103, 105]
    kinds = {
        stars: model.fold_in(Ratings.of([900] * 3, odd, [stars] * 3)).score([900], [107, 109])
        for stars in (0.5, 5.0)
    }
    assert (kinds[0.5] < 0).all()
    assert (kinds[5.0] > 0).all()


@pytest.mark.parametrize("model", [Als(), FullAls(), Bpr()])
def test_nothing_to_learn_from_is_said(model: Model) -> None:
    with pytest.raises(MisuseError, match="no ratings"):
        model.fit(Ratings.of([], [], []))
