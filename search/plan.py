"""What one request asks of the engine: a first page, or a later one of a frozen order."""

from collections.abc import Iterator, Sequence

from palate.contract import Hit, SearchRequest, Seen, check_limits, check_weights
from palate.errors import MisuseError
from palate.metrics import stage
from palate.settings import Settings
from search.cursor import Cursor, CursorSigner
from search.query import ParsedQuery, parse
from sql.syntax import All, And, Filter, Ids, Match, Node, Range, loosen


class Planner:
    """Reads requests, within the limits of the settings. Thread-safe."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._signer = CursorSigner(settings)

    def plan(self, request: SearchRequest, parsed: ParsedQuery | None = None) -> "Plan":
        """What to ask the engine; ``parsed`` stands for ``request.q`` where it is read already.

        Raises QuerySyntaxError (``strict`` only), and MisuseError for a limit that is passed or a
        cursor that does not fit.
        """
        parsed = parsed or self._parse(request)
        self._check(request)
        cursor = self._signer.read(request.cursor, request) if request.cursor else None
        judged = 0 if request.rerank == "none" else self._settings.rerank_window
        return Plan(request, parsed, cursor, k=max(request.k, judged))

    def next_cursor(
        self, plan: "Plan", order: Sequence[int], *, relaxed: bool, learned: bool
    ) -> str | None:
        """The cursor behind the plan's page of ``order``, all films' ids; None: nothing is left."""
        offset = plan.offset + plan.k
        if offset >= len(order) or plan.request.rerank != "none":
            return None
        return self._signer.write(Cursor(tuple(order), offset, relaxed, learned), plan.request)

    def _parse(self, request: SearchRequest) -> ParsedQuery:
        with stage("parse"):
            return parse(
                request.q,
                strict=request.strict,
                max_length=self._settings.max_query_length,
                max_clauses=self._settings.max_query_clauses,
            )

    def _check(self, request: SearchRequest) -> None:
        if request.cursor and request.rerank != "none":
            raise MisuseError(
                "A reranked search has one page, so there is no cursor into it. Nothing was "
                "searched. Ask for more films by k, or page without rerank."
            )
        check_limits(self._settings, k=request.k, candidates=request.candidates)
        try:
            check_weights(request.weights or {})
        except ValueError as error:
            raise MisuseError(f"weights: {error}. Nothing was searched.") from error


class Plan:
    """What one request asks of the engine: a first page, or a later one of a frozen order."""

    def __init__(
        self, request: SearchRequest, parsed: ParsedQuery, cursor: Cursor | None, k: int
    ) -> None:
        """``k`` films are fetched: more than asked for, where they are judged again."""
        self.request = request
        self.parsed = parsed
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
        filters = [Filter(node) for node in _filters(request)]
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
        self.candidates = max(len(cursor.movie_ids) if cursor else request.candidates, k)
        self.page = list(cursor.movie_ids[self.offset : self.offset + k]) if cursor else None

    def order_page(self, hits: list[Hit]) -> list[Hit]:
        """The hits of this page, ranked as the first page ranked them."""
        if self.page is None:
            return hits
        place = {movie_id: self.offset + i for i, movie_id in enumerate(self.page, 1)}
        return [
            hit.model_copy(
                update={
                    "rank": place[hit.movie_id],
                    "moved": hit.unpersonalized_rank - place[hit.movie_id],
                }
            )
            for hit in sorted(
                (hit for hit in hits if hit.movie_id in place), key=lambda hit: place[hit.movie_id]
            )
        ]


def _filters(request: SearchRequest) -> Iterator[Node]:
    yield from (Match("genres", genre) for genre in request.genres)
    if request.year_from is not None or request.year_to is not None:
        yield Range("year", request.year_from, request.year_to)
    if request.min_rating is not None:
        yield Range("avg_rating", request.min_rating, None)
    if request.min_ratings is not None:
        yield Range("rating_count", request.min_ratings, None)
