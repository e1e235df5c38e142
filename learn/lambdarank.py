"""LambdaRank (Burges 2010, "From RankNet to LambdaRank to LambdaMART"), by LightGBM.

Each query's candidates are a list in which the one film that its user went on to like is relevant.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from learn.candidates import CandidateLists, Floats
from learn.models.epochs import tell_epoch
from rerank.features import FEATURES
from rerank.learned import LearnedOrder

_RISING = (
    "content", "collaborative", "affinity", "collaborative_deviation", "lately_5_deviation",
    "lately_40_deviation", "this_year_deviation", "liked_deviation", "against_mean_deviation",
)  # fmt: skip
"""Features that never lower a film by being greater, nor ``gap`` by being less."""


@dataclass(frozen=True)
class LambdaRank:
    """Parameters of the learned order; `palate tune order` tries others. The defaults were the best
    on validation (docs/models.md, "The learned order"), which peaked near 300 rounds: more of them
    cost every search."""

    rounds: int = 300
    learning_rate: float = 0.05
    leaves: int = 15
    least_in_leaf: int = 100
    l2: float = 5.0
    patience: int = 60
    seed: int = 0

    def train(
        self, lists: CandidateLists, checked: CandidateLists | None = None
    ) -> tuple[str, int]:
        """Learn from lists with their features; returns the model's text and rounds.

        With ``checked`` it stops when these lists have not improved for ``patience`` rounds.
        """
        import lightgbm

        training = _dataset(lists)
        valid = [] if checked is None else [_dataset(checked, reference=training)]
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
            "monotone_constraints": [
                1 if name in _RISING else -1 if name == "gap" else 0 for name in FEATURES
            ],
            "seed": self.seed,
            "deterministic": True,
            "num_threads": 1,  # on cores that others use, threads wait for each other
            "force_row_wise": True,
            "verbose": -1,
        }


def _tell(round_: Any) -> None:
    """LightGBM's word after each round: the nDCG of the lists that it does not learn from."""
    tell_epoch(round_.iteration + 1, validation=round_.evaluation_result_list[0][2])


def predict(text: str, lists: CandidateLists) -> Floats:
    """(c,) the scores that a trained model gives these candidates."""
    if not len(lists.features):
        return np.zeros(0)
    return LearnedOrder(0, "", text).scores(lists.features)


def _dataset(lists: CandidateLists, reference: Any = None) -> Any:
    import lightgbm

    found = np.zeros(len(lists.queries), np.bool_)
    found[lists.numbers[lists.wanted]] = True
    level = np.zeros(len(lists.queries), np.int64)
    level[lists.numbers[lists.wanted]] = lists.levels[lists.wanted]
    # No model orders a film of one level before one of another.
    rows = found[lists.numbers] & (lists.levels == level[lists.numbers])
    sizes = np.bincount(lists.numbers[rows], minlength=len(lists.queries))
    return lightgbm.Dataset(
        lists.features[rows],
        lists.wanted[rows].astype(np.int32),
        group=sizes[sizes > 0],
        feature_name=list(FEATURES),
        reference=reference,
        free_raw_data=False,
    )
