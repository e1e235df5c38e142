"""One search from the query's text to the explained page.

plan (search/) -> compile (sql/engines) -> rank (one statement, the learned order) -> answer ->
rerank and reasons, where they are asked for.
"""

import json
from typing import Any

from numpy.typing import NDArray
from sqlalchemy import Connection

from llm import LanguageModel
from palate.contract import SearchRequest, SearchResponse, Sort
from palate.embedder import Embedder
from palate.metrics import stage
from palate.settings import Settings
from rerank.answer import Answerer
from rerank.cache import RecommendCache
from rerank.encoder import QueryEncoder
from rerank.explain import add_reasons, replace_reasons
from rerank.feedback import make_answer_id
from rerank.learned import Page
from rerank.otherwise import Rereader, better
from rerank.rank import Ranker
from rerank.reranking import Reranker
from rerank.wording import Passage, Writer
from search.browse import sort_films
from search.cursor import CursorSigner
from search.plan import Plan
from search.planner import Planner
from search.query import ParsedQuery
from sql.completeness import IndexWatch
from sql.database import Database
from sql.engines import CompiledQuery, SearchEngine


class Searcher:
    """Answers searches over one database. Thread-safe; one a process."""

    def __init__(
        self,
        database: Database,
        settings: Settings | None = None,
        embedder: Embedder | None = None,
        model: LanguageModel | None = None,
    ) -> None:
        """``model`` words reasons and reranks where a search asks for it."""
        self._database = database
        settings = settings or database.settings
        signer = CursorSigner(settings)
        self._planner = Planner(settings, signer, lambda: database.search_engine.fields)
        self._answerer = Answerer(signer)
        self._rereader = Rereader(self._planner)
        self._ranker = Ranker()
        self.index = IndexWatch(database)
        self.encoder = QueryEncoder(database, settings, embedder)
        self.writer = Writer(model, settings)
        seconds = settings.recommend_cache_seconds
        self.recommended = RecommendCache(seconds) if seconds else None
        self.reranker = Reranker(database, model, self.encoder.load_local, settings)

    def search(self, request: SearchRequest, parsed: ParsedQuery | None = None) -> SearchResponse:
        """Run one search; where its query is ``parsed`` already, ``request.q`` is only its text.

        Raises QuerySyntaxError (``strict`` only), MisuseError for a limit that is passed or a
        cursor that does not fit, NotInstalledError for a mode that needs the embedder,
        ConflictError when it is not the films' one, and DatabaseUnavailableError.
        """
        response, passages = self.search_before_wording(request, parsed)
        if request.explain != "llm":
            return response
        with stage("words"):
            texts = self.writer.word(passages)
        return replace_reasons(response, texts, self.writer.account(texts))

    def search_before_wording(
        self, request: SearchRequest, parsed: ParsedQuery | None = None
    ) -> tuple[SearchResponse, list[Passage]]:
        """The answer with the template's reasons, and what the writer may word of them.

        Raises what ``search`` raises.
        """
        plan = self._planner.plan(request, parsed)
        embedding = self.encoder.encode(request)
        engine = self._database.search_engine  # before our connection, which may be the only one
        with self._database.read() as connection:
            response, page = self._find(connection, engine, plan, embedding)
            if not self.index.complete(connection):
                response = response.model_copy(update={"index": "incomplete"})
        if request.rerank != "none":
            hits, about = self.reranker.rerank(request, response.hits, request.q)
            relaxed = any(hit.level == "some words" for hit in hits)
            changed = {"hits": hits, "relaxed": relaxed} | about.model_dump()
            if about.reranked:
                changed["answer_id"] = make_answer_id("search", "reranked")
            response = response.model_copy(update=changed)
        if request.explain == "none":
            return response, []
        with stage("explain"), self._database.read() as connection:
            return add_reasons(connection, request, response, page.contributions)

    def _find(
        self,
        connection: Connection,
        engine: SearchEngine,
        plan: Plan,
        embedding: NDArray[Any] | None,
    ) -> tuple[SearchResponse, Page]:
        """The answer to a plan, or to the closest reading of its text that finds more."""
        plan = self._planner.expand(connection, plan)
        compiled, page = self._rank(connection, engine, plan, embedding)
        suggestion = None
        if self._rereader.doubts(connection, plan, page):
            if plan.request.as_typed or not plan.parsed.plain:
                suggestion = self._rereader.suggest(connection, engine, plan, page)
            else:
                for other in self._rereader.plans(connection, engine, plan, page):
                    expanded = self._planner.expand(connection, other)
                    also_compiled, also = self._rank(connection, engine, expanded, embedding)
                    if better(also):
                        plan, compiled, page = expanded, also_compiled, also
                        break
        if (sort := plan.request.sort) and plan.cursor is None:
            plan = _sorted(connection, engine, plan, page, sort)
            compiled, page = self._rank(connection, engine, plan, embedding)
        response = self._answerer.answer(connection, engine, plan, compiled, page)
        if suggestion:
            response = response.model_copy(update={"did_you_mean": suggestion})
        return response, page

    def _rank(
        self,
        connection: Connection,
        engine: SearchEngine,
        plan: Plan,
        embedding: NDArray[Any] | None,
    ) -> tuple[CompiledQuery, Page]:
        with stage("compile"):
            compiled = engine.compile(plan.tree)
        with stage("rank"):
            return compiled, self._ranker.rank(connection, engine, plan, compiled, embedding)

    def preload_order(self) -> None:
        """Parse the active learned order, if there is one, before a search asks for it.

        Raises DatabaseUnavailableError.
        """
        with self._database.read() as connection:
            self._ranker.preload(connection)


def _sorted(
    connection: Connection, engine: SearchEngine, plan: Plan, page: Page, sort: Sort
) -> Plan:
    """The plan with its films in the order of a column: those with all words, where there are."""
    request = plan.request
    compiled = engine.compile(plan.matching)
    relaxed = bool(page.rows) and all(row["relaxed"] for row in page.rows)
    query = compiled.loose if relaxed and compiled.loose else compiled.query
    whose = (request.user_id, request.profile) if request.user_id is not None else None
    total, movie_ids = sort_films(
        connection,
        json.dumps(query),
        sort,
        request.direction,
        plan.candidates,
        unseen_by=whose if request.seen == "drop" else None,
    )
    return plan.sorted(movie_ids, total, relaxed=relaxed)
