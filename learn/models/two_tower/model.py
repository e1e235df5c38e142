"""Two towers as models of taste: folded into two factors for SQL, and as they are."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from learn.models.interface import Ids, Movies, Ratings
from learn.models.two_tower.recipe import Recipe
from palate.errors import MisuseError, NotInstalledError

if TYPE_CHECKING:
    from learn.models.two_tower.material import UserFacts
    from learn.models.two_tower.network import Towers

Floats = NDArray[np.float32]

LOSSES = ("mse", "bpr", "softmax", "combined")
"""What training can make small; ``network.py`` says how."""

_AROUND = ("device", "checkpoints", "resume")
"""Fields that say how training is run, not what is learned."""


@dataclass
class TwoTower(Recipe):
    """Two neural towers, the user's approximated by additions.

    A user's tower takes an id, the seven features and the past (embeddings of the films rated), a
    film's its id, its record, genres, year and text vector; affinity is the cosine of what they
    give (Yi et al. 2019; Covington, Adams and Sargin 2016, "Deep neural networks for YouTube
    recommendations"). factors_out are the films' vectors, factors_in a ridge regression of the
    users' (``folding.py``). With probability ``unknown`` an id, and a film's record with it, is
    hidden in training, so that strangers and films without ratings are understood.

    ``checkpoints`` is a folder in which training can ``resume`` after it was stopped.
    """

    name: ClassVar[str] = "two-tower"
    on_request: ClassVar[bool] = True

    fold_l2: float = 0.003
    fold_copies: int = 2
    device: str = field(default="auto", compare=False)
    checkpoints: Path | None = field(default=None, compare=False)
    resume: bool = field(default=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.known: Ids = np.zeros(0, np.int64)  # users whose ids were learned, sorted
        self._facts: UserFacts | None = None
        self._towers: Towers | None = None
        self._written: list[Path] = []
        _check(self)

    def parameters(self) -> dict[str, Any]:
        return {name: v for name, v in super().parameters().items() if name not in _AROUND}

    def user_vectors(self, ratings: Ratings) -> Floats:
        """The user tower's vectors of these users, (n, rank). The columns are all films."""
        import torch

        from learn.models.two_tower.material import users_on
        from learn.models.two_tower.training import user_vectors

        if self._towers is None or self._facts is None:
            raise RuntimeError("the towers have not learned")
        weights = self._weights(ratings)
        users = users_on(ratings, weights, self._facts, self.known, torch.device("cpu"))
        rows = torch.arange(len(ratings.user_ids))
        found: Floats = user_vectors(self._towers, users, rows).numpy()
        return found

    def check_device(self) -> None:
        """Raises MisuseError for a device that is not there, NotInstalledError without PyTorch."""
        _torch()
        from learn.models.two_tower.training import find_device

        find_device(self.device)

    def forget_checkpoints(self) -> None:
        """Delete what this model's trainings have kept: nothing is left to resume."""
        for path in self._written:
            path.unlink(missing_ok=True)

    def _checkpoint(self, ratings: Ratings) -> Path | None:
        """Where the training on these ratings keeps what it has reached."""
        if self.checkpoints is None:
            return None
        path = self.checkpoints / f"two-tower-{_digest(_ratings(ratings))}.pt"
        self._written.append(path)
        return path

    def _learn(self, ratings: Ratings, movies: Movies | None) -> None:
        torch = _torch()
        from learn.models.two_tower.training import film_vectors, find_device, train_towers

        about = json.dumps(self.parameters(), sort_keys=True)
        about += _digest(_ratings(ratings)) + _digest(_movies(movies))
        towers, material = train_towers(
            ratings, movies, self, find_device(self.device),
            checkpoint=self._checkpoint(ratings), about=about, resume=self.resume,
        )  # fmt: skip
        self._towers = towers
        self.known, self._facts = ratings.user_ids, material.facts
        rated = torch.from_numpy(material.ratings.per_film > 0)
        self.factors_out = film_vectors(towers, material.films(torch.device("cpu")), rated).numpy()
        self._fold(ratings)

    def _fold(self, ratings: Ratings) -> None:
        from learn.models.two_tower.folding import fold_map

        self.factors_in = fold_map(
            ratings, self._tastes, self.user_vectors, self.factors_out,
            l2=self.fold_l2, copies=self.fold_copies, most=_MOST_FOLDED, seed=self.seed,
        )  # fmt: skip


_MOST_FOLDED = 20_000  # users that the additions are fitted to


@dataclass
class FullTwoTower(TwoTower):
    """Two neural towers as they are: what ``two-tower`` is held to."""

    name: ClassVar[str] = "full-two-tower"

    def fold_in(self, ratings: Ratings) -> Self:
        """As every model; who is folded in is a stranger, whose id says nothing."""
        wider = super().fold_in(ratings)
        wider.known = np.setdiff1d(self.known, ratings.user_ids)
        return wider

    def _score_all(self, ratings: Ratings) -> NDArray[Any]:
        return np.asarray(self.user_vectors(ratings) @ self.factors_out.T)


def _check(model: TwoTower) -> None:
    """Raises MisuseError for a parameter that nothing can be trained with."""
    if model.loss not in LOSSES:
        wrong = f"There is no loss {model.loss}; there are {', '.join(LOSSES)}"
    elif min(model.rank, model.width, model.epochs, model.patience, model.drawn) < 1:
        wrong = "rank, width, epochs, patience and drawn are 1 or more"
    elif model.batch < 2 or model.learning_rate <= 0 or model.weight_decay < 0:
        wrong = "batch is 2 or more, learning_rate more than 0 and weight_decay 0 or more"
    elif not all(0 <= v < 1 for v in (model.dropout, model.unknown, model.validation)):
        wrong = "dropout, unknown and validation lie from 0 to less than 1"
    elif model.fold_l2 <= 0 or model.fold_copies < 0:
        wrong = "fold_l2 is more than 0 and fold_copies 0 or more"
    else:
        return
    raise MisuseError(f"{wrong}. Nothing was trained.")


def _digest(arrays: Iterable[NDArray[Any]]) -> str:
    """A short hash."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:16]


def _ratings(ratings: Ratings) -> list[NDArray[Any]]:
    return [getattr(ratings, f.name) for f in fields(Ratings)]


def _movies(movies: Movies | None) -> list[NDArray[Any]]:
    """What is known of films, as arrays without missing numbers."""
    if movies is None:
        return []
    words = json.dumps([list(map(list, one)) for one in (movies.genres, movies.traits)]).encode()
    arrays: list[NDArray[Any]] = [movies.movie_ids, np.frombuffer(words, np.uint8)]
    numbers = (movies.years, movies.vectors)
    return arrays + [np.nan_to_num(one) for one in numbers if one is not None]


def _torch() -> Any:
    try:
        import torch
    except ImportError:
        raise NotInstalledError(
            "The two-tower model needs PyTorch, which is not installed. Nothing was trained. "
            "Install it in Palate's folder: pip install -e '.[embed]'."
        ) from None
    return torch
