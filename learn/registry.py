"""Stored models: saved, listed, activated, rolled back. One of each kind is active.

A model is stored in one transaction and activated in another: whoever stops in between leaves a
candidate, and the active model as it was.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
import psycopg
from numpy.typing import NDArray
from pgvector import Vector
from psycopg import sql as psql

from learn.models.factors import FactorModel
from learn.models.interface import Ids, Model, Ratings
from palate.errors import ConflictError, NotFoundError
from palate.statements import Statements, raw
from sql.database import Database
from sql.vectors import index_vectors

Kind = Literal["factors", "order", "ratings"]
Factors = NDArray[np.float32]

HEADLINE = "ndcg@10"
"""The metric that decides whether a model is worse than another: of personalised search, on each
user's last ratings, by the model trained without them."""

RATINGS_HEADLINE = "rmse"
"""The metric that decides for models that predict ratings; less is better."""

statements = Statements.beside(__file__, "registry")

_FETCHED = 1000  # films decoded at once


@dataclass(frozen=True)
class StoredModel:
    """One row of the registry."""

    id: int
    kind: Kind
    name: str
    version: int
    state: Literal["candidate", "active", "retired"]
    parameters: Mapping[str, Any]
    metrics: Mapping[str, float]
    weights: Mapping[str, float] | None
    fingerprint: str | None
    created_at: datetime
    activated_at: datetime | None

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def fingerprint(ratings: Ratings) -> str:
    """A short hash of the ratings that a model learned from."""
    digest = hashlib.sha256()
    for array in (ratings.user_ids[ratings.rows], ratings.movie_ids[ratings.columns],
                  ratings.values, ratings.times):  # fmt: skip
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:16]


def save_factors(
    database: Database,
    model: FactorModel,
    *,
    metrics: Mapping[str, float],
    weights: Mapping[str, float] | None = None,
    learned_from: str | None = None,
) -> int:
    """Store a model's factors as a candidate and return its id.

    ``learned_from`` is the fingerprint of the ratings where they are not the model's own.
    """
    return _save(
        database, "factors", model.name, model.parameters(),
        learned_from or fingerprint(model.ratings), metrics=metrics, weights=weights,
        films=(model.movie_ids, model.factors_in, model.factors_out),
    )  # fmt: skip


def save_staged(
    database: Database,
    schema: str,
    name: str,
    *,
    parameters: Mapping[str, Any],
    learned_from: str,
) -> int:
    """Store the factors in a schema's table ``factors`` as a candidate and return its id."""
    return _save(database, "factors", name, parameters, learned_from, stage=schema)


def save_ratings(
    database: Database,
    model: Model,
    body: str,
    *,
    regressors: Factors,
    expected: Factors,
    metrics: Mapping[str, float],
) -> int:
    """Store a model that predicts ratings as a candidate and return its id.

    ``regressors`` (m, 1 + rank) and ``expected`` (m, 2) follow its films: factors_in and
    factors_out.
    """
    return _save(
        database, "ratings", model.name, model.parameters(), fingerprint(model.ratings),
        metrics=metrics, body=body, films=(model.movie_ids, regressors, expected),
    )  # fmt: skip


def save_order(
    database: Database,
    name: str,
    body: str,
    *,
    parameters: Mapping[str, Any],
    metrics: Mapping[str, float],
    ratings: Ratings,
) -> int:
    """Store a learned order's text as a candidate and return its id."""
    return _save(
        database, "order", name, parameters, fingerprint(ratings), metrics=metrics, body=body
    )


def _save(
    database: Database,
    kind: Kind,
    name: str,
    parameters: Mapping[str, Any],
    learned_from: str,
    *,
    metrics: Mapping[str, float] = {},
    weights: Mapping[str, float] | None = None,
    body: str | None = None,
    films: tuple[Ids, Factors, Factors] | None = None,
    stage: str | None = None,
) -> int:
    """Store a candidate, with the factors of its ``films`` or those in a schema, in one
    transaction."""
    row = {
        "kind": kind, "name": name, "parameters": json.dumps(parameters),
        "metrics": json.dumps(metrics), "fingerprint": learned_from,
        "weights": json.dumps(weights) if weights else None, "body": body,
    }  # fmt: skip
    with database.begin(patient=True) as connection:
        connection.execute(statements["lock"])
        model_id: int = connection.execute(statements["save"], row).scalar_one()
        if films is not None:
            with raw(connection).cursor().copy(statements.raw("copy_factors").encode()) as copy:
                write_factors(copy, model_id, *films)
        if stage is not None:
            schema = psql.Identifier(stage).as_string(None)
            move = statements.raw("move_factors").format(schema=schema)
            raw(connection).execute(move.encode(), {"id": model_id})
    if kind != "order":
        with database.begin(patient=True) as connection:
            connection.execute(statements["analyze"])
    return model_id


def write_factors(
    copy: psycopg.Copy, model_id: int, movie_ids: Ids, inward: Factors, outward: Factors
) -> None:
    """Write films' factors to a binary COPY into movie_factors or a stage of it."""
    copy.set_types(("int8", "int8", "bytea", "bytea"))  # bytes are sent as they are
    for movie_id, first, second in zip(movie_ids.tolist(), inward, outward, strict=True):
        copy.write_row((movie_id, model_id, Vector(first).to_binary(), Vector(second).to_binary()))


