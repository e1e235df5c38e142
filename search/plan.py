"""What one request asks of the engine: a first page, or a later one of a frozen order."""

from collections.abc import Iterator, Sequence

from palate.contract import FilmFilters, Reading, SearchRequest, Seen
from palate.errors import QuerySyntaxError
from search.cursor import Cursor
from search.limits import Limits
from search.query import ParsedQuery, parse
from sql.syntax import (
    FIELDS,
    All,
    And,
    Fields,
    Filter,
    Ids,
    Match,
    Node,
    Range,
    Words,
    describe,
    loosen,
    walk,
)


class Plan:
    """What one request asks of the engine: a first page, or a later one of a frozen order."""

    def __init__(
        self,
        request: SearchRequest,
        parsed: ParsedQuery,
        cursor: Cursor | None,
        k: int,
        reading: Reading | None = None,
        filters: tuple[Node, ...] = (),
    ) -> None:
        """``k`` films are fetched: more than asked for, where they are judged again. ``parsed`` is
        the ``reading``, where one is searched for; ``filters`` are what films have to be."""
        self.request = request
        self.parsed = parsed
        self.reading = reading
        self.cursor = cursor
        self.k = k
        self.offset = cursor.offset if cursor else 0
        self.relaxed = cursor.relaxed if cursor else False
        self.may_relax = cursor is None
        self.learned = cursor.learned if cursor else False
        self.may_learn = (
            cursor is None
            and request.order == "learned"
            and request.mode == "lexical"
            and request.weights is None
            and request.user_id is not None
        )
        self.filters = filters
        tree = (loosen(parsed.tree) or parsed.tree) if self.relaxed else parsed.tree
        self.matching: Node = And((tree, *filters)) if filters else tree
        self.tree = self.matching
        self.restriction: Node | None = And((All(), *filters)) if filters else None
        self.seen: Seen = request.seen
        if cursor:
            # The films are those of the first page, whatever has changed; the text only scores.
            these = Filter(Ids(cursor.movie_ids))
            self.tree = And((these,), optional=(tree,))
            self.restriction = these
            self.seen = "keep"
        self.total: int | None = None
        self.notes = [*parsed.notes, *note_filters(filters, parsed.tree)]
        if not cursor and request.k > request.candidates:
            self.notes.append(
                f"{request.k} films of {request.candidates} candidates were asked for: "
                f"{request.k} candidates were ordered."
            )
        self.candidates = max(len(cursor.movie_ids) if cursor else request.candidates, k)
        self.page = list(cursor.movie_ids[self.offset : self.offset + k]) if cursor else None

    def sorted(self, movie_ids: Sequence[int], total: int, *, relaxed: bool) -> "Plan":
        """The first page of these films in this order, of so many that match."""
        order = Cursor(tuple(movie_ids), 0, relaxed, reading=self.reading)
        made = Plan(self.request, self.parsed, order, self.k, self.reading, self.filters)
        made.total = total
        made.notes.append(
            f"All {total} films that match are sorted by {self.request.sort}, "
            "not by words and taste."
        )
        return made


def read_filters(request: FilmFilters, limits: Limits, fields: Fields) -> Iterator[Filter]:
    """What films have to be, as trees. Raises QuerySyntaxError for a filter that cannot be read."""
    for text in request.filter:
        try:
            yield Filter(parse(text, strict=True, limits=limits, fields=fields).tree)
        except QuerySyntaxError as error:
            why = str(error).partition(" (at character")[0].rstrip(".")
            raise QuerySyntaxError(
                f"The filter {text!r} cannot be read: {why}. Nothing was searched. Correct it: "
                "country:France, price:[4 TO 10], NOT genres:Horror.",
                error.position,
            ) from error
    yield from map(Filter, _filters_of(request))


def note_filters(filters: Sequence[Node], query: Node | None = None) -> Iterator[str]:
    """What to know of filters that are read otherwise than they may be meant, and of ranges that
    run backward, those of the query too."""
    for words in (node for each in filters for node in walk(each) if isinstance(node, Words)):
        yield (
            f"The filter {describe(words)} names no field: it keeps films that say it anywhere. "
            f"Fields are {', '.join(FIELDS)} and your own: genres:Drama."
        )
    trees = filters if query is None else (query, *filters)
    for span in (node for each in trees for node in walk(each) if isinstance(node, Range)):
        if span.low is not None and span.high is not None and span.low > span.high:
            yield f"{describe(span)} runs backward: nothing is in it."


def _filters_of(request: FilmFilters) -> Iterator[Node]:
    yield from (Match("genres", genre) for genre in request.genres)
    if request.year_from is not None or request.year_to is not None:
        yield Range("year", request.year_from, request.year_to)
    if request.min_rating is not None:
        yield Range("avg_rating", request.min_rating, None)
    if request.min_ratings is not None:
        yield Range("rating_count", request.min_ratings, None)
