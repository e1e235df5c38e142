"""The first films judged again: by a language model, or by a small text model on this machine.

Whoever judges gives scores from 0 to 10, by ids only, and never makes the order alone: a film
stands at its place before, less ``places / 2 * (score - 5) / 5``. So a film passes at most
PALATE_RERANK_PLACES others, whatever a text in it has talked a model into, and one that was not
judged counts as a 5.
"""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
from pydantic import BaseModel, Field

from llm import LanguageModel, load_prompt
from palate.contract import LEVELS, Hit, Recommendation, RecommendRequest, Reranking, SearchRequest
from palate.embedder import Embedder, Vectors
from palate.errors import PalateError
from palate.metrics import stage
from palate.settings import Settings
from palate.statements import Statements
from rerank.explain import fetch_neighbours, find_facts
from rerank.facts import Fact, joined, say
from rerank.wording import NO_MODEL, why
from sql.database import Database

_statements = Statements.beside(__file__, "explain")

_MOST_LIKED = 12
_OVERVIEW = 160  # characters of an overview that the language model gets
_MOST_CITED = 3
_MOST_NEAR = 1  # ratings near a film that a verdict may cite: forty films make one question
_MIDDLE = 5.0
_BATCH = 8
_KEPT_VECTORS = 5000
_QUERY_SHARE = 0.7
"""Of the small model's score; the rest is liking. Where one is missing, the other is all."""

T = TypeVar("T", Hit, Recommendation)


class Film(NamedTuple):
    """What is judged of a film."""

    movie_id: int
    title: str
    year: int | None
    genres: Sequence[str]
    director: str | None
    overview: str | None

    @classmethod
    def of(cls, found: Any) -> "Film":
        """From a hit, a recommendation or a row."""
        return cls(*(getattr(found, name) for name in cls._fields))

    @property
    def text(self) -> str:
        """Its text for the small model."""
        name = f"{self.title} ({self.year})" if self.year else self.title
        return f"{name}. {', '.join(self.genres)}. {self.overview or ''}"


class Judged(NamedTuple):
    """A film's score from 0 to 10, and why."""

    score: float
    reason: str | None


