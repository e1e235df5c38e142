"""Every model there is, by name: what is trained and measured."""

from learn.models.als import Als, FullAls
from learn.models.baselines import (
    Bias,
    Content,
    DecayedPopularity,
    ItemKnn,
    Popularity,
    Random,
)
from learn.models.biased import BiasedMf
from learn.models.bpr import Bpr
from learn.models.factors import Ease, FullEase, Svd
from learn.models.interface import Model
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
