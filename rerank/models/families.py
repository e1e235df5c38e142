"""Every model there is, by name: what is trained, tuned and measured."""

from rerank.models.factors import Ease, FullEase, Svd
from rerank.models.interface import Model

MODELS: dict[str, type[Model]] = {model.name: model for model in (Svd, Ease, FullEase)}
