"""Lists that are not of one kind: films unlike those above them, and few of one franchise."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Vector = NDArray[np.float32]

_SEQUEL = re.compile(
    r"(?::| - |, part | part | episode | chapter | vol\.? |\().*$|[\s.]+(?:[ivx]+|\d{1,3})$",
    re.IGNORECASE,
)
_ARTICLE = re.compile(r"^(?:the|a|an)\s+", re.IGNORECASE)


@lru_cache(20_000)
def franchise_of(title: str) -> str:
    """What films of one franchise have in common of their titles.

    >>> franchise_of("Star Wars: Episode IV - A New Hope"), franchise_of("The Godfather: Part II")
    ('star wars', 'godfather')
    >>> franchise_of("Toy Story 2"), franchise_of("Toy Story"), franchise_of("300")
    ('toy story', 'toy story', '300')
    """
    shortened = _SEQUEL.sub("", title.strip()).strip()
    return _ARTICLE.sub("", shortened or title.strip()).lower()


def cap_franchises(order: Sequence[int], titles: Mapping[int, str], most: int) -> list[int]:
    """The films without those of a franchise behind its first ``most``; 0: all."""
    seen: dict[str, int] = {}
    kept = []
    for movie_id in order:
        name = franchise_of(titles[movie_id])
        seen[name] = seen.get(name, 0) + 1
        if not most or seen[name] <= most:
            kept.append(movie_id)
    return kept


def surprise(
    order: Sequence[int], films: Mapping[int, Mapping[str, Any]], place: int
) -> int | None:
    """The film for a place that the taste would not give it: of those that people of alike taste
    like, of the half of all that is farthest from the taste, the best rated one behind the place.

    ``films``: rows of recommend(); None where there is none.
    """
    known = [films[each]["content"] for each in order if films[each]["content"] is not None]
    if not known:
        return None
    middle = median(known)
    far = [
        each
        for each in order[place:]
        if "neighbours" in films[each]["sources"] and (films[each]["content"] or 0) < middle
    ]
    return max(far, key=lambda each: films[each]["vote"], default=None)


def likeness(texts: Sequence[Vector | None], factors: Sequence[Vector | None]) -> Floats:
    """(n, n) how alike n films are: the mean of the cosines of their texts and of their factors;
    of the texts alone where one of two has no factors, and 0 where one has no text."""
    by_text, _ = _cosines(texts)
    by_factors, known = _cosines(factors)
    both = known[:, None] & known[None, :]
    return (by_text + np.where(both, by_factors, by_text)) / 2


def _cosines(vectors: Sequence[Vector | None]) -> tuple[Floats, NDArray[np.bool_]]:
    """(n, n) cosines, 0 where one is none; and (n,) which are some."""
    size = max((len(each) for each in vectors if each is not None), default=1)
    rows = np.stack([np.zeros(size) if each is None else each for each in vectors])
    lengths = np.linalg.norm(rows, axis=1)
    unit = rows / np.where(lengths > 0, lengths, 1)[:, None]
    return unit @ unit.T, lengths > 0


def spread(
    order: Sequence[int], scores: Mapping[int, float], alike: Floats, weight: float
) -> list[int]:
    """The films in the order of maximal marginal relevance (Carbonell and Goldstein 1998).

    Each place takes the film of the greatest ``weight`` times its score, scaled to [0, 1], minus
    the rest times its greatest likeness to a film above. ``alike`` (n, n) goes by ``order``.
    """
    worth = np.array([scores[each] for each in order])
    worth = weight * (worth - worth.min()) / ((worth.max() - worth.min()) or 1)
    nearest, chosen = np.zeros(len(order)), list[int]()
    for _ in order:
        best = int(np.argmax(worth - (1 - weight) * nearest))
        chosen.append(order[best])
        worth[best] = -np.inf
        nearest = np.maximum(nearest, alike[best])
    return chosen
