"""The two networks, in PyTorch, and what training makes small."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

HIDDEN = (256, 128)
_BPR_SHARE = 0.2  # of the combined loss
_MSE_SHARE = 0.1


@dataclass(frozen=True)
class Films:
    """What is known of the films, on the device: ``content`` (m, c) and ``record`` (m, s)."""

    content: Tensor
    record: Tensor


@dataclass(frozen=True)
class Users:
    """What is known of some users, on the device, and their ratings, compressed by rows."""

    ids: Tensor  # (n,): place in the table of ids, the last for a stranger
    facts: Tensor  # (n, f)
    starts: Tensor  # (n + 1,)
    columns: Tensor  # (r,): films rated
    weights: Tensor  # (r,)


class Tower(nn.Module):
    """Layers of 256 and 128 with batch norm and dropout, then a vector of length 1, (b, rank)."""

    def __init__(self, inputs: int, rank: int, dropout: float) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for size in HIDDEN:
            layers += [
                nn.Linear(inputs, size, bias=False),
                nn.BatchNorm1d(size),
                nn.ReLU(),
                nn.Dropout(dropout),
            ]
            inputs = size
        self.layers = nn.Sequential(*layers, nn.Linear(inputs, rank))

    def forward(self, inputs: Tensor) -> Tensor:
        return functional.normalize(self.layers(inputs), dim=1)


class Towers(nn.Module):
    """Both towers; ids are embedded, the last row of each table being the unknown id.

    A user's input is the id, the features and the past: the sum of embeddings of the films rated,
    each by its weight, divided by the square root of their number. A film's is the id, its record
    and its content.
    """

    def __init__(
        self, users: int, films: int, facts: int, record: int, content: int,
        *, rank: int, width: int, dropout: float,
    ) -> None:  # fmt: skip
        super().__init__()
        self.user_ids = nn.Embedding(users + 1, width)
        self.film_ids = nn.Embedding(films + 1, width)
        self.past = nn.EmbeddingBag(films, width, mode="sum")
        for table in (self.user_ids, self.film_ids, self.past):
            nn.init.normal_(table.weight, std=width**-0.5)
        self.user = Tower(2 * width + facts, rank, dropout)
        self.film = Tower(width + record + 1 + content, rank, dropout)
        self.sharpness = nn.Parameter(torch.tensor(15.0).log())  # ln of 1 / temperature
        self.stars = nn.Parameter(torch.tensor([3.5, 1.0]))  # of cosine 0, and a step of it

    def films(self, chosen: Tensor, films: Films, known: Tensor) -> Tensor:
        """Vectors of films by place, (b, rank), by their content alone where not ``known``."""
        unknown = self.film_ids.num_embeddings - 1
        ids = self.film_ids(torch.where(known, chosen, unknown))
        record = films.record[chosen] * known[:, None]
        inputs = [ids, record, known[:, None].to(ids.dtype), films.content[chosen]]
        return self.film(torch.cat(inputs, dim=1))  # type: ignore[no-any-return]

    def pasts(self, users: Users, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Sums of embeddings of what these users rated, (b, width), and how much it was, (b,)."""
        first, count = users.starts[rows], users.starts[rows + 1] - users.starts[rows]
        offsets = count.cumsum(0) - count
        shift = torch.repeat_interleave(first - offsets, count)
        place = torch.arange(len(shift), device=shift.device) + shift
        sums = self.past(users.columns[place], offsets, per_sample_weights=users.weights[place])
        return sums, count

    def users(self, ids: Tensor, facts: Tensor, past: Tensor, count: Tensor) -> Tensor:
        """Vectors of users, (b, rank)."""
        scaled = past / count.clamp(min=1).sqrt()[:, None]
        return self.user(torch.cat([self.user_ids(ids), facts, scaled], dim=1))  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Batch:
    """One step's material; b ratings, and c films that were drawn at random. Losses are means over
    it, weighted by how much a rating says."""

    users: Tensor  # (b, rank)
    films: Tensor  # (b, rank)
    drawn: Tensor  # (c, rank)
    sharpness: Tensor  # 1 / temperature
    stars: Tensor  # (2,): the stars of cosine 0, and of a step of it
    values: Tensor  # (b,): stars given
    rewards: Tensor  # (b,): what the rating says about liking, 0 or more
    log_chance: Tensor  # (b + c,): ln of how often a film is met as a negative
    rated: Tensor  # (b, b + c): the user has rated the film (a negative that is none)


def mse(batch: Batch) -> Tensor:
    """Squared error of the stars: intercept + slope * cosine."""
    found = batch.stars[0] + batch.stars[1] * (batch.users * batch.films).sum(dim=1)
    return functional.mse_loss(found, batch.values)


def bpr(batch: Batch) -> Tensor:
    """The rated film before one drawn at random: -ln sigmoid(s(u, i) - s(u, j)).

    Rendle et al. 2009, "BPR: Bayesian personalized ranking from implicit feedback".
    """
    place = torch.arange(len(batch.users), device=batch.users.device) % len(batch.drawn)
    other = batch.drawn[place]
    ahead = (batch.users * (batch.films - other)).sum(dim=1) * batch.sharpness
    there = ~batch.rated[:, len(batch.users) :].gather(1, place[:, None])[:, 0]
    return _weighted(-functional.logsigmoid(ahead), batch.rewards * there)


def softmax(batch: Batch) -> Tensor:
    """The rated film among the batch's films and those drawn: in-batch sampled softmax.

    From each score ln of the film's sampling probability is taken, so that popular films, which
    are met as negatives more often, are not pushed down for that (Yi et al. 2019,
    "Sampling-bias-corrected neural modeling for large corpus item recommendations"); its rewards
    weigh the ratings. The drawn ones let films that few rated be negatives (Yang et al. 2020,
    "Mixed negative sampling for learning two-tower neural networks in recommendations").
    """
    scores = batch.users @ torch.cat([batch.films, batch.drawn]).T * batch.sharpness
    scores = (scores - batch.log_chance).masked_fill(batch.rated, -torch.inf)
    right = torch.arange(len(scores), device=scores.device)
    return _weighted(functional.cross_entropy(scores, right, reduction="none"), batch.rewards)


def combined(batch: Batch) -> Tensor:
    """Softmax, and a little of the others."""
    return softmax(batch) + _BPR_SHARE * bpr(batch) + _MSE_SHARE * mse(batch)


def _weighted(losses: Tensor, weights: Tensor) -> Tensor:
    return (losses * weights).sum() / weights.sum().clamp(min=1e-6)


FUNCTIONS: dict[str, Callable[[Batch], Tensor]] = {
    "mse": mse,
    "bpr": bpr,
    "softmax": softmax,
    "combined": combined,
}
