"""Reasons in words, made of facts: a film's contributions and the user's own ratings."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import Connection

from palate.contract import LEVELS, Hit, Recommendation, SearchRequest, SearchResponse, Wording
from palate.items import count
from palate.statements import Statements
from palate.text import name_film, one_line
from rerank.facts import Fact, Join, Polarity, causes, joined, say, side_of
from rerank.features import BY_RATINGS
from rerank.wording import Passage, Worded

_statements = Statements.beside(__file__, "explain")

MOST_WORDED = 20
"""Films of a page whose reasons a language model words; the others keep the template's."""

_NEAR = 0.15
"""The least cosine of centred embeddings at which a rating is cited for a film."""

_THIS = "this film"  # never "it", which after a fact of another film would be that one
_SHOWN = 4  # ratings among a film's facts
_FEWEST = 5  # ratings that a film's mean takes to speak for it or against it: decided

Listed = Hit | Recommendation


class Neighbour(NamedTuple):
    """One of the user's ratings, near a film."""

    title: str
    year: int | None
    rating: float
    cosine: float


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
    hits, passages = [], []
    for hit in response.hits:
        learned = contributions.get(hit.movie_id, {})
        facts = find_facts(hit, near.get(hit.movie_id, ()), learned)
        reasons = give_reasons(facts)
        told = {"reasons": reasons, "reason_source": "template"}
        hits.append(hit.model_copy(update=told))
        passages.append(Passage(hit.movie_id, "reason", one_line(hit.title), facts, reasons))
    return response.model_copy(update={"hits": tuple(hits)}), passages[:MOST_WORDED]


def replace_reasons(
    response: SearchResponse, texts: Iterable[Worded], account: Wording
) -> SearchResponse:
    """The answer with reasons as they were worded."""
    said = {text.key: {"reasons": text.sentences, "reason_source": text.source} for text in texts}
    hits = (hit.model_copy(update=said.get(hit.movie_id, {})) for hit in response.hits)
    return response.model_copy(update={"hits": tuple(hits), "wording": account})


def give_reasons(facts: Sequence[Fact]) -> tuple[str, ...]:
    """The template's choice: the own rating, the place and what explains or holds it, the score."""
    own = [fact for fact in facts if fact.source == "your ratings" and not fact.explains]
    place = [fact for fact in facts if fact.source == "your taste"]
    rated = [fact for fact in facts if fact.explains and (not place or causes(fact, place[0]))]
    joins: tuple[Join, ...] = ("because" if place else "start", "and")
    taste = [*joined(place), *zip(joins, rated, strict=False)]
    others = ("level", "score", "order")
    rest = [[fact for fact in facts if fact.source == source] for source in others]
    return tuple(say(said) for said in (joined(own), taste, *map(joined, rest)) if said)


def find_facts(
    film: Listed, neighbours: Iterable[Neighbour], learned: Mapping[str, float] | None = None
) -> tuple[Fact, ...]:
    """What is true of a film in a list: what the user rated, its place and score, the catalog.

    ``learned``: what a learned order's features add to it.
    """
    learned = learned or {}
    return (
        *_own_rating(film),
        *_place(film, learned),
        *_level(film),
        *_near(film, neighbours),
        *_text(film),
        *_score(film, learned),
        *_catalog(film),
    )


def _own_rating(film: Listed) -> Iterator[Fact]:
    if film.rating is not None:
        side = side_of(film.rating)
        yield Fact(_THIS, "you gave this film", f"{film.rating:.1f} yourself", "your ratings", side)


def _place(film: Listed, learned: Mapping[str, float]) -> Iterator[Fact]:
    """Where it stands for the user. Ratings near it explain that where nearness counts in the score
    and, with a learned order, what the user rated moved it the same way; a judge is no taste."""
    if not film.moved:
        return
    way = _sign(film.moved)
    drawn = _sign(sum(learned.get(words, 0.0) for words in BY_RATINGS)) if learned else way
    counts = bool(film.contributions["content"]) and film.rank_before is None
    value = f"{count(abs(film.moved), 'place')} {'higher' if film.moved > 0 else 'lower'} for you"
    yield Fact(_THIS, "this film stands", value, "your taste", way, effect=counts and drawn == way)


def _level(film: Listed) -> Iterator[Fact]:
    """Why a film that the taste is against stays where it stands."""
    content = film.components["content"]
    if not isinstance(film, Hit) or film.moved or content is None or content >= 0.5:
        return
    if LEVELS.index(film.level) > LEVELS.index("all words"):
        says = "it stands before films that fit the words less, whatever the taste: its level is"
        yield Fact(_THIS, says, f"“{film.level}”", "level")


def _near(film: Listed, neighbours: Iterable[Neighbour]) -> Iterator[Fact]:
    """The user's ratings of films near it, those that go the way of its place first."""
    content = film.components["content"]
    if content is None:
        return
    shown = _sign(film.moved or content - 0.5)
    near = [n for n in neighbours if n.cosine >= _NEAR]
    for each in sorted(near, key=lambda n: side_of(n.rating) != shown)[:_SHOWN]:
        name, side = name_film(each.title, each.year), side_of(each.rating)
        value = f"{each.rating:.1f} to {name}"
        yield Fact(name, "you gave", value, "your ratings", side, explains=True)


def _text(film: Listed) -> Iterator[Fact]:
    """Whether it has the words."""
    if isinstance(film, Hit) and film.bm25_score:
        if film.level == "some words":
            yield Fact(
                _THIS, "this film lacks", "some of the words searched for", "text", "against"
            )
        else:
            yield Fact(_THIS, "this film has", "all the words searched for", "text", "for")


def _score(film: Listed, learned: Mapping[str, float]) -> Iterator[Fact]:
    """The largest part of its score, and what a learned order counts most."""
    name, share = max(film.contributions.items(), key=lambda item: item[1])
    most = f"{WORDS[name]} ({share:.2f} of {film.score:.2f})"
    yield Fact(_THIS, "the largest part of this film's score is", most, "score")
    if learned:
        for words, value in (
            max(learned.items(), key=lambda item: item[1]),
            min(learned.items(), key=lambda item: item[1]),
        ):
            side = _sign(value)
            if value:
                says = f"the learned order {'lifts' if value > 0 else 'lowers'} this film by"
                yield Fact(_THIS, says, f"{words} ({value:+.2f})", "order", side)


def _catalog(film: Listed) -> Iterator[Fact]:
    """What is known of a film beside its place."""
    if film.avg_rating is not None:
        side = side_of(film.avg_rating) if film.rating_count >= _FEWEST else "neither"
        mean = f"{film.avg_rating:.2f}, of {count(film.rating_count, 'rating')}"
        yield Fact(_THIS, "this film's mean rating is", mean, "crowd", side)
    for says, value in (
        ("this film's genres are", ", ".join(map(one_line, film.genres))),
        ("this film was directed by", one_line(film.director or "")),
        ("this film is from", film.year),
        ("this film is", film.runtime_minutes and f"{film.runtime_minutes} minutes long"),
    ):
        if value:
            yield Fact(_THIS, says, str(value), "catalog")


def _sign(value: float) -> Polarity:
    return "for" if value > 0 else "against" if value < 0 else "neither"


WORDS = {
    "bm25": "how well its text matches",
    "semantic": "how near its meaning is to the query",
    "content": "how near it is to what you like",
    "collaborative": "what people with your ratings liked",
    "popularity": "how many people rated it",
}
