"""``/v1/instantsearch``: requests and answers as the InstantSearch widget libraries have them.

Names are those of that protocol, not ours: a front end made for it changes only where it asks.
"""

import html
import re
import time
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request

from palate.contract import FeedbackReport, SearchRequest
from palate.errors import MisuseError
from rerank.feedback import add_feedback
from rerank.people import find_taste
from search.browse import BrowseRequest, MovieList, browse
from serve.api.middleware import CALLER
from serve.api.routes import GuardedRoute, read_body, scoped
from serve.api.services import Services, services
from serve.api.widgets import (
    WidgetAnswers,
    WidgetEvent,
    WidgetEvents,
    WidgetParams,
    WidgetRequest,
    WidgetRequests,
    known_facets,
    read_filters,
    read_order,
)

router = APIRouter(route_class=GuardedRoute, tags=["instantsearch"])

_BYTES = 262_144
_MARKS = re.compile("(</?mark>)")
_KINDS = {"view": "impression", "click": "click", "conversion": "play"}


@router.post(
    "/v1/instantsearch",
    summary="Search, as InstantSearch widgets ask",
    **scoped("read", 400, line="analysis", body=WidgetRequests, max_body=_BYTES, own=True),
)
def instantsearch(request: Request) -> WidgetAnswers:
    """Films, counts of values and values of a column for the widgets of a page.

    Text and a user's taste order the films; without text the best known stand first, or
    `indexName` says an order: `movies:year:desc`.
    """
    asked = read_body(request, WidgetRequests).requests
    return WidgetAnswers(results=tuple(_answered(request, a) for a in asked))


@router.post(
    "/v1/instantsearch/events",
    summary="Say what became of films, as InstantSearch does",
    **scoped("write", line="write", body=WidgetEvents, max_body=_BYTES, own=True),
)
def instantsearch_events(request: Request) -> FeedbackReport:
    """A view, click or conversion of an answer's film is kept as impression, click or play."""
    events = read_body(request, WidgetEvents).events
    caller = request.scope.get(CALLER)
    own = None if caller is None else caller.user
    lines = [line for event in events for line in _feedback(event, own)]
    return add_feedback(services(request).database, lines)


def _feedback(event: WidgetEvent, own: str | None) -> Iterator[dict[str, Any]]:
    if event.queryID is None:
        return
    for place, film in enumerate(event.objectIDs):
        yield {
            "answer_id": event.queryID,
            "movie_id": film,
            "kind": _KINDS[event.eventType],
            "position": event.positions[place] if place < len(event.positions) else None,
            "user_id": own or event.userToken,
        }


def _answered(request: Request, asked: WidgetRequest) -> dict[str, Any]:
    started = time.perf_counter()
    facet, found = asked.facet or asked.params.facetName, services(request)
    _check_page(found, asked.params)
    if facet is None:
        caller, params = request.scope.get(CALLER), asked.params
        user = params.userToken if params.enablePersonalization else None
        user = user if caller is None or caller.user is None else caller.user
        made = _films(found, asked, user)
    else:
        made = _values(found, asked.params, facet)
    return made | {"processingTimeMS": round((time.perf_counter() - started) * 1000)}


def _check_page(found: Services, params: WidgetParams) -> None:
    if params.hitsPerPage > found.settings.max_k:
        raise MisuseError(
            f"hitsPerPage is {params.hitsPerPage}; at most {found.settings.max_k} are allowed. "
            "Nothing was searched. Ask for fewer, or raise PALATE_MAX_K."
        )


class _Page(NamedTuple):
    """Films of one page, how many there are in all, and what was searched for in the end."""

    hits: list[dict[str, Any]]
    total: int
    pages: int
    text: str = ""
    answer_id: str | None = None


def _films(found: Services, asked: WidgetRequest, user: str | None) -> dict[str, Any]:
    params = asked.params
    page = _by_text(found, asked, user) if params.query.strip() else None
    counted = _browse(found, asked, page.text if page else None)
    if page is None:
        hits = [_hit(film, {}, params) for film in counted.movies]
        page = _Page(hits, counted.total, _pages(counted.total, params))
    return {
        "index": asked.indexName,
        "hits": page.hits if params.hitsPerPage else [],
        "nbHits": page.total,
        "page": params.page,
        "nbPages": page.pages,
        "hitsPerPage": params.hitsPerPage,
        "exhaustiveNbHits": True,
        "query": params.query,
        "params": urlencode(params.model_dump(exclude_unset=True)),
        "facets": {
            name: dict([*values.items()][: params.maxValuesPerFacet])
            for name, values in (counted.facets or {}).items()
        },
        "facets_stats": {
            name: {"min": r.least, "max": r.greatest, "avg": r.mean, "sum": r.mean * r.films}
            for name, r in (counted.ranges or {}).items()
        },
        **({} if page.answer_id is None else {"queryID": page.answer_id}),
    }


