"""LambdaRank (Burges 2010, "From RankNet to LambdaRank to LambdaMART"), by LightGBM.

Each query's candidates are a list in which the one film that its user went on to like is relevant.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learn.features import FeatureLists
from learn.models.epochs import tell_epoch
from rerank.learned import FEATURES

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class LambdaRank:
    """Parameters of the learned order."""

    rounds: int = 600
    learning_rate: float = 0.05
    leaves: int = 15
    least_in_leaf: int = 100
    l2: float = 5.0
    patience: int = 40
    seed: int = 0

    def train(
        self, features: FeatureLists, *, learn: Mask, check: Mask | None = None
    ) -> tuple[str, int]:
        """Learn from the lists where ``learn`` (q,) holds; returns the model's text and rounds.

        With ``check`` it stops when these lists have not improved for ``patience`` rounds.
        """
        import lightgbm

        training = _dataset(features, learn)
        valid = [] if check is None else [_dataset(features, check, reference=training)]
        booster = lightgbm.train(
            self._settings(),
            training,
            num_boost_round=self.rounds,
            valid_sets=valid,
            callbacks=[_tell, lightgbm.early_stopping(self.patience, verbose=False)]
            if valid
            else [],
        )
        rounds = booster.best_iteration if valid else self.rounds
        return booster.model_to_string(num_iteration=rounds), rounds

    def _settings(self) -> dict[str, Any]:
        return {
            "objective": "lambdarank",
            "metric": "ndcg",
            "eval_at": [10],
            "lambdarank_truncation_level": 30,
            "learning_rate": self.learning_rate,
            "num_leaves": self.leaves,
            "min_data_in_leaf": self.least_in_leaf,
            "lambda_l2": self.l2,
            "feature_fraction": 0.7,
            "bagging_fraction": 0.8,
            "bagging_freq": 1,
            "max_bin": 127,
            "seed": self.seed,
            "deterministic": True,
            "force_row_wise": True,
            "verbose": -1,
        }


def _tell(round_: Any) -> None:
    """LightGBM's word after each round: the nDCG of the lists that it does not learn from."""
    tell_epoch(round_.iteration + 1, validation=round_.evaluation_result_list[0][2])


def _dataset(features: FeatureLists, chosen: Mask, reference: Any = None) -> Any:
    import lightgbm

    lists = features.lists
    targets = np.array([query.movie_id for query in lists.queries], np.int64)
    relevant = lists.movie_ids == targets[lists.numbers]
    found = np.zeros(len(lists.queries), np.bool_)
    found[lists.numbers[relevant]] = True
    wanted = np.zeros(len(lists.queries), np.int64)
    wanted[lists.numbers[relevant]] = lists.levels[relevant]
    # No model orders a film of one level before one of another.
    rows = (chosen & found)[lists.numbers] & (lists.levels == wanted[lists.numbers])
    sizes = np.bincount(lists.numbers[rows], minlength=len(lists.queries))
    sizes = sizes[sizes > 0]
    return lightgbm.Dataset(
        features.matrix[rows],
        relevant[rows].astype(np.int32),
        group=sizes,
        feature_name=list(FEATURES),
        reference=reference,
        free_raw_data=False,
    )
