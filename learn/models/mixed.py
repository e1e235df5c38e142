"""Two factor models as one."""

from dataclasses import dataclass
from typing import ClassVar

from learn.models.factors import Ease
from learn.models.implicit import Als
from learn.models.interface import Movies, Ratings


@dataclass
class Mixed(Ease):
    """EASE of ``rank`` and ALS of 64 added, each by the spread of its scores: factors as long as
    both, so that SQL folds ratings in as it does for one."""

    name: ClassVar[str] = "mixed"

    def _learn(self, ratings: Ratings, movies: Movies | None) -> None:
        super()._learn(ratings, movies)
        als = Als(base=self.base, slope=self.slope)
        als._learn(ratings, movies)
        both = als.factors_in, als.factors_out
        self._add(ratings, both, 1.0, self.rank + als.rank)
