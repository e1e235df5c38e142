"""What may be said of a request by keyword: the fields of the requests, for programs that call."""

from collections.abc import Mapping, Sequence
from typing import TypedDict

from palate.contract.names import Direction, Explain, Mode, Order, Rerank, Seen, Sort

Who = int | str
"""A user: a number, or the text that another system calls them by."""


class Filters(TypedDict, total=False):
    """What films have to be."""

    genres: Sequence[str]
    year_from: int
    year_to: int
    min_rating: float
    min_ratings: int
    filter: Sequence[str]


class Options(Filters, total=False):
    """What a search and recommendations may say."""

    user_id: Who
    profile: str
    k: int
    candidates: int
    weights: Mapping[str, float]
    seen: Seen
    rerank: Rerank
    cursor: str


class SearchOptions(Options, total=False):
    """What a search may say besides its text."""

    mode: Mode
    order: Order
    sort: Sort
    direction: Direction
    explain: Explain
    facets: bool
    snippets: bool
    as_typed: bool
    strict: bool


class RecommendOptions(Options, total=False):
    """What recommendations may be asked for."""

    q: str
    alike_to: Sequence[int | str]
    exclude: Sequence[int | str]
    diversity: float
    franchise: int
    serendipity: bool
    figures: bool


class ListOptions(Filters, total=False):
    """What a list of films may say."""

    q: str
    sort: Sort
    direction: Direction
    k: int
    offset: int
    fields: Sequence[str]
    facets: Sequence[str]
