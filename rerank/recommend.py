"""Recommendations: candidates of several sources, mixed in SQL, spread, and handed out in pages.

The first page settles the order; its cursor carries it, so that later pages neither repeat nor skip
a film while events arrive.
"""

import json
from collections.abc import Container, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection

from palate.contract import (
    PARTS,
    SOURCES,
    ListFigures,
    Recommendation,
    Recommendations,
    RecommendRequest,
    Reranking,
    check_request,
    known_user,
)
from palate.errors import MisuseError, NotFoundError
from palate.items import as_items
from palate.metrics import stage
from palate.statements import Statements
from rerank.business import (
    BusinessRules,
    arrange,
    named,
    pinned_films,
    rules_for,
    taken_out_by,
    weigh,
)
from rerank.cache import RecommendCache
from rerank.diversity import cap_franchises, likeness, spread, surprise
from rerank.factors import read_vector
from rerank.feedback import make_answer_id
from rerank.profile import explain_unpersonalized
from rerank.reranking import Reranker
from rerank.trace import Note, Trace
from search.browse import unknown_genres
from search.cursor import RecommendSigner
from search.limits import Limits
from search.plan import note_filters, read_filters
from search.query import ParsedQuery, parse
from sql.database import Database
from sql.syntax import All, And, Filter, Ids, Node

_statements = Statements.beside(__file__, "recommend")

_MADE = {
    "rank", "moved", "genres", "components", "contributions", "sources", "rules",
    "rerank_score", "rerank_reason", "rank_before",
}  # fmt: skip
READ = tuple(name for name in Recommendation.model_fields if name not in _MADE)
"""Fields of a recommendation that are columns of the statements, by the same names."""

_LONGEST = 500  # films of an order that pages walk through
_SPREAD = 60  # films, the first ones, that are set apart from each other
_SURPRISE = 5  # the place of the film that the taste did not choose

_NONE_LEFT = (
    "No film is left: none fits, or what fits is seen, turned away, excluded or taken out by rules."
)

_BITS = {source: 1 << at for at, source in enumerate(SOURCES)}


def recommend(
    database: Database,
    request: RecommendRequest,
    only: Node | None = None,
    reranker: Reranker | None = None,
    trace: Trace | None = None,
    cache: RecommendCache | None = None,
) -> Recommendations:
    """Films for a user, mixed as by SQL's recommend(), then spread as the request says.

    ``only``: a tree that the films match; ``reranker`` judges them again where that is asked for;
    ``trace`` is told what each stage does; ``cache`` has answers from before, where nobody judges.
    An unknown user gets what is popular and trending, and is told so. Raises MisuseError for a
    limit that is passed or a cursor that does not fit, NotFoundError for films of no film that
    others could be alike to, and DatabaseUnavailableError.
    """
    request = _with_films(database, request)
    if cache is None or trace is not None or only is not None or request.rerank != "none":
        return _make(database, request, only, reranker, trace)
    key = cache.key(database, request)
    kept = cache.find(key)
    if kept is None:
        made = _make(database, request)
        cache.keep(key, made)
        return made
    # Another showing, of which feedback may tell again.
    return kept.model_copy(update={"answer_id": make_answer_id("recommend", "mixer")})


def _make(
    database: Database,
    request: RecommendRequest,
    only: Node | None = None,
    reranker: Reranker | None = None,
    trace: Trace | None = None,
) -> Recommendations:
    _check(database, request)
    signer = RecommendSigner(database.settings)
    frozen, offset = signer.read(request.cursor, request) if request.cursor else (None, 0)
    judged = 0 if reranker is None or request.rerank == "none" else reranker.window
    nodes, parsed = _read(database, request, only)
    wanted = max(request.candidates, request.k, judged)
    bound = _bind(database, request, nodes, parsed, frozen, wanted)
    rules = rules_for(database.settings.rules_file, request.profile)
    note: Note = trace.note if trace else lambda _stage, _order: None
    with database.read() as connection, stage("rank"):
        head, found = _find(connection, bound)
        behind = _pinned(database, request, nodes, parsed, rules, found, connection, frozen)
        found |= behind
        if trace is not None:
            trace.films = dict(found)
        note("sources", found)
        found, ruled = _apply(connection, rules, found)
        note("rules", found)
        order = frozen or _order(connection, found, request, rules, ruled, note, behind)
        page = order[offset : offset + max(request.k, judged)]
        movies = _movies(connection, request, page, offset, found, rules, ruled)
        note("page", [movie.movie_id for movie in movies])
        notes = list(_notes(connection, nodes, parsed, found))
    if not (movies or frozen or notes):
        notes = [_NONE_LEFT]
    movies, about = _rerank(request, movies, reranker)
    personalized = bool(head["user_has_taste"] and (not found or head["personalized"]))
    paged = request.rerank == "none"
    return Recommendations(
        **about.model_dump(),
        answer_id=make_answer_id("recommend", "reranked" if about.reranked else "mixer"),
        user_id=known_user(request.user_id),
        profile=request.profile,
        personalized=personalized,
        why_not_personalized=None if personalized else _explain(request, head, bool(movies)),
        weights={part: head["mixed"][part] for part in PARTS},
        notes=tuple(map(as_items, notes)),
        diversity=None if request.diversity == 1 else request.diversity,
        movies=movies,
        figures=_figures(database, movies) if request.figures else None,
        next_cursor=signer.write(order, offset + request.k, request) if paged else None,
    )


