"""The sample's raters: 600 people who do not exist, with tastes that do.

A rating is the film's quality + the rater's harshness + how much the film suits the rater's
taste + noise, rounded to half stars. Quality is the IMDb rating on Palate's scale (1-10 halved),
so means a film follow it; which films are rated follows IMDb votes and taste. Everything comes
from one seed. README.md documents the tastes.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from samples.film import Film

Floats = NDArray[np.float64]

SEED = 20_101_231
RATERS = 600
LAST_RATING = datetime(2025, 6, 30, 21, 0, tzinfo=UTC)
YEARS = 7
FEWEST, MOST, TYPICAL = 20, 400, 63

# What each kind of rater likes (positive) and dislikes. Keys: genres, creative types, decades,
# `keyword:...`. A rater is a mixture of one to three of them.
TASTES: dict[str, dict[str, float]] = {
    "fantasy": {"Fantasy": 2.0, "Adventure": 0.8, "keyword:magic": 1.0, "Crime": -0.6, "War": -0.4},
    "space": {"Sci-Fi": 2.0, "Action": 0.4, "keyword:space": 0.8, "Romance": -0.9, "Musical": -0.6},
    "blockbusters": {"Action": 1.2, "Superhero": 1.2, "Adventure": 0.6, "Drama": -0.9},
    "horror": {"Horror": 2.0, "Thriller": 0.6, "Children": -1.1, "Romance": -0.8, "Musical": -0.6},
    "romance": {"Romance": 1.8, "keyword:wedding": 0.6, "Horror": -1.3, "Action": -0.7},
    "family": {"Children": 1.8, "Fantasy": 0.6, "Adventure": 0.5, "Horror": -1.6, "Thriller": -0.7},
    "history": {"History": 1.2, "War": 1.2, "Dramatization": 0.9, "Comedy": -0.7, "Horror": -0.7},
    "crime": {"Thriller": 1.3, "Crime": 1.2, "keyword:mafia": 0.7, "Children": -0.9,
              "Fantasy": -0.9},
    "realism": {"Drama": 1.2, "Contemporary Fiction": 0.6, "Fantasy": -1.4, "Superhero": -1.0,
                "Sci-Fi": -0.7},
    "laughs": {"Comedy": 1.5, "Drama": -0.5, "Horror": -0.5, "History": -0.4},
    "classics": {"1930s": 1.4, "1940s": 1.6, "1950s": 1.6, "1960s": 1.4, "1970s": 1.0,
                 "Western": 0.9, "2000s": -0.5, "Superhero": -0.5},
    "stage": {"Musical": 2.0, "keyword:musician": 0.9, "Romance": 0.4, "Action": -0.8},
    "truth": {"Documentary": 2.0, "Dramatization": 0.9, "keyword:true story": 0.6, "Fantasy": -0.8},
    "eighties": {"1980s": 1.5, "1990s": 0.5, "Sci-Fi": 0.3, "Horror": 0.3, "2000s": -0.4},
}  # fmt: skip
DIRECTORS_EACH = 4  # favourites: +1 each
HIDDEN = 3  # dimensions of taste that no column of the catalog shows
TASTE, NOISE, HARSHNESS = 0.55, 0.45, 0.35  # in stars, standard deviations
POPULARITY, PREFERENCE = 0.95, 1.1  # how both weigh when a rater picks films


@dataclass(frozen=True, slots=True)
class Rating:
    """One rating of one rater, 0.5 to 5 in half stars."""

    user_id: int
    movie_id: int
    rating: float
    rated_at: datetime


def estimate_quality(films: Sequence[Film]) -> Floats:
    """(films,) quality on 0.5-5: half the IMDb rating, else what critics say, else the mean."""
    rating = np.array([film.imdb_rating or np.nan for film in films])
    critics = np.array([np.nan if film.critics is None else film.critics for film in films])
    both = ~np.isnan(rating) & ~np.isnan(critics)
    slope, intercept = np.polyfit(critics[both], rating[both], 1)
    guess = np.where(np.isnan(critics), np.nanmean(rating), intercept + slope * critics)
    return np.asarray(np.where(np.isnan(rating), guess, rating) / 2)


def estimate_popularity(films: Sequence[Film]) -> Floats:
    """(films,) log of IMDb votes, else guessed from the worldwide gross."""
    votes = np.array([np.log(film.imdb_votes) if film.imdb_votes else np.nan for film in films])
    gross = np.log1p([float(film.revenue or 1e4) for film in films])
    both = ~np.isnan(votes)
    slope, intercept = np.polyfit(gross[both], votes[both], 1)
    return np.asarray(np.where(both, votes, intercept + slope * gross))


def generate(films: Sequence[Film], seed: int = SEED) -> list[Rating]:
    """Every rating, by rater and time. The same films and seed give the same ratings."""
    random = np.random.default_rng(seed)
    taste = _taste(films, random)
    wanted = POPULARITY * estimate_popularity(films) + PREFERENCE * taste
    # What raters pick, they like: take the expected surplus out, so that means stay those of IMDb.
    share = np.exp(wanted - wanted.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True)
    counts = _counts(random)
    drawn_rate = -np.expm1(-counts[:, None] * share)
    surplus = (drawn_rate * taste).sum(axis=0) / drawn_rate.sum(axis=0)
    harshness = random.normal(0, HARSHNESS, RATERS)
    mean = estimate_quality(films) + harshness[:, None] + TASTE * (taste - surplus)
    ratings: list[Rating] = []
    for rater in range(RATERS):
        # The Gumbel trick: a weighted draw without replacement.
        drawn = np.argsort(-(wanted[rater] + random.gumbel(size=len(films))))[: counts[rater]]
        stars = mean[rater, drawn] + random.normal(0, NOISE, len(drawn))
        stars = np.clip(np.round(stars * 2) / 2, 0.5, 5)
        order = random.permutation(len(drawn))
        for i, rated_at in zip(order, _times(len(drawn), random), strict=True):
            movie_id = films[drawn[i]].movie_id
            ratings.append(Rating(rater + 1, movie_id, float(stars[i]), rated_at))
    newest = max(range(len(ratings)), key=lambda i: ratings[i].rated_at)
    last = ratings[newest]
    ratings[newest] = Rating(last.user_id, last.movie_id, last.rating, LAST_RATING)
    return ratings


def _taste(films: Sequence[Film], random: np.random.Generator) -> Floats:
    """(raters, films) how much each film suits each rater, standard deviation 1 a rater."""
    traits = [_traits(film) for film in films]
    names = sorted(set().union(*traits) | {name for taste in TASTES.values() for name in taste})
    column = {name: i for i, name in enumerate(names)}
    features = np.zeros((len(films), len(names)))
    for row, names_of_film in enumerate(traits):
        features[row, [column[name] for name in names_of_film]] = 1
    kinds = np.zeros((len(TASTES), len(names)))
    for row, taste in enumerate(TASTES.values()):
        kinds[row, [column[name] for name in taste]] = list(taste.values())
    mixture = _mixture(random)
    liking = mixture @ kinds + random.normal(0, 0.15, (RATERS, len(names)))
    shown = liking @ features.T + _favourites(films, random)
    hidden = random.normal(size=(RATERS, HIDDEN)) @ random.normal(size=(HIDDEN, len(films)))
    return _standard(_standard(shown) + 0.45 * _standard(hidden))


def _traits(film: Film) -> set[str]:
    kind = {film.creative_type} if film.creative_type else set()
    keywords = {f"keyword:{keyword}" for keyword in film.keywords}
    return {*film.genres, *kind, f"{film.year // 10 * 10}s", *keywords}


def _mixture(random: np.random.Generator) -> Floats:
    """(raters, tastes) weights: one to three tastes each, summing to 1."""
    mixture = np.zeros((RATERS, len(TASTES)))
    for row in mixture:
        chosen = random.choice(len(TASTES), size=random.integers(1, 4), replace=False)
        row[chosen] = random.dirichlet(np.full(len(chosen), 2.0))
    return mixture


def _favourites(films: Sequence[Film], random: np.random.Generator) -> Floats:
    """(raters, films) 1 where the film's director is a favourite of the rater."""
    works = Counter(film.director for film in films if film.director)
    known = sorted(name for name, count in works.items() if count >= 4)
    code = np.array([known.index(f.director) if f.director in known else -1 for f in films])
    chosen = np.array(
        [random.choice(len(known), DIRECTORS_EACH, replace=False) for _ in range(RATERS)]
    )
    return np.asarray((chosen[:, :, None] == code[None, None, :]).any(axis=1).astype(float))


