"""The answer to a search, from what its statement found."""

from collections.abc import Mapping
from typing import Any

from palate.contract import COMPONENTS, Facets, Hit, QueryRead, SearchResponse
from rerank.learned import Page
from rerank.profile import explain_unpersonalized
from search.plan import Plan

_MADE = {"genres", "components", "contributions", "learned_score", "seen"}
_LATER = {"rerank_score", "rerank_reason", "rank_before", "reasons", "reason_source", "snippets"}
_READ = tuple(name for name in Hit.model_fields if name not in _MADE | _LATER)
"""Fields of a hit that are columns of the statement, by the same names."""


def hit_of(row: Mapping[str, Any]) -> Hit:
    """One film as it is answered, from its row."""
    unset: dict[str, Any] = dict.fromkeys(_LATER)
    return Hit.model_construct(
        **{name: row[name] for name in _READ},
        **unset,
        genres=tuple(row["genres"]),
        components={name: row[name] for name in COMPONENTS},
        contributions={name: row[f"{name}_contribution"] for name in COMPONENTS},
        learned_score=row.get("learned_score"),
        seen=row["rating"] is not None,
    )


def answer(
    plan: Plan,
    page: Page,
    hits: list[Hit],
    *,
    engine: str,
    relaxed: bool,
    counted: tuple[int, Facets] | None,
    did_you_mean: str | None,
    next_cursor: str | None,
) -> SearchResponse:
    """All that is told of a search; ``counted`` are all films that match, and their facets."""
    request, head = plan.request, page.head
    personalized = head["user_has_taste"] and (not hits or bool(head["personalized"]))
    total, facets = counted or (None, None)
    return SearchResponse(
        query=QueryRead(
            text=plan.parsed.text, read_as=plan.parsed.read_as, notes=tuple(plan.parsed.notes)
        ),
        user_id=request.user_id,
        profile=request.profile,
        personalized=personalized,
        why_not_personalized=None if personalized else explain_unpersonalized(request, head),
        relaxed=relaxed,
        mode=request.mode,
        engine=engine,
        order="learned" if plan.learned or page.model else "blend",
        order_model=page.model,
        weights={name: head["weights"][name] for name in COMPONENTS} | (request.weights or {}),
        total=total,
        hits=tuple(hits),
        facets=facets,
        did_you_mean=did_you_mean,
        next_cursor=next_cursor,
    )
