"""What every model must do, whatever it learns."""

import tracemalloc

import numpy as np
import pytest

from learn.models.families import MODELS
from learn.models.interface import Model, Ratings
from learn.models.two_tower.model import TwoTower
from palate.errors import NotFoundError
from tests.unit.learn import structured

PERSONAL = {name for name, model in MODELS.items() if model.personal}


def made(name: str) -> Model:
    """A model with parameters that suit a small catalog."""
    model = MODELS[name]()
    if hasattr(model, "rank"):
        model.rank = 8
    if hasattr(model, "l2") and name != "bpr":  # whose is for each step, not for all ratings
        model.l2 = 5.0
    if isinstance(model, TwoTower):
        model.batch, model.drawn = 64, 64
    return model


@pytest.fixture(scope="module", params=sorted(MODELS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def model(name: str) -> Model:
    return made(name).fit(structured.ratings(), structured.movies())


def test_the_same_seed_gives_the_same_scores(name: str, model: Model) -> None:
    again = made(name).fit(structured.ratings(), structured.movies())
    users, films = model.ratings.user_ids, model.movie_ids
    assert np.array_equal(model.score(users, films), again.score(users, films))


def test_personal_models_know_what_kind_a_user_likes(name: str, model: Model) -> None:
    """Popularity gives everybody the same films; half of them are of the other kind."""
    if name not in PERSONAL:
        pytest.skip("gives everybody the same")
    shares = []
    for user in range(0, structured.USERS, 5):
        found = structured.best_films(model, user)
        shares.append(float(np.mean((found - 100) % 2 == user % 2)))
    assert np.mean(shares) > 0.75


def test_a_user_and_a_film_without_ratings_are_scored(model: Model) -> None:
    users = [0, structured.COLD_USER]
    scores = model.score(users, [100, 101, structured.COLD_FILM])
    assert scores.shape == (2, 3)
    assert np.isfinite(scores).all()


def test_unknown_ids_are_refused(model: Model) -> None:
    with pytest.raises(NotFoundError, match="no user 777"):
        model.score([777], [100])
    with pytest.raises(NotFoundError, match="no film 9"):
        model.score([0], [9])


def test_ratings_are_folded_in_without_training(name: str, model: Model) -> None:
    odd = [101 + 2 * i for i in range(8)]
    newcomer = Ratings.of([900] * 8, odd, [5.0] * 8)
    folded = model.fold_in(newcomer)
    found = structured.best_films(folded, 900)
    if name in PERSONAL:
        assert np.mean((found - 100) % 2) > 0.55  # chance is .5
    with pytest.raises(NotFoundError):
        model.score([900], [100])


def test_a_users_scores_do_not_depend_on_who_else_is_asked_for(model: Model) -> None:
    together = model.score([1, 2, 1], [100, 101, 102])
    assert together[1] == pytest.approx(model.score([2], [100, 101, 102])[0], abs=1e-5)
    assert np.array_equal(together[0], together[2])


def test_scoring_many_users_takes_little_memory(model: Model) -> None:
    many = Ratings.of(
        np.repeat(np.arange(3000), 3), np.tile([100, 101, 102], 3000), np.full(9000, 4.0)
    )
    folded = model.fold_in(many)
    tracemalloc.start()
    folded.score(np.arange(3000), [100, 110])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 30e6
