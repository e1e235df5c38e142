"""The blend's weights, tuned again for the model that is active."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from learn import registry
from learn.blend import TUNED, BlendTuner
from learn.candidates import fetch_candidates, read_weights
from learn.data import read_movies
from learn.held_out import held_out
from learn.objectives import Tell, checked_users
from learn.train import FACTOR_MODELS, TUNED_ON
from palate.errors import ConflictError
from sql.database import Database


@dataclass(frozen=True)
class TunedBlend:
    """Weights before and after, and the nDCG@10 of both on users that neither was fitted to."""

    before: Mapping[str, float]
    after: Mapping[str, float]
    ndcg_before: float
    ndcg_after: float
    queries: int

    @property
    def worse(self) -> bool:
        """Whether the stored weights do better."""
        return self.ndcg_after < self.ndcg_before


def tune_blend(database: Database, *, seed: int = 0, tell: Tell = lambda _: None) -> TunedBlend:
    """Tune the weights on each user's last ratings, with the active factors' family trained
    without them. Nothing live is changed.

    Raises MisuseError when there is nothing to tune on, ScratchError without the right to make a
    schema.
    """
    active = registry.active_model(database, "factors")
    before = read_weights(database)
    tell("holding out each user's last ratings")
    with held_out(database, (TUNED_ON,)) as held:
        if active is not None and active.name in FACTOR_MODELS:
            model = FACTOR_MODELS[active.name](**active.parameters)
            model.fit(held.training, read_movies(held.database))
            stored = registry.save_factors(held.database, model, metrics={})
            registry.activate(held.database, stored)
        queries = held.queries[TUNED_ON]
        tell(f"searching: {len(queries):,} queries")
        lists = fetch_candidates(held.database, queries)
        check = checked_users(lists, held.training, seed)
    tell("tuning the blend")
    tuned, _ = BlendTuner(lists.where(~check)).tune(before)
    tried = BlendTuner(lists.where(check))
    final, _ = BlendTuner(lists).tune(tuned)
    was, now = (tried.ndcg(np.array([w[name] for name in TUNED])) for w in (before, tuned))
    return TunedBlend(before, final, was, now, int(check.sum()))


def apply_blend(database: Database, tuned: TunedBlend, *, force: bool = False) -> None:
    """Use the tuned weights from the next search on, and keep them with the active factors.

    Raises ConflictError when the stored weights do better, unless ``force``.
    """
    if tuned.worse and not force:
        raise ConflictError(
            f"The tuned weights reached nDCG@10 {tuned.ndcg_after:.4f} where those in use reached "
            f"{tuned.ndcg_before:.4f}. Nothing was changed. Use --force to take them all the same."
        )
    registry.use_weights(database, tuned.after)
