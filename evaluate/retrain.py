"""Stored models, trained again where they are measured.

A stored model has learned from all ratings, held-out ones included. What is measured is a model of
the same family and parameters that has learned from the training ratings alone.
"""

from collections.abc import Callable

from evaluate.search import Prepare
from learn.lambdarank import LambdaRank
from learn.models.families import FACTOR_MODELS
from learn.registry import active_model, get_model
from learn.train import train
from palate.errors import MisuseError
from sql.database import Database


def retrain(
    database: Database,
    model_id: int | None = None,
    *,
    candidates: int = 200,
    tell: Callable[[str], None] = lambda _: None,
) -> Prepare | None:
    """How to train again what ``database`` has active; None when it has no factors.

    ``model_id`` names other stored factors than the active ones. Raises NotFoundError, and
    MisuseError for a stored model that is no factors.
    """
    factors = get_model(database, model_id) if model_id else active_model(database, "factors")
    if factors is None:
        return None
    if factors.kind != "factors":
        raise MisuseError(
            f"Model {factors.id} is of kind {factors.kind}. Nothing was measured. "
            "Name one of kind factors; `palate models list` shows all."
        )
    order = active_model(database, "order")

    def prepare(made: Database) -> None:
        train(
            made,
            FACTOR_MODELS[factors.name](**factors.parameters),
            order=LambdaRank(**order.parameters) if order else None,
            candidates=candidates,
            tell=tell,
        )

    return prepare