def _by_text(found: Services, asked: WidgetRequest, user: str | None) -> _Page:
    """A page of what text finds, in a user's order: as deep as a search returns films."""
    params, most = asked.params, found.settings.max_k
    first = params.page * params.hitsPerPage
    last = min(first + params.hitsPerPage, most)
    sort, direction = read_order(asked.indexName)
    made = found.searcher.search(
        SearchRequest(
            q=params.query.strip(),
            filter=tuple(read_filters(params)),
            k=max(1, last),
            candidates=min(found.settings.max_candidates, max(100, most)),
            user_id=find_taste(found.database, user),
            sort=sort,
            direction=direction,
            facets=True,
            snippets=True,
        )
    )
    shown = [
        _hit(hit.model_dump(mode="json", exclude={"snippets"}), hit.snippets or {}, params)
        for hit in made.hits[first:last]
    ]
    total = max(made.total or 0, len(made.hits))
    text = made.reading.text if made.reading else params.query.strip()
    return _Page(shown, total, _pages(min(total, most), params), text, made.answer_id)


def _pages(films: int, params: WidgetParams) -> int:
    return -(-films // params.hitsPerPage) if params.hitsPerPage else 0


def _browse(found: Services, asked: WidgetRequest, text: str | None) -> MovieList:
    """Counts over all films that match; without text a page of them, too."""
    params = asked.params
    sort, direction = read_order(asked.indexName)
    return browse(
        found.database,
        BrowseRequest(
            q=text,
            filter=tuple(read_filters(params)),
            facets=known_facets(params.facets),
            sort=sort or "rating_count",
            direction=direction,
            k=max(1, params.hitsPerPage if text is None else 1),
            offset=0 if text is not None else params.page * params.hitsPerPage,
        ),
    )


def _values(found: Services, params: WidgetParams, facet: str) -> dict[str, Any]:
    """The values of a column that contain what was typed, of the 100 most frequent."""
    counted = browse(
        found.database,
        BrowseRequest(
            q=params.query.strip() or None,
            filter=tuple(read_filters(params)),
            facets=known_facets([facet]),
            k=1,
        ),
    )
    wanted = params.facetQuery.casefold()
    values = [
        {"value": value, "highlighted": _highlighted(value, wanted, params), "count": films}
        for value, films in (counted.facets or {}).get(facet, {}).items()
        if wanted in value.casefold()
    ]
    return {"facetHits": values[: params.maxFacetHits], "exhaustiveFacetsCount": False}


def _highlighted(value: str, wanted: str, params: WidgetParams) -> str:
    place = value.casefold().find(wanted) if wanted else -1
    if place < 0 or len(value.casefold()) != len(value):
        return value
    end = place + len(wanted)
    marked = f"{params.highlightPreTag}{value[place:end]}{params.highlightPostTag}"
    return f"{value[:place]}{marked}{value[end:]}"


def _hit(film: dict[str, Any], snippets: dict[str, str], params: WidgetParams) -> dict[str, Any]:
    # Widgets escape what they show: they get text, with their own tags around what was found.
    told = {
        name: _marked(snippets.get(name), film.get(name), params)
        for name in ("title", "overview", "director")
    }
    called = film["item_id"] or str(film["movie_id"])
    return film | {"objectID": called, "_highlightResult": told, "_snippetResult": told}


def _marked(snippet: str | None, text: str | None, params: WidgetParams) -> dict[str, Any]:
    tags = {"<mark>": params.highlightPreTag, "</mark>": params.highlightPostTag}
    parts = _MARKS.split(snippet) if snippet else [html.escape(text or "")]
    found = [parts[n + 1] for n, part in enumerate(parts) if part == "<mark>"]
    return {
        "value": "".join(tags.get(part) or html.unescape(part) for part in parts),
        "matchLevel": "partial" if found else "none",
        "matchedWords": [html.unescape(word) for word in found],
    }
