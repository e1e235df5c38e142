"""Every model there is, by name: what is trained and measured."""

from learn.models.baselines import (
    Bias,
    Content,
    DecayedPopularity,
    ItemKnn,
    Popularity,
    Random,
)
from learn.models.biased import BiasedMf
from learn.models.factors import Ease, FactorModel, FullEase, Svd
from learn.models.implicit import Als, Bpr, FullAls
from learn.models.interface import Model, Ratings
from learn.models.two_tower.model import FullTwoTower, TwoTower

_ALL: tuple[type[Model], ...] = (
    Random,
    Popularity,
    DecayedPopularity,
    Bias,
    ItemKnn,
    Content,
    Svd,
    Ease,
    FullEase,
    Als,
    FullAls,
    Bpr,
    BiasedMf,
    TwoTower,
    FullTwoTower,
)

MODELS: dict[str, type[Model]] = {model.name: model for model in _ALL}

FACTOR_MODELS: dict[str, type[FactorModel]] = {
    model.name: model for model in (Svd, Ease, Als, TwoTower)
}
"""Those that SQL can use."""


def choose_model(ratings: Ratings) -> FactorModel:
    """The factor model for a catalog and population of this size.

    EASE did better than the SVD wherever both were measured, and takes seconds where the SVD takes
    half of one; its rank is less where there are few users or films.
    """
    least = min(len(ratings.user_ids), len(ratings.movie_ids))
    return Ease(rank=max(2, min(128, least // 4)))