def _find(
    connection: Connection, bound: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[int, dict[str, Any]]]:
    """What all films share, and each film by its id."""
    rows = _statements.fetch(connection, "recommend", bound)
    return rows[0], {row["movie_id"]: row for row in rows if row["movie_id"] is not None}


def _pinned(
    database: Database,
    request: RecommendRequest,
    nodes: list[Node],
    parsed: ParsedQuery | None,
    rules: BusinessRules,
    found: Mapping[int, Any],
    connection: Connection,
    frozen: Sequence[tuple[int, int]] | None,
) -> dict[int, dict[str, Any]]:
    """The films that rules pin by their ids and no source gave, by scores of their own."""
    pinned = tuple(sorted(pinned_films(rules).difference(found, request.exclude)))[:_LONGEST]
    if not pinned or frozen is not None:
        return {}
    bound = _bind(database, request, [*nodes, Filter(Ids(pinned))], parsed, None, len(pinned))
    behind = _find(connection, bound)[1]
    for row in behind.values():
        row["unpersonalized_rank"] += len(found)
    return behind


def _with_films(database: Database, request: RecommendRequest) -> RecommendRequest:
    """The request with its films by number. What is not there need not be left out."""
    ids = list(map(str, (*request.alike_to, *request.exclude)))
    if not ids:
        return request
    with database.read() as connection:
        rows = connection.execute(_statements["named"], {"ids": ids}).all()
    alike, exclude = rows[: len(request.alike_to)], rows[len(request.alike_to) :]
    if unknown := [id for id, row in zip(request.alike_to, alike, strict=True) if not row.there]:
        raise NotFoundError(
            f"alike_to: there is no film {', '.join(map(str, unknown))}. Nothing was searched."
        )
    films = {
        "alike_to": tuple(row.movie_id for row in alike),
        "exclude": tuple(row.movie_id for row in exclude if row.there),
    }
    return request.model_copy(update=films)


def _figures(database: Database, movies: Sequence[Recommendation]) -> ListFigures:
    with database.read() as connection:
        ids = {"movie_ids": [movie.movie_id for movie in movies]}
        return ListFigures(**connection.execute(_statements["figures"], ids).mappings().one())


def _check(database: Database, request: RecommendRequest) -> None:
    check_request(database.settings, request)
    if request.cursor and request.rerank != "none":
        raise MisuseError(
            "Reranked recommendations have one page, so there is no cursor into it. Nothing was "
            "searched. Ask for more films by k, or page without rerank."
        )


def _read(
    database: Database, request: RecommendRequest, only: Node | None
) -> tuple[list[Node], ParsedQuery | None]:
    """What films have to be, and the text that is one more source."""
    limits, fields = Limits.of(database.settings), database.search_engine.fields
    nodes: list[Node] = list(read_filters(request, limits, fields))
    if only is not None:
        nodes.append(only)
    return nodes, parse(request.q, limits=limits, fields=fields) if request.q else None


def _bind(
    database: Database,
    request: RecommendRequest,
    nodes: list[Node],
    parsed: ParsedQuery | None,
    frozen: Sequence[tuple[int, int]] | None,
    wanted: int,
) -> dict[str, Any]:
    engine = database.search_engine
    query = json.dumps(engine.compile(parsed.tree).query) if parsed else None
    if frozen is not None:
        nodes = [Filter(Ids(tuple(movie_id for movie_id, _ in frozen)))]
    filter_ = json.dumps(engine.compile(And((All(), *nodes))).query) if nodes else None
    return {
        "user_id": request.user_id,
        "profile": request.profile,
        "candidates": wanted if frozen is None else len(frozen),
        "weights": json.dumps(request.weights) if request.weights else None,
        "seen": request.seen if frozen is None else "keep",
        "filter": filter_,
        "alike_to": list(request.alike_to) or None,
        "query": query,
        "exclude": list(request.exclude) or None,
    }


def _notes(
    connection: Connection,
    nodes: Sequence[Node],
    parsed: ParsedQuery | None,
    found: Mapping[int, Mapping[str, Any]],
) -> Iterator[str]:
    """What is read otherwise than meant, and why nothing is found, or nothing orders what is."""
    yield from parsed.notes if parsed else ()
    yield from note_filters(nodes, parsed.tree if parsed else None)
    if not found:
        yield from unknown_genres(connection, And((All(), *nodes)))
    elif not any(row["score"] for row in found.values()):
        yield "All scores are 0: no part that has a weight tells these films apart."


