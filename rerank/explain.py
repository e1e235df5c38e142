"""Reasons in words, made of facts: a hit's contributions and the user's own ratings."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection

from rerank.results import Hit
from sql.statements import Statements

_statements = Statements(Path(__file__).parent / "statements" / "explain.sql")

LIKED = 3.5
"""The least rating that is cited as liking a film."""

_NEAR = 0.15
"""The least cosine of centred embeddings at which a rating is cited for a film."""


class Neighbour(NamedTuple):
    """One of the user's ratings, near a film."""

    title: str
    year: int | None
    rating: float
    cosine: float

    def __str__(self) -> str:
        name = f"{self.title} ({self.year})" if self.year else self.title
        return f"{self.rating:.1f} to {name}"


def fetch_neighbours(
    connection: Connection, movie_ids: Sequence[int], user_id: int, profile: str
) -> dict[int, list[Neighbour]]:
    """The user's ratings nearest to each film, the nearest first."""
    rows = connection.execute(
        _statements["reasons"],
        {"movie_ids": list(movie_ids), "user_id": user_id, "profile": profile},
    )
    return {
        movie_id: [Neighbour(*row[1:]) for row in group]
        for movie_id, group in groupby(rows, key=lambda row: row.movie_id)
    }


def reasons(hit: Hit, neighbours: Iterable[Neighbour]) -> tuple[str, ...]:
    """Sentences about one hit, from facts only; the first says the most."""
    sentences = [] if hit.rating is None else [f"you gave it {hit.rating:.1f} yourself"]
    content = hit.components["content"]
    if content is not None:
        lifted = hit.moved > 0 or (hit.moved == 0 and content >= 0.5)
        near = [n for n in neighbours if n.cosine >= _NEAR and (n.rating >= LIKED) == lifted][:2]
        if near:
            given = " and ".join(map(str, near))
            sentences.append(f"because you gave {given}{_movement(hit)}")
        elif hit.moved:
            sentences.append(_movement(hit).removeprefix("; ") + " by your taste as a whole")
    sentences.append(_main_part(hit))
    return tuple(sentences)


def _movement(hit: Hit) -> str:
    if hit.moved == 0:
        return ""
    places = f"{abs(hit.moved)} place{'s' if abs(hit.moved) > 1 else ''}"
    return f"; {'lifted' if hit.moved > 0 else 'lowered'} {places}"


_WORDS = {
    "bm25": "how well its text matches",
    "semantic": "how near its meaning is to the query",
    "content": "how near it is to what you like",
    "collaborative": "what people with your ratings liked",
    "popularity": "how many people rated it",
}


def _main_part(hit: Hit) -> str:
    name, share = max(hit.contributions.items(), key=lambda item: item[1])
    return f"most of its score is {_WORDS[name]} ({share:.2f} of {hit.score:.2f})"
