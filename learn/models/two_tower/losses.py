"""What training makes small. All are means over a batch, weighted by how much a rating says."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

_BPR_SHARE = 0.2  # of the combined loss
_MSE_SHARE = 0.1


@dataclass(frozen=True)
class Batch:
    """One step's material; b ratings, and c films that were drawn at random."""

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
