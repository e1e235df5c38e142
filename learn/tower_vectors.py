"""The towers' vectors as files, to read with other tools or to store on another machine."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from learn.data import read_movies
from learn.models.interface import Ids, Ratings
from learn.models.two_tower.model import Floats, TwoTower
from learn.registry import fingerprint, save_factors
from palate.errors import ConflictError, LoadError, MisuseError, NotFoundError
from sql.database import Database

_AT_ONCE = 4096  # users
_LEARNED_FROM = "learned_from"


def write_vectors(model: TwoTower, folder: Path) -> None:
    """Write the vectors of films and users, as NumPy arrays and as Parquet.

    ``movie_vectors.npy`` (m, rank) and ``factors_in.npy`` (m, rank) follow ``movie_ids.npy``,
    ``user_vectors.npy`` (n, rank) follows ``user_ids.npy``; ``movies.parquet`` and
    ``users.parquet`` hold the same in columns, ``parameters.json`` the model's parameters and the
    fingerprint of the ratings that it learned from.
    """
    folder.mkdir(parents=True, exist_ok=True)
    about = {**model.parameters(), _LEARNED_FROM: fingerprint(model.ratings)}
    (folder / "parameters.json").write_text(json.dumps(about, indent=2) + "\n")
    users = model.ratings.user_ids
    vectors = _user_vectors(model)
    arrays: Mapping[str, NDArray[Any]] = {
        "movie_ids": model.movie_ids, "movie_vectors": model.factors_out,
        "factors_in": model.factors_in, "user_ids": users, "user_vectors": vectors,
    }  # fmt: skip
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    shape = pl.Array(pl.Float32, model.factors_out.shape[1])
    films = {"movie_id": model.movie_ids}
    pl.DataFrame(films).with_columns(
        pl.Series("vector", model.factors_out, shape),
        pl.Series("factors_in", model.factors_in, shape),
    ).write_parquet(folder / "movies.parquet")
    pl.DataFrame({"user_id": users}).with_columns(
        pl.Series("vector", vectors, shape)
    ).write_parquet(folder / "users.parquet")


def _user_vectors(model: TwoTower) -> Floats:
    rows = np.arange(len(model.ratings.user_ids))
    parts = [
        model.user_vectors(model.ratings.take(rows[start : start + _AT_ONCE]))
        for start in range(0, len(rows), _AT_ONCE)
    ]
    return np.concatenate([np.zeros((0, model.rank), np.float32), *parts])


def read_vectors(folder: Path, ratings: Ratings) -> TwoTower:
    """A model of written vectors, whose factors can be stored and served: movie_vectors.npy as
    factors_out, factors_in.npy. It knows ``ratings``, of films that it has vectors of.

    Raises NotFoundError, and LoadError where the files do not fit each other.
    """
    movie_ids, outward, inward = (
        _read(folder / f"{name}.npy") for name in ("movie_ids", "movie_vectors", "factors_in")
    )
    _check(folder, movie_ids, outward, inward)
    model, _ = _parameters(folder / "parameters.json")
    model.ratings = ratings.among(movie_ids)
    model.factors_in, model.factors_out = inward, outward
    return model


def load_vectors(database: Database, folder: Path) -> int:
    """Store written vectors as a candidate and return its id.

    Raises as read_vectors(), and ConflictError where they are of another catalog's films.
    """
    model = read_vectors(folder, Ratings.of([], [], []))
    _, learned_from = _parameters(folder / "parameters.json")
    here = int(np.isin(model.movie_ids, read_movies(database, vectors=False).movie_ids).sum())
    if not here:
        raise ConflictError(
            f"The vectors in {folder} are of other films than this database's. Nothing was stored. "
            "Train on ratings of this catalog."
        )
    return save_factors(database, model, metrics={}, learned_from=learned_from)


def _parameters(path: Path) -> tuple[TwoTower, str]:
    """A model that has learned nothing yet, and the fingerprint of what it is to know."""
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        learned_from = str(about.pop(_LEARNED_FROM))
        return TwoTower(**about), learned_from
    except FileNotFoundError:
        raise _missing(path) from None
    except (ValueError, TypeError, KeyError, AttributeError, MisuseError) as error:
        raise LoadError(f"{path} holds no parameters. Nothing was read. Write it again.") from error


def _missing(path: Path) -> NotFoundError:
    return NotFoundError(
        f"There is no {path}. Nothing was read. "
        "`palate train two-tower --vectors` writes such files."
    )


def _check(folder: Path, movie_ids: Ids, outward: Floats, inward: Floats) -> None:
    good = (
        movie_ids.dtype == np.int64
        and movie_ids.ndim == 1
        and (np.diff(movie_ids) > 0).all()
        and outward.shape == inward.shape
        and outward.shape[:1] == movie_ids.shape
        and outward.ndim == 2
        and all(a.dtype == np.float32 and np.isfinite(a).all() for a in (outward, inward))
    )
    if not good:
        raise LoadError(
            f"The arrays in {folder} do not fit each other. Nothing was read. Write them again "
            "with `palate train two-tower --vectors`."
        )


def _read(path: Path) -> NDArray[Any]:
    try:
        with path.open("rb") as file:
            return np.asarray(np.lib.format.read_array(file, allow_pickle=False))
    except FileNotFoundError:
        raise _missing(path) from None
    except (ValueError, EOFError) as error:
        raise LoadError(f"{path} is no NumPy array. Nothing was read. Write it again.") from error
