"""One plan, run: the candidates of its text in the order of a user's taste, in one statement."""

import json
from typing import Any

from numpy.typing import NDArray
from sqlalchemy import Connection

from palate.statements import Statements
from rerank.learned import LearnedPages, Page
from search.plan import Plan
from sql.engines import CompiledQuery, SearchEngine
from sql.syntax import Nothing

_statements = Statements.beside(__file__, "search")


class Ranker:
    """Orders candidates by the learned order where there is one, else by the blend. Thread-safe."""

    def __init__(self) -> None:
        self._learned = LearnedPages()

    def preload(self, connection: Connection) -> None:
        """Parse the active learned order, if there is one, before a search asks for it."""
        self._learned.preload(connection)

    def rank(
        self,
        connection: Connection,
        engine: SearchEngine,
        plan: Plan,
        compiled: CompiledQuery,
        embedding: NDArray[Any] | None,
    ) -> Page:
        """The page of ``plan``, whose tree is ``compiled``; ``embedding`` (d,) is the query's."""
        bound = _bind(engine, plan, compiled, embedding)
        if plan.may_learn and self._learned.expected:
            return self._learned.page(connection, bound)
        rows = _statements.fetch(connection, "search", bound)
        head = rows[0]
        if plan.may_learn and head["user_has_taste"] and self._learned.appeared(head["order_id"]):
            return self._learned.page(connection, bound)
        hits = [row for row in rows if row["movie_id"] is not None]
        return Page(head, hits, tuple(head["ordered"] or ()))


def _bind(
    engine: SearchEngine, plan: Plan, compiled: CompiledQuery, embedding: NDArray[Any] | None
) -> dict[str, Any]:
    request = plan.request
    lexical = request.mode != "semantic"
    query = compiled.query if lexical else engine.compile(Nothing()).query
    loose = compiled.loose if lexical and plan.may_relax else None
    restriction = plan.restriction
    return {
        "query": json.dumps(query),
        "loose": json.dumps(loose) if loose else None,
        "user_id": request.user_id,
        "profile": request.profile,
        "k": plan.k,
        "candidates": plan.candidates,
        "weights": json.dumps(request.weights) if request.weights else None,
        "seen": plan.seen,
        "query_embedding": None if embedding is None else str(embedding.tolist()),
        "filter": json.dumps(engine.compile(restriction).query) if restriction else None,
        "typed": plan.parsed.typed if lexical else None,
        "page": plan.page,
        "explain": request.explain != "none",
    }
