"""The two networks, in PyTorch."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

HIDDEN = (256, 128)


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
        self.sizes = users, films, facts, record, content
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