@dataclass(frozen=True, slots=True)
class Wish:
    """What films are judged by: a query, where there is one, and films that a user likes."""

    query: str | None
    liked: tuple[Film, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The films that were judged; ``about`` whether the order follows it."""

    about: Reranking
    judged: Mapping[int, Judged] = field(default_factory=dict)


class Verdicts(BaseModel):
    """What the language model answers."""

    class One(BaseModel):
        """One film's verdict: a score, and the numbers of the film's facts that speak for it."""

        id: int
        score: float
        facts: list[int] = Field(json_schema_extra={"maxItems": _MOST_CITED})

    films: list[One]


class Reranker:
    """Judges films for searches and recommendations. Thread-safe; one a process."""

    def __init__(
        self,
        database: Database,
        model: LanguageModel | None,
        encoder: Callable[[], Embedder],
        settings: Settings,
    ) -> None:
        """``encoder`` gives the local text model, loading it the first time."""
        self._database = database
        self._seconds = settings.llm_rerank_seconds
        self.window = settings.rerank_window
        self.places = settings.rerank_places
        self._model = model
        self._small = SmallModel(encoder)

    def rerank(
        self,
        request: SearchRequest | RecommendRequest,
        films: tuple[T, ...],
        query: str | None,
    ) -> tuple[tuple[T, ...], Reranking]:
        """The k first films, in another order where the judge finds one; no judge moves a hit to
        another level."""
        if request.rerank == "none":
            return films, Reranking()
        verdict = self.judge(request.rerank, films, query, request.user_id, request.profile)
        if verdict.about.reranked:
            by_id = {film.movie_id: film for film in films}
            levels = {film.movie_id: _level(film) for film in films}
            order = reorder(tuple(by_id), verdict, self.places, levels)
            films = tuple(_move(by_id[each], rank, verdict) for rank, each in enumerate(order, 1))
        return films[: request.k], verdict.about

    def judge(
        self,
        by: Literal["llm", "small"],
        listed: Sequence[Hit | Recommendation],
        query: str | None,
        user_id: int | None,
        profile: str,
    ) -> Verdict:
        """Judge at most ``window`` films. What fails leaves the order as it is and says why."""
        listed = listed[: self.window]
        films = [Film.of(film) for film in listed]
        if by == "llm" and self._model is None:
            return _no_verdict(NO_MODEL)
        if len(films) < 2:
            return _no_verdict("there are not two films to order")
        with stage("rerank"):
            try:
                wish = Wish(query, self._liked(user_id, profile))
                if by == "llm" and self._model is not None:
                    facts = self._facts(listed, user_id, profile)
                    return self._by_model(self._model, films, facts, wish)
                return self._by_small(films, wish)
            except PalateError as error:
                return _no_verdict(why(error) if by == "llm" else str(error))

    def _liked(self, user_id: int | None, profile: str) -> tuple[Film, ...]:
        if user_id is None:
            return ()
        bound = {"user_id": user_id, "profile": profile, "n": _MOST_LIKED}
        with self._database.read() as connection:
            return tuple(Film.of(row) for row in connection.execute(_statements["liked"], bound))

    def _facts(
        self, films: Sequence[Hit | Recommendation], user_id: int | None, profile: str
    ) -> list[list[Fact]]:
        """What a verdict on each film may cite: what speaks for it or against it, whatever its
        place."""
        near = {}
        if user_id is not None:
            ids = [film.movie_id for film in films]
            with self._database.read() as connection:
                near = fetch_neighbours(connection, ids, user_id, profile)
        known = (find_facts(film, near.get(film.movie_id, ())[:_MOST_NEAR]) for film in films)
        return [
            [f for f in facts if f.polarity != "neither" and f.source != "your taste"]
            for facts in known
        ]

    def _by_model(
        self,
        model: LanguageModel,
        films: Sequence[Film],
        facts: Sequence[Sequence[Fact]],
        wish: Wish,
    ) -> Verdict:
        numbered = enumerate(zip(films, facts, strict=True), 1)
        data = {
            "query": wish.query,
            "liked": [film.title for film in wish.liked],
            "films": [_data(number, film, known) for number, (film, known) in numbered],
        }
        answer = model.ask(
            load_prompt("rerank"), data, Verdicts, check=_usable(len(films)), deadline=self._seconds
        )
        judged = dict(_verdicts(answer.value, films, facts))
        return Verdict(Reranking(reranked=True, reranked_by=model.name), judged)

    def _by_small(self, films: Sequence[Film], wish: Wish) -> Verdict:
        if not wish.query and not wish.liked:
            return _no_verdict("there is neither a query nor a liked film to judge by")
        scores = self._small.scores(films, wish, self._seconds)
        if scores is None:
            return _no_verdict("the local text model was too slow")
        judged = {film.movie_id: Judged(s, None) for film, s in zip(films, scores, strict=True)}
        return Verdict(Reranking(reranked=True, reranked_by=self._small.name), judged)


class SmallModel:
    """A text model on this machine: films near the query and near what is liked. Thread-safe.

    Bi-encoder scores of MiniLM (Reimers and Gurevych 2019). Vectors are kept, the latest
    5,000, so films that come again cost nothing.
    """

    def __init__(self, encoder: Callable[[], Embedder]) -> None:
        self._encoder = encoder
        self._kept: OrderedDict[str, Vectors] = OrderedDict()
        self._lock = threading.Lock()
        self.name = "small"

    def scores(self, films: Sequence[Film], wish: Wish, seconds: float) -> list[float] | None:
        """(len(films),) scores from 0, the least fitting, to 10; None when time runs out.

        Loading the model the first time is not counted. Raises NotInstalledError, EmbeddingError.
        """
        encoder = self._encoder()
        self.name = encoder.name
        texts = [film.text for film in (*films, *wish.liked)]
        texts += [wish.query] if wish.query else []
        found = self._vectors(encoder, texts, time.monotonic() + seconds)
        if found is None:
            return None
        rows, total = found[: len(films)], np.zeros(len(films))
        share = (_QUERY_SHARE if wish.liked else 1.0) if wish.query else 0.0
        if wish.query:
            total += share * (rows @ found[-1])
        if wish.liked:
            middle = found[len(films) : len(films) + len(wish.liked)].mean(axis=0)
            total += (1 - share) * (rows @ (middle / np.linalg.norm(middle)))
        return _scaled(total.tolist())

    def _vectors(self, encoder: Embedder, texts: Sequence[str], until: float) -> Vectors | None:
        with self._lock:
            known = {text: self._kept[text] for text in texts if text in self._kept}
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        for start in range(0, len(missing), _BATCH):
            if time.monotonic() > until:
                return None
            batch = missing[start : start + _BATCH]
            known |= dict(zip(batch, encoder.embed(batch), strict=True))
        with self._lock:
            for text, vector in known.items():
                self._kept[text] = vector
                self._kept.move_to_end(text)
            while len(self._kept) > _KEPT_VECTORS:
                self._kept.popitem(last=False)
        return np.array([known[text] for text in texts], np.float32)


def reorder(
    movie_ids: Sequence[int],
    verdict: Verdict,
    places: int,
    levels: Mapping[int, int] | None = None,
) -> list[int]:
    """The films in the order of places and scores together.

    None passes more than ``places`` others, and none leaves its level: the greater stand first.
    """

    def place(at: int) -> tuple[int, float, int]:
        judged = verdict.judged.get(movie_ids[at])
        lift = 0.0 if judged is None else places / 2 * (judged.score - _MIDDLE) / _MIDDLE
        return -(levels or {}).get(movie_ids[at], 0), at - lift, at

    return [movie_ids[at] for at in sorted(range(len(movie_ids)), key=place)]


def _level(film: Hit | Recommendation) -> int:
    """The place of its level in LEVELS, pinned hits above all; recommendations have none."""
    if isinstance(film, Recommendation):
        return 0
    return len(LEVELS) if film.pinned else LEVELS.index(film.level)


def _move(found: T, rank: int, verdict: Verdict) -> T:
    """A film that now stands at ``rank``, and how it was judged."""
    judged = verdict.judged.get(found.movie_id)
    return found.model_copy(
        update={
            "rank": rank,
            "moved": found.unpersonalized_rank - rank,
            "rank_before": found.rank,
            "rerank_score": None if judged is None else round(judged.score, 2),
            "rerank_reason": None if judged is None else judged.reason,
        }
    )


def _scaled(values: Sequence[float]) -> list[float]:
    low, high = min(values), max(values)
    return [_MIDDLE if high == low else 10 * (v - low) / (high - low) for v in values]


def _no_verdict(why_not: str) -> Verdict:
    return Verdict(Reranking(why_not_reranked=why_not))


def _data(number: int, film: Film, facts: Sequence[Fact]) -> dict[str, Any]:
    overview = film.overview or ""
    cut = overview if len(overview) <= _OVERVIEW else overview[:_OVERVIEW].rpartition(" ")[0]
    return {
        "id": number, "title": film.title, "year": film.year, "genres": list(film.genres),
        "director": film.director, "overview": cut,
        "facts": {n: str(fact) for n, fact in enumerate(facts, 1)},
    }  # fmt: skip


def _usable(n: int) -> Callable[[Verdicts], None]:
    """A check that refuses an answer without any verdict to use."""

    def check_ids(answer: Verdicts) -> None:
        if not any(_fits(one, n) for one in answer.films):
            raise ValueError(f"films has no id from 1 to {n} with a score from 0 to 10")

    return check_ids


def _fits(one: Verdicts.One, n: int) -> bool:
    return 1 <= one.id <= n and math.isfinite(one.score) and 0 <= one.score <= 10


def _verdicts(
    answer: Verdicts, films: Sequence[Film], facts: Sequence[Sequence[Fact]]
) -> Iterator[tuple[int, Judged]]:
    """Each film's first verdict; ids that nobody gave are left out, and so are scores off 0-10."""
    seen = set()
    for one in answer.films:
        if _fits(one, len(films)) and one.id not in seen:
            seen.add(one.id)
            reason = give_reason(one.score, one.facts, facts[one.id - 1])
            yield films[one.id - 1].movie_id, Judged(one.score, reason)


def give_reason(score: float, cited: Sequence[int], facts: Sequence[Fact]) -> str | None:
    """The facts that a verdict cites, in words; None where it cites none, or one against itself."""
    said = [facts[n - 1] for n in dict.fromkeys(cited) if 1 <= n <= len(facts)][:_MOST_CITED]
    wrong = "against" if score > _MIDDLE else "for" if score < _MIDDLE else None
    if not said or any(fact.polarity == wrong for fact in said):
        return None
    return say(joined(said))