def read_factors(database: Database, model_id: int) -> tuple[Ids, Factors, Factors]:
    """A stored model's films (m,), ``factors_in`` and ``factors_out`` (m, rank) each."""
    ids, inward, outward = [np.zeros(0, np.int64)], list[Factors](), list[Factors]()
    with database.begin(patient=True) as connection:
        found = connection.execute(
            statements["read_factors"], {"id": model_id}, execution_options={"yield_per": _FETCHED}
        )
        for rows in found.partitions():  # as Python's numbers they take eight times the memory
            ids.append(np.array([row.movie_id for row in rows], np.int64))
            inward.append(np.array([row.factors_in for row in rows], np.float32))
            outward.append(np.array([row.factors_out for row in rows], np.float32))
    none = [np.zeros((0, 0), np.float32)]
    return np.concatenate(ids), np.concatenate(inward or none), np.concatenate(outward or none)


def read_body(database: Database, model_id: int) -> str | None:
    """A stored order's text; None for factors."""
    with database.read() as connection:
        body: str | None = connection.execute(statements["body"], {"id": model_id}).scalar()
    return body


def list_models(database: Database) -> list[StoredModel]:
    """Every stored model, the newest of each kind first."""
    with database.read() as connection:
        return [StoredModel(**row) for row in connection.execute(statements["models"]).mappings()]


def active_model(database: Database, kind: Kind) -> StoredModel | None:
    """The active model of a kind, if there is one."""
    with database.read() as connection:
        row = connection.execute(statements["active"], {"kind": kind}).mappings().first()
    return None if row is None else StoredModel(**row)


def get_model(database: Database, model_id: int) -> StoredModel:
    """One stored model. Raises NotFoundError."""
    with database.read() as connection:
        row = connection.execute(statements["model"], {"id": model_id}).mappings().first()
    if row is None:
        raise NotFoundError(
            f"There is no model {model_id}. Nothing was changed. `palate models list` shows all."
        )
    return StoredModel(**row)


def activate(database: Database, model_id: int, *, force: bool = False) -> StoredModel:
    """Make a model the active one of its kind; all readers see the change at once.

    Ratings wait while users' factors are made. Raises ConflictError when it did worse on its own
    evaluation than the active one did on the same ratings, or was not measured and the active one
    was, unless ``force``; NotFoundError.
    """
    chosen = get_model(database, model_id)
    with database.begin(patient=True) as connection:
        connection.execute(statements["lock"])
        if not force:
            row = connection.execute(statements["active"], {"kind": chosen.kind}).mappings().first()
            _refuse_worse(chosen, None if row is None else StoredModel(**row))
        connection.execute(statements["activate"], {"id": model_id})
    if chosen.kind == "factors":
        index_vectors(database)
    return get_model(database, model_id)


def rollback(database: Database, kind: Kind) -> StoredModel:
    """Activate the model that was active before. Raises NotFoundError when there is none."""
    with database.read() as connection:
        row = connection.execute(statements["previous"], {"kind": kind}).mappings().first()
    if row is None:
        raise NotFoundError(f"No other model of kind {kind} was active yet. Nothing was changed.")
    return activate(database, row["id"], force=True)


def deactivate(database: Database, kind: Kind) -> bool:
    """Retire the active model of a kind and use none; False when there was none."""
    with database.begin() as connection:
        connection.execute(statements["lock"])
        return connection.execute(statements["retire"], {"kind": kind}).first() is not None


def use_weights(database: Database, weights: Mapping[str, float]) -> None:
    """Use these weights of the blend from the next search on, and keep them with the active
    factors."""
    with database.begin() as connection:
        connection.execute(statements["lock"])
        connection.execute(statements["use_weights"], {"weights": json.dumps(weights)})


def remove(database: Database, model_id: int) -> StoredModel:
    """Delete a model that is not active. Raises ConflictError for the active one."""
    found = get_model(database, model_id)
    with database.begin(patient=True) as connection:
        connection.execute(statements["lock"])
        if not connection.execute(statements["remove"], {"id": model_id}).rowcount:
            raise ConflictError(
                f"{found} is the active model. Nothing was changed. Activate another one first."
            )
    return found


def not_comparable(chosen: StoredModel, active: StoredModel | None) -> str | None:
    """Why the metrics of two models do not say which is better; None when they do."""
    if active is None or active.id == chosen.id or active.fingerprint == chosen.fingerprint:
        return None
    return (
        f"{chosen} and {active} were measured on different ratings: which is better is not known. "
        "`palate evaluate search --model ID` measures both on those there are now."
    )


def _refuse_worse(chosen: StoredModel, active: StoredModel | None) -> None:
    headline = RATINGS_HEADLINE if chosen.kind == "ratings" else HEADLINE
    if active is None or active.id == chosen.id or headline not in active.metrics:
        return
    ours, theirs = chosen.metrics.get(headline), active.metrics[headline]
    if ours is not None and not_comparable(chosen, active) is not None:
        return
    better = ours is not None and (ours <= theirs if chosen.kind == "ratings" else ours >= theirs)
    if not better:
        ended = "was not measured" if ours is None else f"reached {headline} {ours:.4f}"
        raise ConflictError(
            f"{chosen} {ended} on its own evaluation; the active {active} reached {headline} "
            f"{theirs:.4f}. Nothing was changed. Use --force to activate it all the same."
        )
