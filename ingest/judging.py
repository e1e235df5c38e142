"""What a film is like: by its facts where they decide, by a language model where they do not.

Tiers and effectiveness come from money and ratings, by SQL functions that all of Palate asks
(``sql/functions/22_enrichment.sql``), the audience from a certificate that the overview names. The
model is asked for the tone, for the audience of other films, and for tiers where the money is not
known; such tiers are marked as estimated. Without a model the genres decide the audience where they
can, and the tone is left open.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, create_model

from llm import LanguageModel, Prompt, load_prompt
from palate.contract import Audience, BudgetTier, RevenueTier

RULES = "rules"
BATCH = 10
"""Films a question: chosen; the prompts' max_tokens are for so many."""

Sentiment = Literal["positive", "negative", "neutral", "mixed"]

_CERTIFICATE = re.compile(r"\brated (G|PG-13|PG|R|NC-17|TV-Y7|TV-Y|TV-G|TV-PG|TV-14|TV-MA)\b")
_BY_CERTIFICATE = {
    "G": "families", "PG": "families", "PG-13": "teens", "R": "adults", "NC-17": "adults",
    "TV-Y": "kids", "TV-Y7": "kids", "TV-G": "families", "TV-PG": "families", "TV-14": "teens",
    "TV-MA": "adults",
}  # fmt: skip
_BY_GENRE = (("children", "kids"), ("family", "families"), ("horror", "adults"))
_LONGEST_TEXT = 600  # characters: chosen to bound the tokens of a film
_MOST_KEYWORDS = 8


@dataclass(frozen=True, slots=True)
class Film:
    """The facts of one film. ``enriched_from`` is the hash of those that enrichment is made of."""

    movie_id: int
    title: str
    year: int | None
    genres: Sequence[str]
    keywords: Sequence[str]
    overview: str | None
    budget_tier: str | None
    revenue_tier: str | None
    effectiveness: float | None
    enriched_from: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """A row of movies' enrichment columns, in the order of staging."""

    movie_id: int
    sentiment: str | None
    budget_tier: str | None
    revenue_tier: str | None
    effectiveness: float | None
    target_audience: str | None
    estimated: list[str]
    enriched_by: str
    enriched_from: str


class Opinion(BaseModel):
    """What a model says of one film."""

    sentiment: Sentiment
    target_audience: Audience


class OpinionOfMoney(Opinion):
    """An opinion with tiers."""

    budget_tier: Literal[BudgetTier, "unknown"]
    revenue_tier: Literal[RevenueTier, "unknown"]


def judge_by_rules(film: Film) -> Judgement:
    """What the facts say. None wherever they do not."""
    return Judgement(
        movie_id=film.movie_id, sentiment=None, budget_tier=film.budget_tier,
        revenue_tier=film.revenue_tier, effectiveness=film.effectiveness,
        target_audience=find_audience(film.genres, film.overview), estimated=[],
        enriched_by=RULES, enriched_from=film.enriched_from,
    )  # fmt: skip


def find_audience(genres: Sequence[str], overview: str | None) -> str | None:
    """Who a film is made for, by its certificate, else by its genres; None: they do not say.

    >>> find_audience(["Comedy"], "A comedy released in 1998, rated PG-13.")
    'teens'
    """
    return read_certificate(genres, overview) or _by_genre(genres)


def read_certificate(genres: Sequence[str], overview: str | None) -> str | None:
    """Who a film is made for by the certificate that its overview names.

    >>> read_certificate(["Children"], "A film released in 1998, rated G.")
    'kids'
    """
    found = _CERTIFICATE.search(overview or "")
    if found is None:
        return None
    value = _BY_CERTIFICATE[found[1]]
    return "kids" if value == "families" and _by_genre(genres) == "kids" else value


def _by_genre(genres: Sequence[str]) -> str | None:
    named = {genre.lower() for genre in genres}
    return next((value for genre, value in _BY_GENRE if genre in named), None)


def lacks_money(film: Film) -> bool:
    """Whether a tier is left open by the facts."""
    return film.budget_tier is None or film.revenue_tier is None


def choose_prompt(films: Sequence[Film]) -> Prompt:
    """The prompt that asks about these films."""
    return load_prompt("enrich-money" if any(map(lacks_money, films)) else "enrich")


def name_judge(model: LanguageModel | None) -> str:
    """What ``enriched_by`` says of films that this model was asked about; None: of all others."""
    return RULES if model is None else f"{model.name} enrich@{load_prompt('enrich').version}"


def make_question(films: Sequence[Film]) -> dict[str, Any]:
    """What a model is shown of the films: facts only, cut to a length."""
    return {f"film_{n}": _shown(film) for n, film in enumerate(films, 1)}


def _shown(film: Film) -> Mapping[str, Any]:
    facts: dict[str, Any] = {
        "title": film.title[:_LONGEST_TEXT], "year": film.year, "genres": list(film.genres),
        "keywords": list(film.keywords)[:_MOST_KEYWORDS],
        "overview": (film.overview or "")[:_LONGEST_TEXT],
    }  # fmt: skip
    return {name: value for name, value in facts.items() if value}


def make_answer_type(films: Sequence[Film]) -> type[BaseModel]:
    """The form of the answer about these films: one property a film, so that none is left out."""
    return _answer_type(len(films), any(map(lacks_money, films)))


@cache
def _answer_type(n: int, money: bool) -> type[BaseModel]:
    opinion = OpinionOfMoney if money else Opinion
    properties: dict[str, Any] = {f"film_{i}": (opinion, ...) for i in range(1, n + 1)}
    return create_model("Films", **properties)


@dataclass(slots=True)
class Judged:
    """A batch judged, by rules unless it says otherwise.

    ``compared`` films have a certificate, which the model did not know to be decisive;
    ``contradicted`` are those of which it said otherwise.
    """

    films: list[Judgement]
    cached: bool = False
    compared: int = 0
    contradicted: int = 0


def ask(model: LanguageModel, films: Sequence[Film]) -> Judged:
    """Judge films with the model's help. Raises LanguageModelError."""
    answer = model.ask(choose_prompt(films), make_question(films), make_answer_type(films))
    judged = Judged([], answer.cached)
    for n, film in enumerate(films, 1):
        opinion: Opinion = getattr(answer.value, f"film_{n}")
        known = read_certificate(film.genres, film.overview)
        judged.films.append(_join(judge_by_rules(film), opinion, known, name_judge(model)))
        judged.compared += known is not None
        judged.contradicted += known not in (None, opinion.target_audience)
    return judged


def _join(facts: Judgement, opinion: Opinion, certified: str | None, by: str) -> Judgement:
    """Facts first; what they leave open, as the model says."""
    guessed: dict[str, Any] = {
        name: guess
        for name in ("budget_tier", "revenue_tier")
        if getattr(facts, name) is None
        and (guess := getattr(opinion, name, "unknown")) != "unknown"
    }
    return replace(
        facts, **guessed, sentiment=opinion.sentiment, estimated=list(guessed), enriched_by=by,
        target_audience=certified or opinion.target_audience,
    )  # fmt: skip
