"""Requests read by a language model: its form is checked, its names are held against the request.

The model only fills in a form. People, titles, genres and numbers that are not in the request, and
users it does not name as users, are dropped; what remains is linked to the catalog like everything
else. Where it fails, the rules read the request.
"""

import re
from typing import Annotated

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from rapidfuzz import fuzz

from ask.plan import Plan, checked
from ask.structure import (
    Acclaim,
    Exclusions,
    Fact,
    Fame,
    Intent,
    Many,
    Mood,
    Name,
    Person,
    Quantity,
    Sort,
    Span,
    Structure,
    Text,
    Title,
)
from llm import LanguageModel, load_prompt
from palate.contract import Audience, BudgetTier, RevenueTier
from palate.errors import LanguageModelError
from search import vocabulary
from search.names import Names, key
from sql.text import fold

_log = structlog.get_logger(__name__)

_IN_REQUEST = 85.0
"""How much a name has to be like a part of the request, of 100: a slip in seven letters passes."""


class Form(BaseModel):
    """What the model fills in: a structure without nesting."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    intent: Intent
    text: Text = ""
    genres: Many[Name] = ()
    moods: Many[Mood] = ()
    people: Many[Name] = ()
    titles: Many[Name] = ()
    audience: Audience | None = None
    budget: Annotated[tuple[BudgetTier, ...], Field(max_length=4)] = ()
    revenue: Annotated[tuple[RevenueTier, ...], Field(max_length=4)] = ()
    acclaim: Acclaim | None = None
    fame: Fame | None = None
    year_from: int | None = None
    year_to: int | None = None
    minutes_from: int | None = None
    minutes_to: int | None = None
    stars_from: float | None = None
    stars_to: float | None = None
    like_people: Many[Name] = ()
    facts: Annotated[tuple[Fact, ...], Field(max_length=12)] = ()
    sort_by: Quantity | None = None
    sort_descending: bool = True
    not_text: Text = ""
    not_genres: Many[Name] = ()
    not_moods: Many[Mood] = ()
    not_people: Many[Name] = ()
    not_titles: Many[Name] = ()
    user: int | None = None
    unseen: bool = False
    count: int | None = None


_NAMED = {"people", "titles", "like_people", "genres"}
_SAME = set(Form.model_fields) & set(Structure.model_fields) - _NAMED


class ModelReader:
    """Reads requests by a language model."""

    def __init__(self, model: LanguageModel, seconds: float) -> None:
        """``seconds``: how long it may take to read a request."""
        self.name = model.name
        self._model = model
        self._seconds = seconds

    def read(self, text: str, names: Names, rules: Structure) -> Structure | None:
        """The structure of a request, its names as they were typed; None where it has none."""
        data = {"request": text, "genres": list(names.genres.values())}
        try:
            answer = self._model.ask(load_prompt("ask"), data, Form, deadline=self._seconds)
            return make_structure(answer.value, text, rules)
        except LanguageModelError as error:
            _log.warning("a request is read by rules", reason=str(error))
        except ValidationError as error:
            _log.warning("a request is read by rules", reason=error.errors()[0]["msg"])
        return None

    def plan(self, text: str) -> Plan | None:
        """The steps of a message, in its own words; None where it has one, or no usable answer."""
        try:
            answer = self._model.ask(
                load_prompt("plan"), {"message": text}, Plan, deadline=self._seconds
            )
        except LanguageModelError as error:
            _log.warning("a message is not planned", reason=str(error))
            return None
        return checked(answer.value, text)


def make_structure(form: Form, request: str, rules: Structure) -> Structure:
    """The structure that a form means, without what the request does not name.

    ``rules``: what these read of it; a user is only whom they read. Raises ValidationError for
    ranges that are none.
    """
    by, count = form.sort_by, form.count
    held = {key(one.film.title or "") for one in rules.than if one.film}
    titles = tuple(one for one in form.titles if key(one) not in held)
    return Structure(
        **form.model_dump(include=_SAME),
        genres=_genres(form.genres, request, rules.genres),
        people=_people(form.people, request),
        like_people=_people(form.like_people, request),
        titles=_titles(titles, request),
        than=rules.than,
        ranges=_ranges(form, request, rules),
        sort=None if by is None else Sort(by=by, descending=form.sort_descending),
        exclude=Exclusions(
            text=form.not_text,
            genres=_genres(form.not_genres, request, rules.exclude.genres),
            people=_people(form.not_people, request),
            titles=_titles(form.not_titles, request),
            moods=form.not_moods,
        ),
        user_id=form.user if form.user == rules.user_id else None,
        seen="drop" if form.unseen else "keep",
        k=count if count is not None and _is_said(count, request, rules) else 10,
    )


def _ranges(form: Form, request: str, rules: Structure) -> dict[Quantity, Span]:
    """The ranges whose numbers the rules read, or the request says in figures."""
    bounds: dict[Quantity, tuple[float | None, float | None]] = {
        "year": (form.year_from, form.year_to),
        "runtime_minutes": (form.minutes_from, form.minutes_to),
        "avg_rating": (form.stars_from, form.stars_to),
    }
    ranges = {}
    for name, (low, high) in bounds.items():
        if not low and not high:
            continue
        if name in rules.ranges:
            ranges[name] = rules.ranges[name]
        elif all(n is None or _is_said(n, request, rules) for n in (low, high)):
            ranges[name] = Span(low=low, high=high)
    return ranges


def _is_said(number: float, request: str, rules: Structure) -> bool:
    """Whether a request says a number, as something else than a user's."""
    if number == rules.k and "k" in rules.model_fields_set:
        return True
    figures = [float(figure) for figure in re.findall(r"\d+(?:\.\d+)?", request)]
    users = [user for user in (rules.user_id, *rules.users) if user is not None]
    return figures.count(number) > users.count(int(number))


def _genres(wanted: tuple[str, ...], request: str, rules: tuple[str, ...]) -> tuple[str, ...]:
    """The genres that the rules read too, or that the request calls by a word for them."""
    words = {key(genre.name): genre.pattern for genre in vocabulary.GENRES}
    said = {genre: words.get(key(genre)) or re.escape(genre) for genre in wanted}
    return tuple(
        genre
        for genre in wanted
        if genre in rules or re.search(rf"\b({said[genre]})\b", request, re.IGNORECASE)
    )


def _people(names: tuple[str, ...], request: str) -> tuple[Person, ...]:
    return tuple(Person(name=name) for name in _keep_named(names, request))


def _titles(names: tuple[str, ...], request: str) -> tuple[Title, ...]:
    return tuple(Title(title=name) for name in _keep_named(names, request))


def _keep_named(names: tuple[str, ...], request: str) -> list[str]:
    """The names that a part of the request is like."""
    asked = fold(request).lower()
    return [n for n in names if fuzz.partial_ratio(fold(n).lower(), asked) >= _IN_REQUEST]
