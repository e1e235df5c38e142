"""Ratings with a structure that a model can find: two groups of people, two kinds of films."""

import numpy as np

from learn.models.interface import Model, Movies, Ratings

USERS, FILMS, RARE = 120, 80, 3
COLD_FILM = 10_000
COLD_USER = 5_000


def ratings(seed: int = 0) -> Ratings:
    """Users like films of their own kind; some films of each kind are much more popular.

    ``COLD_USER`` is known but rated nothing.
    """
    draw = np.random.default_rng(seed)
    popularity = 1 / (1 + np.arange(FILMS) // 2)
    rows = []
    for user in range(USERS):
        own = np.arange(FILMS) % 2 == user % 2
        chance = popularity * np.where(own, 1.0, 0.12)
        for film in draw.choice(FILMS, size=14, replace=False, p=chance / chance.sum()):
            stars = 4.5 if own[film] else 2.0
            rows.append((user, 100 + film, stars, draw.uniform(0, 1e8)))
    users, films, stars_, times = (np.array(column) for column in zip(*rows, strict=True))
    return Ratings.of(users, films, stars_, times, users=[COLD_USER])


def movies() -> Movies:
    """The films, and one that nobody rated."""
    ids = np.r_[100 + np.arange(FILMS), COLD_FILM]
    kinds = np.eye(8, dtype=np.float32)[np.r_[np.arange(FILMS) % 2, 0]]
    return Movies(ids, [("Even",) if i % 2 == 0 else ("Odd",) for i in ids],
                  np.full(len(ids), 2000, np.float32), kinds)  # fmt: skip


def best_films(model: Model, user: int, k: int = 10) -> np.ndarray:
    """The films that a model puts on top of those that the user has not rated."""
    row = int(np.searchsorted(model.ratings.user_ids, user))
    scores = model.score([user], model.movie_ids)[0]
    scores[
        model.ratings.columns[model.ratings.starts[row] : model.ratings.starts[row + 1]]
    ] = -np.inf
    return model.movie_ids[np.lexsort((model.movie_ids, -scores))[:k]]
