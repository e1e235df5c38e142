"""How the towers are trained: parameters of the model that its training reads."""

from dataclasses import dataclass

from learn.models.factors import FactorModel


@dataclass
class Recipe(FactorModel):
    """What two towers are trained with; ``network.py`` has the losses."""

    rank: int = 128
    width: int = 64
    loss: str = "softmax"
    epochs: int = 20
    patience: int = 3
    batch: int = 512
    learning_rate: float = 0.002
    weight_decay: float = 0.01
    dropout: float = 0.3
    unknown: float = 0.1
    drawn: int = 256
    validation: float = 0.1
