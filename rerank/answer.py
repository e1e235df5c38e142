"""The answer to a search, from what its statement found."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from palate.contract import COMPONENTS, Facets, Hit, QueryRead, SearchResponse, known_user
from palate.items import as_items
from palate.metrics import stage
from palate.statements import Statements
from rerank.feedback import make_answer_id
from rerank.learned import Page
from rerank.profile import explain_unpersonalized
from search.browse import unknown_genres
from search.cursor import Cursor, CursorSigner
from search.plan import Plan
from search.snippets import with_snippets
from sql.engines import CompiledQuery, SearchEngine

_statements = Statements.beside(__file__, "search")

_MADE = {"genres", "components", "contributions", "learned_score", "seen"}
_LATER = {"rerank_score", "rerank_reason", "rank_before", "reasons", "reason_source", "snippets"}
READ = tuple(name for name in Hit.model_fields if name not in _MADE | _LATER)
"""Fields of a hit that are columns of the statement, by the same names."""
_UNSET = dict.fromkeys(Hit.model_fields)
_CONTRIBUTED = {name: f"{name}_contribution" for name in COMPONENTS}


def hit_of(row: Mapping[str, Any]) -> Hit:
    """One film as it is answered, from its row."""
    hit: dict[str, Any] = _UNSET | {name: row[name] for name in READ}
    hit["genres"] = tuple(row["genres"])
    hit["components"] = {name: row[name] for name in COMPONENTS}
    hit["contributions"] = {name: row[column] for name, column in _CONTRIBUTED.items()}
    hit["seen"] = row["seen"]
    hit["learned_score"] = row.get("learned_score")
    return Hit.build(hit)


class Answerer:
    """Answers searches from what their statements found. Thread-safe."""

    def __init__(self, signer: CursorSigner) -> None:
        self._signer = signer

    def answer(
        self,
        connection: Connection,
        engine: SearchEngine,
        plan: Plan,
        compiled: CompiledQuery,
        page: Page,
    ) -> SearchResponse:
        """All that is told of a search; ``compiled`` is what the plan's tree became."""
        request, head, parsed = plan.request, page.head, plan.parsed
        hits = [hit_of(row) for row in page.rows]
        if plan.page is not None:
            hits = _in_order(hits, plan.page, plan.offset, moved=request.sort is None)
        notes = (*plan.notes, *_end(plan, page))
        if not hits:
            notes += tuple(unknown_genres(connection, plan.matching))
        relaxed = plan.relaxed or any(row["relaxed"] for row in page.rows)
        learned = plan.learned or page.model is not None
        personalized = head["user_has_taste"] and (not hits or bool(head["personalized"]))
        total, facets = plan.total, None
        if request.facets:
            total, facets = _count(connection, engine, plan, compiled, relaxed)
        if request.snippets:
            with stage("snippets"):
                hits = with_snippets(connection, parsed.tree, hits)
        return SearchResponse(
            answer_id=make_answer_id("search", "learned" if learned else "blend"),
            query=QueryRead(
                text=request.q, read_as=parsed.read_as, notes=tuple(map(as_items, notes))
            ),
            user_id=known_user(request.user_id),
            profile=request.profile,
            personalized=personalized,
            why_not_personalized=None if personalized else explain_unpersonalized(request, head),
            relaxed=relaxed,
            mode=request.mode,
            engine=engine.name,
            order="learned" if learned else "blend",
            order_model=page.model,
            weights={name: head["weights"][name] for name in COMPONENTS} | (request.weights or {}),
            total=total,
            hits=tuple(hits),
            facets=facets,
            reading=plan.reading,
            next_cursor=self._next_cursor(plan, page, relaxed=relaxed, learned=learned),
        )

    def _next_cursor(self, plan: Plan, page: Page, *, relaxed: bool, learned: bool) -> str | None:
        """The cursor of the page behind this one; a search that is judged again has none."""
        if plan.request.rerank != "none":
            return None
        ordered = plan.cursor.movie_ids if plan.cursor else page.ordered
        end = plan.offset + plan.k
        return self._signer.write(
            Cursor(ordered, end, relaxed, learned, plan.reading), plan.request
        )


def _end(plan: Plan, page: Page) -> Iterator[str]:
    """Where the order ends though more films may match, and how to get them."""
    order, sort = plan.cursor.movie_ids if plan.cursor else page.ordered, plan.request.sort
    if plan.offset + plan.k >= len(order) >= max(plan.request.candidates, plan.k):
        which = f"the first {len(order)} by {sort}" if sort else f"the {len(order)} best matches"
        yield (
            f"The order ends with {which}. More films may match: raise candidates to have more of "
            f"them ordered{', or list them all: GET /v1/movies takes an offset' if sort else ''}."
        )


def _in_order(hits: list[Hit], movie_ids: Sequence[int], offset: int, *, moved: bool) -> list[Hit]:
    """The hits of this page, ranked behind ``offset`` others as the first page ranked them, where
    taste may have ``moved`` them."""
    by_id = {hit.movie_id: hit for hit in hits}
    ranked = []
    for rank, each in enumerate(movie_ids, offset + 1):
        if each in by_id:
            plain = by_id[each].unpersonalized_rank if moved else rank
            places = {"rank": rank, "unpersonalized_rank": plain, "moved": plain - rank}
            ranked.append(by_id[each].model_copy(update=places))
    return ranked


def _count(
    connection: Connection,
    engine: SearchEngine,
    plan: Plan,
    compiled: CompiledQuery,
    relaxed: bool,
) -> tuple[int, Facets]:
    """All films that match, and how many of them have each genre and decade."""
    if plan.cursor:
        compiled = engine.compile(plan.matching)
    query = compiled.loose if relaxed and compiled.loose else compiled.query
    counts: dict[str, dict[str, int]] = defaultdict(dict, genre={}, decade={})
    with stage("facets"):
        rows = connection.execute(_statements["facets"], {"query": json.dumps(query)})
        for kind, value, films in rows:
            counts[kind][value] = films
    own = {
        kind.removeprefix("own "): values
        for kind, values in counts.items()
        if kind.startswith("own ")
    }
    return counts["total"][""], Facets(genres=counts["genre"], decades=counts["decade"], own=own)
