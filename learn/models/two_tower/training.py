"""Training of the towers: epochs of batches, early stopping, checkpoints."""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from learn.models.epochs import tell_epoch
from learn.models.interface import Movies, Ratings
from learn.models.two_tower.material import Material, users_on
from learn.models.two_tower.network import FUNCTIONS, Batch, Films, Towers, Users
from learn.models.two_tower.recipe import Recipe
from palate.errors import ConflictError, LoadError, MisuseError

_FEWEST = 10  # ratings
_GRADIENT = 1.0  # norm that gradients are clipped to
_LIKED = 4.0
_CHECKED = 2000  # users that an epoch is measured on
_AT_ONCE = 256
_CUTOFF = 50

State = dict[str, Any]


def find_device(name: str) -> torch.device:
    """A device by name; ``auto`` is a GPU where there is one. Raises MisuseError."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise MisuseError(
            f"There is no device {name} here. Nothing was trained. Use --device auto or cpu."
        ) from error
    return device


def train_towers(
    ratings: Ratings,
    movies: Movies | None,
    recipe: Recipe,
    device: torch.device,
    *,
    checkpoint: Path | None = None,
    about: str = "",
    resume: bool = False,
) -> tuple[Towers, Material]:
    """Towers that have learned, in evaluation mode on the CPU, and what they were told.

    Of each user's ratings the last ``recipe.validation`` part teaches nothing but when to stop; the
    best epoch's towers are given back. After every epoch a checkpoint is written, from which
    ``resume`` goes on: to exactly the same towers on a CPU. Epochs are told by ``tell_epoch``.
    Raises MisuseError without ratings, ConflictError and LoadError as load_checkpoint() does.
    """
    if len(ratings) < _FEWEST:
        raise MisuseError("There are too few ratings to learn from. Nothing was learned.")
    with _own_draws(device):
        torch.manual_seed(recipe.seed)
        run = _Run(ratings, movies, recipe, device)
        found = load_checkpoint(checkpoint, about) if checkpoint and resume else None
        if found is not None:
            run.restore(found)
        while not run.done:
            run.epoch()
            if checkpoint is not None:
                run.checkpoint(about).save(checkpoint)
        return run.best_towers(), run.material.with_ratings(ratings)


@dataclass(frozen=True)
class Checkpoint:
    """After an epoch: all that the next ones depend on. ``about`` says what is being trained."""

    about: str
    epoch: int
    network: State
    optimizer: State
    best: dict[str, Tensor]
    best_epoch: int
    best_score: float
    log: list[dict[str, float]]

    def save(self, path: Path) -> None:
        """Write it beside ``path`` and put it there in one step: a kill leaves the one before."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            torch.save(asdict(self), part)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def load_checkpoint(path: Path, about: str) -> Checkpoint | None:
    """What save() wrote, if there is any.

    Raises LoadError for a file that is none, ConflictError for that of another training.
    """
    if not path.is_file():
        return None
    try:
        found = Checkpoint(**torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:
        raise LoadError(
            f"{path} is no checkpoint of this Palate. Nothing was trained. "
            "Train without --resume, or delete the file."
        ) from error
    if found.about != about:
        raise ConflictError(
            f"{path} is of other ratings, films or parameters. Nothing was trained. "
            "Train without --resume to begin anew."
        )
    return found


class _Run:
    """One training: the towers, the optimizer, and the best epoch so far."""

    def __init__(
        self, ratings: Ratings, movies: Movies | None, recipe: Recipe, device: torch.device
    ) -> None:
        self.recipe, self.device = recipe, device
        late = ratings.latest(recipe.validation)
        self.ratings, self.late = ratings.where(~late), ratings.where(late)
        self.material = material = Material.of(self.ratings, movies)
        self.films = material.films(device)
        weights = recipe.base + recipe.slope * (self.ratings.values - 3.5)
        self.users = users_on(self.ratings, weights, material.facts, ratings.user_ids, device)
        self.rows = torch.from_numpy(self.ratings.rows).to(device)
        self.values = torch.from_numpy(self.ratings.values).to(device)
        counts = torch.from_numpy(self.ratings.per_film)
        self.chance = (counts / max(1, len(self.ratings))).to(device, torch.float32)
        self.rated = (counts > 0).to(device)
        self.towers = make_towers(material, recipe).to(device)
        self.optimizer = torch.optim.AdamW(
            self.towers.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        self.log: list[dict[str, float]] = []
        self.best, self.best_epoch, self.best_score = self._copy(), 0, -math.inf

    @property
    def done(self) -> bool:
        epochs = len(self.log)
        return epochs >= self.recipe.epochs or epochs - self.best_epoch >= self.recipe.patience

    def epoch(self) -> None:
        """Learn from every rating once."""
        number = len(self.log) + 1
        torch.manual_seed(self.recipe.seed * 100_003 + number)  # the same when resumed here
        self.towers.train()
        total, steps = 0.0, 0
        order = torch.randperm(len(self.ratings)).to(self.device)
        for chosen in torch.split(order, self.recipe.batch):
            if len(chosen) < 2:
                continue  # batch norm has nothing to norm
            loss = FUNCTIONS[self.recipe.loss](self._batch(chosen))
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self.towers.parameters(), _GRADIENT)
            self.optimizer.step()
            total, steps = total + float(loss.detach()), steps + 1
        self.towers.eval()
        ndcg = self._validate()
        self.log.append({"loss": total / max(steps, 1), "validation": ndcg})
        if math.isnan(ndcg) or ndcg > self.best_score:
            self.best, self.best_epoch = self._copy(), number
            self.best_score = -math.inf if math.isnan(ndcg) else ndcg
        tell_epoch(number, **{name: v for name, v in self.log[-1].items() if not math.isnan(v)})

    def _batch(self, chosen: Tensor) -> Batch:
        b, c = len(chosen), self.recipe.drawn
        rows, films = self.rows[chosen], self.users.columns[chosen]
        drawn = torch.randint(len(self.rated), (c,)).to(self.device)
        unique, back = torch.unique(rows, return_inverse=True)
        towers = self.towers
        sums, count = towers.pasts(self.users, unique)
        # A user's vector must be found without the film that it is to find.
        own = towers.past.weight[films] * self.users.weights[chosen, None]
        strangers = self._draw(b) < self.recipe.unknown
        ids = torch.where(strangers, towers.user_ids.num_embeddings - 1, self.users.ids[rows])
        vectors = towers.users(ids, self.users.facts[rows], sums[back] - own, count[back] - 1)
        both = torch.cat([films, drawn])
        known = (self._draw(b + c) >= self.recipe.unknown) & self.rated[both]
        found = towers.films(both, self.films, known)
        chance = self.chance[both] * b + c / len(self.rated)
        return Batch(
            vectors, found[:b], found[b:], towers.sharpness.exp(), towers.stars,
            self.values[chosen], self.users.weights[chosen].clamp(min=0), chance.log(),
            self._rated(unique, both)[back].fill_diagonal_(False),
        )  # fmt: skip

    def _draw(self, count: int) -> Tensor:
        return torch.rand(count).to(self.device)

    def _rated(self, users: Tensor, films: Tensor) -> Tensor:
        """Whether users (u,) have rated films (b,), (u, b)."""
        table = torch.zeros((len(users), len(self.rated)), dtype=torch.bool, device=self.device)
        first, count = self.users.starts[users], self.users.starts[users + 1]
        count = count - first
        row = torch.repeat_interleave(torch.arange(len(users), device=self.device), count)
        offsets = torch.repeat_interleave(first - (count.cumsum(0) - count), count)
        place = torch.arange(len(row), device=self.device) + offsets
        table[row, self.users.columns[place]] = True
        return table[:, films]

    @torch.no_grad()
    def _validate(self) -> float:
        """nDCG@50 of the later films that users liked, among all that they had not rated."""
        liked = self.late.where(self.late.values >= _LIKED)
        there = np.flatnonzero(liked.per_user)
        if not len(there):
            return math.nan
        asked = np.sort(np.random.default_rng(self.recipe.seed).permutation(there)[:_CHECKED])
        films = film_vectors(self.towers, self.films, self.rated)
        found = 0.0
        for start in range(0, len(asked), _AT_ONCE):
            rows = asked[start : start + _AT_ONCE]
            users = torch.from_numpy(rows).to(self.device)
            scores = user_vectors(self.towers, self.users, users) @ films.T
            scores[self._rated(users, torch.arange(len(films), device=self.device))] = -torch.inf
            top = scores.topk(min(_CUTOFF, len(films)), dim=1).indices.cpu().numpy()
            found += _gains(top, liked.take(rows))
        return found / len(asked)

    def _copy(self) -> dict[str, Tensor]:
        return {
            name: value.detach().cpu().clone() for name, value in self.towers.state_dict().items()
        }

    def best_towers(self) -> Towers:
        """The best epoch's, in evaluation mode."""
        self.towers.load_state_dict(self.best)
        return self.towers.cpu().eval()

    def checkpoint(self, about: str) -> Checkpoint:
        return Checkpoint(
            about, len(self.log), self._copy(), self.optimizer.state_dict(),
            self.best, self.best_epoch, self.best_score, self.log,
        )  # fmt: skip

    def restore(self, found: Checkpoint) -> None:
        self.towers.load_state_dict(found.network)
        self.optimizer.load_state_dict(found.optimizer)
        self.best, self.best_epoch, self.best_score = found.best, found.best_epoch, found.best_score
        self.log = found.log


def make_towers(material: Material, recipe: Recipe) -> Towers:
    """Towers that have learned nothing."""
    return Towers(
        len(material.ratings.user_ids), len(material.ratings.movie_ids),
        material.facts.width, material.record.shape[1], material.content.shape[1],
        rank=recipe.rank, width=recipe.width, dropout=recipe.dropout,
    )  # fmt: skip


@torch.no_grad()
def film_vectors(towers: Towers, films: Films, rated: Tensor) -> Tensor:
    """Vectors of all films, (m, rank); those that are not ``rated`` (m,) by their content alone."""
    everything = torch.arange(len(rated), device=rated.device)
    parts = [towers.films(part, films, rated[part]) for part in torch.split(everything, 8192)]
    return torch.cat(parts)


@torch.no_grad()
def user_vectors(towers: Towers, users: Users, rows: Tensor) -> Tensor:
    """Vectors of users by place, (b, rank)."""
    past, count = towers.pasts(users, rows)
    return towers.users(users.ids[rows], users.facts[rows], past, count)


def _gains(top: NDArray[np.int64], liked: Ratings) -> float:
    """Sum over users of nDCG; ``top`` (n, k) are places of films, the best first."""
    n, k = top.shape
    discounts = 1 / np.log2(np.arange(k) + 2)
    hits = np.zeros((n, len(liked.movie_ids)), np.bool_)
    hits[liked.rows, liked.columns] = True
    gains = (np.take_along_axis(hits, top, 1) * discounts).sum(axis=1)
    ideal = np.cumsum(discounts)[np.minimum(liked.per_user, k) - 1]
    return float((gains / ideal).sum())


@contextmanager
def _own_draws(device: torch.device) -> Iterator[None]:
    """Draws of its own, given back afterwards."""
    devices: list[Any] = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        yield
