"""Ratings and films as the networks take them: arrays once, tensors on a device."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from learn.models.interface import Ids, Movies, Ratings
from learn.models.two_tower.features import (
    Floats,
    Scale,
    movie_content,
    movie_genres,
    movie_record,
    top_genres,
    user_numbers,
)
from learn.models.two_tower.network import Films, Users


@dataclass(frozen=True)
class UserFacts:
    """How users' features are made: the same for those who were learned from and for strangers."""

    newest: float  # seconds since 1970 that recency is counted from
    scale: Scale
    genres: Floats  # (m, g)

    @classmethod
    def of(cls, ratings: Ratings, genres: Floats) -> "UserFacts":
        newest = float(ratings.times.max(initial=0))
        return cls(newest, Scale.of(user_numbers(ratings, newest)), genres)

    @property
    def width(self) -> int:
        """Numbers a user."""
        return int(len(self.scale.mean) + self.genres.shape[1])

    def __call__(self, ratings: Ratings) -> Floats:
        """(n, f) features of these users."""
        numbers = self.scale(user_numbers(ratings, self.newest))
        return np.concatenate([numbers, top_genres(ratings, self.genres)], axis=1)


@dataclass(frozen=True)
class Material:
    """What is learned from."""

    ratings: Ratings
    facts: UserFacts
    content: Floats  # (m, c)
    record: Floats  # (m, s)
    record_scale: Scale

    @classmethod
    def of(cls, ratings: Ratings, movies: Movies | None) -> "Material":
        """Everything is made of ``ratings`` alone, and of what is known of films without them."""
        genres = movie_genres(ratings.movie_ids, movies)
        record = movie_record(ratings)
        scale = Scale.of(record)
        content = movie_content(ratings.movie_ids, movies, genres)
        return cls(ratings, UserFacts.of(ratings, genres), content, scale(record), scale)

    def with_ratings(self, ratings: Ratings) -> "Material":
        """The same films with other ratings, on the same scales."""
        newest = float(ratings.times.max(initial=0))
        record = self.record_scale(movie_record(ratings))
        facts = replace(self.facts, newest=newest)
        return replace(self, ratings=ratings, facts=facts, record=record)

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Ratings of each film, (m,)."""
        return np.bincount(self.ratings.columns, minlength=len(self.ratings.movie_ids))

    def films(self, device: torch.device) -> Films:
        """The films, on a device."""
        return Films(_tensor(self.content, device), _tensor(self.record, device))


def users_on(
    ratings: Ratings,
    weights: Floats,
    facts: UserFacts,
    known: Ids,
    device: torch.device,
) -> Users:
    """Users with their ratings, on a device; whose id is not among the sorted ``known`` is a
    stranger. ``weights`` (r,) follow the ratings."""
    place = np.searchsorted(known, ratings.user_ids).clip(max=max(len(known) - 1, 0))
    found = known[place] == ratings.user_ids if len(known) else np.zeros(len(place), np.bool_)
    ids = np.where(found, place, len(known))
    return Users(
        _tensor(ids, device),
        _tensor(facts(ratings), device),
        _tensor(ratings.starts, device),
        _tensor(ratings.columns.astype(np.int64), device),
        _tensor(weights, device),
    )


def _tensor(array: NDArray[np.generic], device: torch.device) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array)).to(device)
