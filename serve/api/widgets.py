"""What InstantSearch widgets send, and the queries that their conditions are."""

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from palate.contract import Direction, Frozen, MovieId, Sort
from palate.errors import MisuseError
from rerank.feedback import MOST_LINES
from search.browse import BrowseRequest, Counted, Measured

MOST_REQUESTS = 20
_FACETS = (*get_args(Counted), *get_args(Measured))
_OPERATORS = {"=": "{0}:[{1} TO {1}]", "!=": "NOT {0}:[{1} TO {1}]", "<": "{0}:<{1}",
              "<=": "{0}:<={1}", ">": "{0}:>{1}", ">=": "{0}:>={1}"}  # fmt: skip
_NUMERIC = re.compile(r"\s*(\w+)\s*(<=|>=|!=|<|>|=)\s*(\d+(?:\.\d+)?)\s*")
_BETWEEN = re.compile(r"\s*(\w+)\s*:\s*(\d+(?:\.\d+)?)\s+TO\s+(\d+(?:\.\d+)?)\s*", re.IGNORECASE)


_FILTER = re.compile(
    r"""\s*(?:(?P<operator>AND|OR|NOT)(?=[\s(])|(?P<parenthesis>[()])
    |(?P<name>"[^"]*"|'[^']*'|-?\w+)\s*(?:
        (?P<compared>(?:<=|>=|!=|=|<|>)\s*\d+(?:\.\d+)?)(?![\w.])
        |:\s*(?:(?P<between>\d+(?:\.\d+)?\s+TO\s+\d+(?:\.\d+)?)(?![\w.])
           |(?P<value>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s()"'<]+))))\s*""",
    re.VERBOSE,
)


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else ([] if value is None else value)


Either = list[str | Annotated[list[str], Field(max_length=100)]]
Conditions = Annotated[Either, BeforeValidator(_listed), Field(max_length=50)]


