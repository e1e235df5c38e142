"""What the towers are told besides ids, made of the ratings that are learned from alone.

Users: the seven features of `palate features build`. Films: a record (what was rated) and a content
(genres, traits, year, text vector), apart, so that a film without ratings has the second alone.
Arrays are made once, and are tensors on a device.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from learn.models.interface import Ids, Movies, Ratings
from learn.models.two_tower.network import Films, Users

Floats = NDArray[np.float32]

_DAY = 86_400.0
_MONTH = 2_629_800.0
_YEAR = 31_557_600.0
_TOP_GENRES = 3
_FARTHEST = 4.0  # standard deviations that a number may lie from the mean


@dataclass(frozen=True)
class Scale:
    """Brings numbers to mean 0 and deviation 1; what is missing becomes the mean."""

    mean: Floats  # (k,)
    deviation: Floats  # (k,)

    @classmethod
    def of(cls, numbers: NDArray[np.float64]) -> Self:
        """The scale of (n, k) numbers, NaN where missing."""
        there = np.isfinite(numbers)
        count = there.sum(axis=0).clip(1)
        filled = np.where(there, numbers, 0)
        mean = filled.sum(axis=0) / count
        deviation = np.sqrt((np.where(there, numbers - mean, 0) ** 2).sum(axis=0) / count)
        deviation[deviation < 1e-6] = 1
        return cls(mean.astype(np.float32), deviation.astype(np.float32))

    def __call__(self, numbers: NDArray[np.float64]) -> Floats:
        """(n, k) numbers, scaled."""
        scaled = ((numbers - self.mean) / self.deviation).clip(-_FARTHEST, _FARTHEST)
        return np.where(np.isfinite(scaled), scaled, 0).astype(np.float32)


def user_numbers(ratings: Ratings, newest: float) -> NDArray[np.float64]:
    """Mean, deviation, count, ratings a month, recency and range of each user, (n, 6).

    Count, ratings a month and days since the last rating (before ``newest``, seconds since 1970)
    as ln(1 + x). NaN for a user without ratings.
    """
    numbers = np.full((len(ratings.user_ids), 6), np.nan)
    counts = ratings.per_user
    there = np.flatnonzero(counts)
    if not len(there):
        return numbers
    first, count = ratings.starts[there], counts[there]
    values = ratings.values.astype(np.float64)
    mean = np.add.reduceat(values, first) / count
    spread = np.add.reduceat(values**2, first) / count - mean**2
    began, ended = (f.reduceat(ratings.times, first) for f in (np.minimum, np.maximum))
    numbers[there] = np.stack([
        mean,
        np.sqrt(spread.clip(0)),
        np.log1p(count),
        np.log1p(count / np.maximum((ended - began) / _MONTH, 1)),
        np.log1p((newest - ended).clip(0) / _DAY),
        np.maximum.reduceat(values, first) - np.minimum.reduceat(values, first),
    ], axis=1)  # fmt: skip
    return numbers


def top_genres(ratings: Ratings, genres: Floats) -> Floats:
    """1 for the three genres that each user rated most often, (n, g); ties by place.

    ``genres`` (m, g) is 1 where a film has the genre.
    """
    counts = np.asarray(ratings.with_values(np.ones(len(ratings), np.float32)) @ genres)
    order = np.argsort(-counts, axis=1, kind="stable")[:, :_TOP_GENRES]
    top = np.zeros_like(counts)
    np.put_along_axis(top, order, 1, axis=1)
    return np.asarray(top * (counts > 0), np.float32)


def movie_record(ratings: Ratings) -> NDArray[np.float64]:
    """ln(1 + ratings), mean, deviation and trend of each film, (m, 4); NaN where unknown.

    The trend is the mean of the newest year's ratings less the mean of those before.
    """
    counts, mean = _means(ratings, np.ones(len(ratings), np.bool_))
    squares = np.bincount(ratings.columns, ratings.values.astype(np.float64) ** 2, len(counts))
    spread = squares / counts.clip(1) - mean**2
    recent = ratings.times > ratings.times.max(initial=0) - _YEAR
    _, new = _means(ratings, recent)
    _, old = _means(ratings, ~recent)
    numbers = np.stack([np.log1p(counts), mean, np.sqrt(spread.clip(0)), new - old], axis=1)
    numbers[counts == 0] = np.nan
    return np.asarray(numbers, np.float64)


def _means(ratings: Ratings, mask: NDArray[np.bool_]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Each film's ratings where ``mask`` (r,) holds, counted, and their mean or NaN."""
    m = len(ratings.movie_ids)
    counts = np.bincount(ratings.columns[mask], minlength=m)
    sums = np.bincount(ratings.columns[mask], ratings.values[mask], m)
    return counts, np.where(counts > 0, sums / counts.clip(1), np.nan)


def movie_genres(movie_ids: Ids, movies: Movies | None) -> Floats:
    """1 where a film has a genre, (m, g); genres by name, at least one column."""
    return one_hot(movie_ids, movies, () if movies is None else movies.genres)


def one_hot(movie_ids: Ids, movies: Movies | None, words: Sequence[tuple[str, ...]]) -> Floats:
    """1 where a film has a word, (m, w); ``words`` follow ``movies``; at least one column."""
    names = sorted({word for film in words for word in film}) or [""]
    place = {name: i for i, name in enumerate(names)}
    hot = np.zeros((len(movie_ids), len(names)), np.float32)
    if movies is not None and len(words):
        rows = np.searchsorted(movie_ids, movies.movie_ids)
        for row, film in zip(rows, words, strict=True):
            hot[row, [place[word] for word in film]] = 1
    return hot


def movie_content(movie_ids: Ids, movies: Movies | None, genres: Floats) -> Floats:
    """Genres, traits, year, whether there is a text vector, and it at length 1: (m, c)."""
    columns: list[Floats] = [genres]
    if movies is None:
        return genres
    rows = np.searchsorted(movie_ids, movies.movie_ids)
    if len(movies.traits):
        columns.append(one_hot(movie_ids, movies, movies.traits))
    if movies.years is not None:
        years = np.full((len(movie_ids), 1), np.nan)
        years[rows, 0] = movies.years
        columns.append(Scale.of(years)(years))
    if movies.vectors is not None:
        norms = np.linalg.norm(movies.vectors, axis=1, keepdims=True)
        vectors = np.zeros((len(movie_ids), 1 + movies.vectors.shape[1]), np.float32)
        vectors[rows, :1] = norms > 0
        vectors[rows, 1:] = movies.vectors / np.maximum(norms, 1e-9)
        columns.append(vectors)
    return np.concatenate(columns, axis=1)


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