def _order(
    connection: Connection,
    found: Mapping[int, dict[str, Any]],
    request: RecommendRequest,
    rules: BusinessRules,
    ruled: Mapping[int, Mapping[str, Any]],
    note: Note,
    behind: Container[int],
) -> list[tuple[int, int]]:
    """The films of all pages, with bits of their sources and, behind them, of the rules that moved
    them. Of those ``behind`` only those in whose place a rule wants them."""
    titles = {m: row["title"] for m, row in found.items() if m not in behind}
    order = cap_franchises(list(titles), titles, request.franchise)[:_LONGEST]
    note("franchise", order)
    if request.diversity < 1 and len(order) > 1:
        order = _spread(connection, order[:_SPREAD], found, request) + order[_SPREAD:]
        note("diversity", order)
    chosen = surprise(order, found, _SURPRISE) if request.serendipity else None
    if chosen is not None:
        found[chosen]["sources"] += " serendipity"
        order.remove(chosen)
        order.insert(_SURPRISE - 1, chosen)
        note("serendipity", order)
    named = pinned_films(rules)
    left_out = [m for m in found if m in named and m not in order]
    order, moved = arrange(rules, order, ruled, left_out)
    note("caps and pins", order)
    return [(m, _bits(found[m]["sources"]) | moved.get(m, 0) << len(_BITS)) for m in order]


def _apply(
    connection: Connection, rules: BusinessRules, found: dict[int, dict[str, Any]]
) -> tuple[dict[int, dict[str, Any]], dict[int, Mapping[str, Any]]]:
    """Take out the films that rules take out, multiply the scores of others, and name the rules.

    Returns the films by their scores, and what rules judge films by; nothing is read where there
    are no rules.
    """
    for row in found.values():
        row["rules"], row["rules_contribution"] = (), 0.0
    if not rules.rules:
        return found, {}
    rows = connection.execute(_statements["ruled"], {"movie_ids": list(found)}).mappings()
    ruled: dict[int, Mapping[str, Any]] = {row["movie_id"]: dict(row) for row in rows}
    for movie_id, film in ruled.items():
        row = found[movie_id]
        if (rule := taken_out_by(rules, film)) is not None:
            row["taken_out_by"] = rule
            del found[movie_id]
            continue
        row["rules"], factor = weigh(rules, film)
        row["rules_contribution"] = row["score"] * (factor - 1)
        row["score"] += row["rules_contribution"]
    by_score = sorted(found, key=lambda each: -found[each]["score"])  # stable: as SQL ranked them
    return {each: found[each] for each in by_score}, ruled


@cache
def _bits(sources: str) -> int:
    return sum(_BITS[source] for source in sources.split())


def _spread(
    connection: Connection,
    order: list[int],
    found: Mapping[int, Mapping[str, Any]],
    request: RecommendRequest,
) -> list[int]:
    films = _statements.fetch(connection, "vectors", {"movie_ids": order})
    vectors = [
        [film[kind] and read_vector(film[kind]) for film in films]
        for kind in ("content", "factors")
    ]
    scores = {each: found[each]["score"] for each in order}
    return spread(order, scores, likeness(*vectors), request.diversity)


def _movies(
    connection: Connection,
    request: RecommendRequest,
    page: Sequence[tuple[int, int]],
    offset: int,
    found: Mapping[int, dict[str, Any]],
    rules: BusinessRules,
    ruled: Mapping[int, Mapping[str, Any]],
) -> tuple[Recommendation, ...]:
    """The films of a page; those that were turned away since the first page are left out."""
    ids = [movie_id for movie_id, _ in page]
    asked = {"user_id": request.user_id, "profile": request.profile, "movie_ids": ids}
    films = _statements.fetch(connection, "films", asked)
    facts = {film["movie_id"]: film for film in films}
    shift = len(_BITS)
    return tuple(
        _movie(found[m] | facts[m], rank, marks, named(rules, marks >> shift, ruled.get(m, {})))
        for rank, (m, marks) in enumerate(page, offset + 1)
        if m in found and m in facts
    )


def _movie(
    row: Mapping[str, Any], rank: int, marks: int, moved_by: tuple[str, ...]
) -> Recommendation:
    """``marks``: bits of its sources."""
    shown = (*PARTS, "rules") if row["rules_contribution"] else PARTS
    return Recommendation(
        **{name: row[name] for name in READ},
        rank=rank,
        moved=row["unpersonalized_rank"] - rank,
        genres=tuple(row["genres"]),
        components={part: row[part] for part in PARTS},
        contributions={part: row[f"{part}_contribution"] for part in shown},
        rules=(*row["rules"], *moved_by),
        sources=tuple(source for source, bit in _BITS.items() if marks & bit),
    )


def _rerank(
    request: RecommendRequest, movies: tuple[Recommendation, ...], reranker: Reranker | None
) -> tuple[tuple[Recommendation, ...], Reranking]:
    """The k first films, in another order where one was asked for and found."""
    if request.rerank == "none":
        return movies, Reranking()
    if reranker is None:
        return movies[: request.k], Reranking(why_not_reranked="nobody is there to judge")
    return reranker.rerank(request, movies, query=request.q)


def _explain(request: RecommendRequest, head: Mapping[str, Any], found: bool) -> str:
    if not found and head["user_ratings"]:
        return "no film is left to recommend"
    return explain_unpersonalized(request, head)
