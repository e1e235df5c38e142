"""Reasons in words, made of facts: a hit's contributions and the user's own ratings."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection

from palate.contract import Hit, SearchRequest, SearchResponse, Wording
from palate.statements import Statements
from rerank.faithful import LIKED, Facts
from rerank.learned import in_words
from rerank.wording import Passage, Worded

_statements = Statements(Path(__file__).parent / "statements" / "explain.sql")

MOST_WORDED = 20
"""Films of a page whose reasons a language model words; the others keep the template's."""

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


def add_reasons(
    connection: Connection,
    request: SearchRequest,
    response: SearchResponse,
    contributions: Mapping[int, Mapping[str, float]],
) -> tuple[SearchResponse, list[Passage]]:
    """The answer with the template's reasons, and its first films' reasons to be worded.

    ``contributions``: what a learned order says of each film.
    """
    near: dict[int, list[Neighbour]] = {}
    if request.user_id is not None:
        ids = [hit.movie_id for hit in response.hits]
        near = fetch_neighbours(connection, ids, request.user_id, request.profile)
    hits = []
    for hit in response.hits:
        said = give_reasons(hit, near.get(hit.movie_id, ()))
        learned = in_words(contributions.get(hit.movie_id, {}))
        told = {"reasons": (*said, learned) if learned else said, "reason_source": "template"}
        hits.append(hit.model_copy(update=told))
    passages = [make_passage(hit, near.get(hit.movie_id, [])) for hit in hits[:MOST_WORDED]]
    return response.model_copy(update={"hits": tuple(hits)}), passages


def replace_reasons(
    response: SearchResponse, texts: Iterable[Worded], account: Wording
) -> SearchResponse:
    """The answer with reasons as they were worded."""
    said = {text.key: {"reasons": text.sentences, "reason_source": text.source} for text in texts}
    hits = (hit.model_copy(update=said.get(hit.movie_id, {})) for hit in response.hits)
    return response.model_copy(update={"hits": tuple(hits), "wording": account})


def give_reasons(hit: Hit, neighbours: Iterable[Neighbour]) -> tuple[str, ...]:
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


_SHOWN = 4  # ratings that a language model gets beside the sentences


def make_passage(hit: Hit, neighbours: Sequence[Neighbour]) -> Passage:
    """A hit's reasons to be worded: no overview, only sentences that are true.

    ``hit.reasons`` are the first of them; the ratings that these cite are always among the facts.
    """
    said = hit.reasons or ()
    cited = " ".join(said)
    nearest = [n for n in neighbours if n.cosine >= _NEAR]
    near = sorted(nearest, key=lambda n: str(n) not in cited)[:_SHOWN]
    rated = {n.title: n.rating for n in near}
    more = (*_about(hit), *(f"you gave {n}" for n in near if str(n) not in cited))
    figures = (hit.year, hit.runtime_minutes, hit.rating_count, hit.rank, hit.moved)
    facts = Facts(
        names=tuple(filter(None, (hit.title, hit.original_title, hit.director, *rated))),
        numbers=tuple(float(n) for n in (*figures, *(n.year for n in near)) if n is not None),
        genres=hit.genres,
        sentences=(*said, *more),
        rated=rated | ({} if hit.rating is None else {hit.title: hit.rating}),
    )
    told = [f"{each[:1].upper()}{each[1:]}." for each in (*said, *more)]
    return Passage(hit.movie_id, "reason", {"film": hit.title, "facts": told}, facts, said)


def _about(hit: Hit) -> Iterator[str]:
    """What is known of a film beside its place."""
    if hit.genres:
        yield f"its genres are {', '.join(hit.genres)}"
    if hit.director:
        yield f"it was directed by {hit.director}"
    if hit.year:
        yield f"it is from {hit.year}"
    if hit.runtime_minutes:
        yield f"it is {hit.runtime_minutes} minutes long"
    if hit.avg_rating is not None:
        yield f"its average rating is {hit.avg_rating:.1f}, of {hit.rating_count} ratings"
    yield f"it stands at place {hit.rank}"


def _movement(hit: Hit) -> str:
    if hit.moved == 0:
        return ""
    places = f"{abs(hit.moved)} place{'s' if abs(hit.moved) > 1 else ''}"
    return f"; {'lifted' if hit.moved > 0 else 'lowered'} {places}"


WORDS = {
    "bm25": "how well its text matches",
    "semantic": "how near its meaning is to the query",
    "content": "how near it is to what you like",
    "collaborative": "what people with your ratings liked",
    "popularity": "how many people rated it",
}


def _main_part(hit: Hit) -> str:
    name, share = max(hit.contributions.items(), key=lambda item: item[1])
    return f"most of its score is {WORDS[name]} ({share:.2f} of {hit.score:.2f})"
