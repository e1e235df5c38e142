"""Every model there is, by name: what is trained and measured."""

from rerank.models.als import Als, FullAls
from rerank.models.baselines import (
    Bias,
    Content,
    DecayedPopularity,
    ItemKnn,
    Popularity,
    Random,
)
from rerank.models.biased import BiasedMf
from rerank.models.bpr import Bpr
from rerank.models.factors import Ease, FullEase, Svd
from rerank.models.interface import Model
from rerank.models.two_tower.model import FullTwoTower, TwoTower

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
