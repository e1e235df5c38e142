"""Two factor models as one."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from learn.models.factors import Ease, FactorModel
from learn.models.implicit import Als
from learn.models.interface import Movies, Ratings


@dataclass
class Mixed(FactorModel):
    """EASE of ``rank`` and ALS of 64 side by side, each by the spread of its scores: two factors of
    both lengths together, so that SQL folds ratings in as it does for one."""

    name: ClassVar[str] = "mixed"

    rank: int = 128
    share: float = 0.5
    """Of ALS in the sum."""

    def _learn(self, ratings: Ratings, movies: Movies | None) -> None:
        ease = Ease(rank=self.rank, base=self.base, slope=self.slope)
        als = Als(base=self.base, slope=self.slope)
        inward, outward = [], []
        some = ratings.take(np.flatnonzero(ratings.per_user)[:500])
        for model, share in ((ease, 1 - self.share), (als, self.share)):
            model._learn(ratings, movies)
            spread = float(np.std(self._tastes(some) @ model.factors_in @ model.factors_out.T))
            inward.append(model.factors_in)
            outward.append(model.factors_out * (share / max(spread, 1e-9)))
        self.factors_in, self.factors_out = np.hstack(inward), np.hstack(outward)