def _standard(values: Floats) -> Floats:
    values = values - values.mean(axis=1, keepdims=True)
    return np.asarray(values / values.std(axis=1, keepdims=True))


def _counts(random: np.random.Generator) -> NDArray[np.int64]:
    """(raters,) ratings a rater: a long tail between FEWEST and MOST."""
    counts = np.exp(random.normal(np.log(TYPICAL), 0.8, RATERS))
    return np.clip(np.round(counts), FEWEST, MOST).astype(np.int64)


def _times(n: int, random: np.random.Generator) -> list[datetime]:
    """n times in order: evenings of rating, spread over the rater's own months or years."""
    start = LAST_RATING - timedelta(days=int(random.integers(30, round(365.25 * YEARS))))
    active = (LAST_RATING - start).days * random.beta(1.2, 2.0)
    sessions = min(n, 1 + random.poisson(n / 15))
    days = random.uniform(0, active, sessions)
    cuts = np.sort(random.choice(np.arange(1, n), sessions - 1, replace=False))
    times = []
    for day, size in zip(days, np.diff([0, *cuts, n]), strict=True):
        evening = (start + timedelta(days=int(day))).replace(hour=15, minute=0, second=0)
        seconds = random.uniform(0, 3 * 3600) + np.cumsum(random.integers(4, 40, size))
        times += [evening + timedelta(seconds=int(second)) for second in seconds]
    return sorted(times)
