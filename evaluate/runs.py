"""One evaluation as a file: what was measured on what, and every single outcome, to compare."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from evaluate.estimates import Estimate, bootstrap
from learn.data import statements
from learn.metrics import rank_metrics
from learn.models.interface import Ratings
from learn.registry import fingerprint
from palate import __version__
from palate.errors import MisuseError, NotFoundError
from sql.database import Database

Kind = Literal["search", "recommend"]


@dataclass(frozen=True)
class About:
    """What a run measured, on what, when and how."""

    kind: Kind
    data: str
    ratings: int
    users: int
    movies: int
    fingerprint: str
    parameters: dict[str, Any]
    made_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    palate: str = __version__


@dataclass(frozen=True)
class Outcomes:
    """Every outcome of one part of a run: a set of queries, or a protocol.

    A unit is a query (a user and the film wanted) or a user (``movie_ids`` is empty).
    ``values[system][metric]`` follow the units; search keeps the one metric ``rank``.
    """

    user_ids: Sequence[int]
    movie_ids: Sequence[int]
    values: Mapping[str, Mapping[str, Sequence[float]]]


@dataclass(frozen=True)
class Run:
    """A run as it is stored; ``results`` is for reading only."""

    about: About
    results: dict[str, Any]
    outcomes: dict[str, Outcomes]


def about(kind: Kind, database: Database, ratings: Ratings, parameters: dict[str, Any]) -> About:
    """What a run was made of."""
    with database.read() as connection:
        source = connection.execute(statements["source"]).scalar()
        movies: int = connection.execute(statements["count_movies"]).scalar_one()
    users = int((ratings.per_user > 0).sum())
    return About(
        kind, source or "unnamed", len(ratings), users, movies, fingerprint(ratings), parameters
    )


def write_run(run: Run, path: Path) -> None:
    """Write a run as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(dataclasses.asdict(run), separators=(",", ":"))
    path.write_text(text + "\n", encoding="utf-8")


def read_run(path: Path) -> Run:
    """Read a run. Raises NotFoundError, MisuseError for a file that is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Run(
            About(**found["about"]),
            found["results"],
            {name: Outcomes(**part) for name, part in found["outcomes"].items()},
        )
    except FileNotFoundError:
        raise NotFoundError(f"There is no {path}. Nothing was compared.") from None
    except (ValueError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise MisuseError(
            f"{path} holds no evaluation. Nothing was compared. Name a file that "
            "`palate evaluate ... --output` wrote."
        ) from error


@dataclass(frozen=True)
class Difference:
    """How much more a system scored in the second run than in the first, on the same units."""

    part: str
    system: str
    metric: str
    units: int
    before: float
    after: float
    difference: Estimate


def compare(before: Run, after: Run, *, samples: int = 1000, seed: int = 0) -> list[Difference]:
    """Paired differences of every system and metric that both runs have.

    Raises MisuseError when the runs have nothing in common.
    """
    found = [
        difference
        for part in before.outcomes
        if part in after.outcomes
        for difference in _compare(
            part, before.outcomes[part], after.outcomes[part], samples=samples, seed=seed
        )
    ]
    if before.about.kind != after.about.kind or not found:
        raise MisuseError(
            "These runs measured nothing in common. Nothing was compared. Compare two runs of "
            "the same command on the same ratings."
        )
    return found


def _compare(
    part: str, before: Outcomes, after: Outcomes, *, samples: int, seed: int
) -> list[Difference]:
    first, second = _units(before), _units(after)
    common = sorted(first.keys() & second.keys())
    systems = [name for name in before.values if name in after.values]
    if not common:
        return []
    old, new = ([units[key] for key in common] for units in (first, second))
    users = np.array([key[0] for key in common], np.int64)
    made = []
    for system in systems:
        left, right = _metrics(before.values[system]), _metrics(after.values[system])
        for metric in [name for name in left if name in right]:
            a, b = left[metric][old], right[metric][new]
            gain = bootstrap({metric: b - a}, users, samples=samples, seed=seed)[metric]
            made.append(
                Difference(
                    part, system, metric, len(common), float(a.mean()), float(b.mean()), gain
                )
            )
    return made


def _units(outcomes: Outcomes) -> dict[tuple[int, int], int]:
    movies = outcomes.movie_ids or [0] * len(outcomes.user_ids)
    return {key: i for i, key in enumerate(zip(outcomes.user_ids, movies, strict=True))}


def _metrics(values: Mapping[str, Sequence[float]]) -> dict[str, NDArray[np.float64]]:
    if "rank" in values:
        return rank_metrics(np.array(values["rank"], np.int64))
    return {name: np.array(column, np.float64) for name, column in values.items()}