class _Lenient(BaseModel):
    """Front ends send more than is read here; what would change the answer and is not read is
    refused by name."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class WidgetParams(_Lenient):
    """What widgets ask for."""

    query: str = Field("", max_length=2000, description="What was typed; empty: all films.")
    page: int = Field(0, ge=0, le=10_000, description="Which page, from 0.")
    hitsPerPage: int = Field(20, ge=0, le=1000, description="Films of a page.")
    facets: Annotated[list[str], BeforeValidator(_listed)] = Field(
        [], max_length=50, description="Columns that are counted; `*`: all."
    )
    facetFilters: Conditions = Field(
        [], description="`column:value`, all of them; of an inner list one is enough; `-`: not."
    )
    numericFilters: Conditions = Field(
        [], description="`year>=1990`, `year:1990 TO 1999`; an inner list: one is enough."
    )
    filters: str | None = Field(
        None,
        max_length=2000,
        description='The same as a text: `genres:Drama AND (year > 1990 OR NOT director:"X")`.',
    )
    maxValuesPerFacet: int = Field(100, ge=0, le=1000, description="Most values of a column.")
    highlightPreTag: str = Field("<em>", max_length=100, description="Before a found word.")
    highlightPostTag: str = Field("</em>", max_length=100, description="Behind a found word.")
    userToken: str | None = Field(
        None, max_length=200, description="Whose taste orders the films, with the next one."
    )
    enablePersonalization: bool = Field(False, description="Whether the user's taste takes part.")
    facetName: str | None = Field(None, max_length=100, description="Whose values are looked for.")
    facetQuery: str = Field("", max_length=200, description="What such a value contains.")
    maxFacetHits: int = Field(10, ge=1, le=100, description="Most such values.")


class WidgetRequest(_Lenient):
    """One question of a page: films, or values of a column."""

    indexName: str = Field(
        "movies",
        max_length=100,
        description="`movies`; with an order, as the widget that sorts has it, `movies:year:desc`.",
    )
    type: Literal["default", "facet"] = Field("default", description="facet: values of `facet`.")
    facet: str | None = Field(None, max_length=100, description="Whose values are looked for.")
    params: WidgetParams = Field(default=WidgetParams(), description="What is asked.")


class WidgetRequests(_Lenient):
    """What a page asks at once."""

    requests: tuple[WidgetRequest, ...] = Field(
        min_length=1, max_length=MOST_REQUESTS, description="1 to 20 questions."
    )


class WidgetAnswers(Frozen):
    """The answers, in the order of the questions."""

    results: tuple[dict[str, Any], ...] = Field(
        description="Each with hits, nbHits, page, nbPages, facets and so on, or with facetHits."
    )


class WidgetEvent(_Lenient):
    """What somebody did with films of an answer."""

    eventType: Literal["view", "click", "conversion"] = Field(description="What was done.")
    objectIDs: tuple[MovieId, ...] = Field(max_length=100, description="The films.")
    queryID: str | None = Field(None, description="That of the answer; without it nothing is kept.")
    positions: tuple[int, ...] = Field((), max_length=100, description="Their places, from 1.")
    userToken: str | None = Field(None, max_length=200, description="Who did it.")


class WidgetEvents(_Lenient):
    """Events, as the insights client sends them."""

    events: tuple[WidgetEvent, ...] = Field(
        min_length=1, max_length=MOST_LINES, description="1 to 1,000 events."
    )


def read_order(index: str) -> tuple[Sort | None, Direction | None]:
    """The order that the name of an index says. Raises MisuseError."""
    _, *order = index.split(":", 2)
    if not order:
        return None, None
    try:
        said = dict(zip(("sort", "direction"), order, strict=False))
        asked = BrowseRequest.model_validate(said)
    except ValueError as error:
        raise MisuseError(
            f"The index {index[:60]!r} names no order. Nothing was searched. Orders are "
            f"{', '.join(get_args(Sort))}, with asc or desc: movies:year:desc."
        ) from error
    return asked.sort, asked.direction


def known_facets(facets: Sequence[str]) -> tuple[str, ...]:
    """The columns to be counted, each once. Raises MisuseError for an unknown one."""
    wanted = _FACETS if "*" in facets else tuple(facets)
    for name in wanted:
        _check_column(name)
    return tuple(dict.fromkeys(wanted))


def _check_column(name: str) -> None:
    if name not in _FACETS:
        raise MisuseError(
            f"{name[:60]!r} is no column that is counted. Nothing was searched. There are "
            f"{', '.join(dict.fromkeys(_FACETS))}."
        )


def read_filters(params: WidgetParams) -> Iterator[str]:
    """The conditions as queries, all of which have to hold. Raises MisuseError."""
    for conditions, read in (
        (params.facetFilters, _facet_filter), (params.numericFilters, _numeric_filter),
    ):  # fmt: skip
        for one in conditions:
            either = [one] if isinstance(one, str) else one
            if either:
                yield " OR ".join(f"({read(each)})" for each in either)
    if params.filters is not None and params.filters.strip():
        yield _read_filter_text(params.filters)


def _read_filter_text(text: str) -> str:
    """A text of conditions in our own language, whose grammar then looks at their order."""
    parts: list[str] = []
    joined: list[set[str]] = [set()]  # the operators of each open parenthesis
    at = 0
    while at < len(text):
        found = _FILTER.match(text, at)
        if found is None:
            raise _unreadable(
                text, at, "Conditions are genres:Drama, year > 1990, year:1990 TO 1999"
            )
        at = found.end()
        if found["parenthesis"] == "(":
            joined.append(set())
        elif found["parenthesis"]:
            joined.pop()
        if not joined:
            raise _unreadable(text, found.start(), "A parenthesis closes that none opens")
        joined[-1] |= {found["operator"]} & {"AND", "OR"}
        if len(joined[-1]) > 1:
            raise _unreadable(text, found.start(), "AND and OR stand beside each other: set ( )")
        parts.append(found["operator"] or found["parenthesis"] or f"({_condition(found)})")
    return " ".join(parts)


def _condition(found: re.Match[str]) -> str:
    name = found["name"].strip("\"'")
    if found["compared"]:
        return _numeric_filter(f"{name}{found['compared']}")
    if found["between"]:
        return _numeric_filter(f"{name}:{found['between']}")
    value = found["value"]
    if value[0] in "\"'":
        value = re.sub(r"\\(.)", r"\1", value[1:-1])
        return (
            _facet_filter(f"{name}:{value}") if not value.startswith("-") else _equal(name, value)
        )
    return _facet_filter(f"{name}:{value}")


def _unreadable(text: str, at: int, why: str) -> MisuseError:
    return MisuseError(
        f"filters cannot be read at character {at}, {text[at : at + 40].strip()!r}: {why}. Nothing "
        "was searched."
    )


def _facet_filter(condition: str) -> str:
    name, _, value = condition.partition(":")
    without = "NOT " if name.startswith("-") or value.startswith("-") else ""
    return without + _equal(name.removeprefix("-"), value.removeprefix("-"))


def _equal(name: str, value: str) -> str:
    _check_column(name)
    if name == "decade" and re.fullmatch("[0-9]{4}s", value):
        return f"year:[{value[:4]} TO {int(value[:4]) + 9}]"
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{name}:"{quoted}"'


def _numeric_filter(condition: str) -> str:
    if between := _BETWEEN.fullmatch(condition):
        name, low, high = between.groups()
        _check_column(name)
        return f"{name}:[{low} TO {high}]"
    if (told := _NUMERIC.fullmatch(condition)) is None:
        raise MisuseError(
            f"{condition[:60]!r} is no condition on a number. Nothing was searched. "
            "Write it as `year>=1990` or `year:1990 TO 1999`."
        )
    name, operator, number = told.groups()
    _check_column(name)
    return _OPERATORS[operator].format(name, number)
