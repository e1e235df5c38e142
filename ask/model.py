"""Requests read by a language model: its form is checked, its names are held against the request.

The model only fills in a form. People and titles that are not in the request, and users it does not
name, are dropped; what remains is linked to the catalog like everything else. Where it fails, the
rules read the request.
"""

from typing import Annotated

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from rapidfuzz import fuzz

from ask.structure import (
    LONGEST_LIST,
    Acclaim,
    Exclusions,
    Fame,
    Intent,
    Mood,
    Name,
    Person,
    Quantity,
    Span,
    Structure,
    Text,
    Title,
)
from llm import LanguageModel, load_prompt
from palate.contract import Audience, BudgetTier, RevenueTier
from palate.errors import LanguageModelError
from search.names import Names
from sql.text import fold

_log = structlog.get_logger(__name__)

SECONDS = 8.0
"""How long a model may take to read a request: what somebody waits for an answer, by decision."""

_IN_REQUEST = 85.0
"""How much a name has to be like a part of the request, of 100: a slip in seven letters passes."""

_Names = Annotated[tuple[Name, ...], Field(max_length=LONGEST_LIST)]
_Moods = Annotated[tuple[Mood, ...], Field(max_length=LONGEST_LIST)]


class Form(BaseModel):
    """What the model fills in: a structure without nesting."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    intent: Intent
    text: Text = ""
    genres: _Names = ()
    moods: _Moods = ()
    people: _Names = ()
    titles: _Names = ()
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
    not_text: Text = ""
    not_genres: _Names = ()
    not_moods: _Moods = ()
    not_people: _Names = ()
    not_titles: _Names = ()
    user: int | None = None
    unseen: bool = False
    count: int | None = None


_SAME = set(Form.model_fields) & set(Structure.model_fields) - {"people", "titles"}


class ModelReader:
    """Reads requests by a language model."""

    def __init__(self, model: LanguageModel) -> None:
        self.name = model.name
        self._model = model

    def read(self, text: str, names: Names) -> Structure | None:
        """The structure of a request, its names as they were typed; None where it has none."""
        data = {"request": text, "genres": list(names.genres.values())}
        try:
            answer = self._model.ask(load_prompt("ask"), data, Form, deadline=SECONDS)
            return make_structure(answer.value, text)
        except LanguageModelError as error:
            _log.warning("a request is read by rules", reason=str(error))
        except ValidationError as error:
            _log.warning("a request is read by rules", reason=error.errors()[0]["msg"])
        return None


def make_structure(form: Form, request: str) -> Structure:
    """The structure that a form means, without names that the request does not have.

    Raises ValidationError for ranges that are none.
    """
    titles = tuple(Title(title=name) for name in _keep_named(form.titles, request))
    unwanted = tuple(Title(title=name) for name in _keep_named(form.not_titles, request))
    bounds: dict[Quantity, tuple[float | None, float | None]] = {
        "year": (form.year_from, form.year_to),
        "runtime_minutes": (form.minutes_from, form.minutes_to),
        "avg_rating": (form.stars_from, form.stars_to),
    }
    ranges = {name: Span(low=low, high=high) for name, (low, high) in bounds.items() if low or high}
    return Structure(
        **form.model_dump(include=_SAME),
        people=_people(form.people, request),
        titles=titles,
        ranges=ranges,
        exclude=Exclusions(
            text=form.not_text,
            genres=form.not_genres,
            people=_people(form.not_people, request),
            titles=unwanted,
            moods=form.not_moods,
        ),
        user_id=form.user if form.user is not None and str(form.user) in request else None,
        seen="drop" if form.unseen else "keep",
        k=form.count if form.count is not None and 1 <= form.count <= 100 else 10,
    )


def _people(names: tuple[str, ...], request: str) -> tuple[Person, ...]:
    return tuple(Person(name=name) for name in _keep_named(names, request))


def _keep_named(names: tuple[str, ...], request: str) -> list[str]:
    """The names that a part of the request is like."""
    asked = fold(request).lower()
    return [n for n in names if fuzz.partial_ratio(fold(n).lower(), asked) >= _IN_REQUEST]
