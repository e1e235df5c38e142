"""One search from the query's text to the explained page.

plan (search/) -> compile (sql/engines) -> rank (one statement, the learned order) -> answer ->
rerank and reasons, where they are asked for.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from llm import LanguageModel
from palate.contract import Facets, SearchRequest, SearchResponse
from palate.embedder import Embedder
from palate.metrics import stage
from palate.settings import Settings
from palate.statements import Statements
from rerank.answer import answer, hit_of
from rerank.encoder import QueryEncoder
from rerank.explain import add_reasons, replace_reasons
from rerank.learned import Page
from rerank.rank import Ranker
from rerank.reranking import Reranker
from rerank.wording import Passage, Writer
from search.plan import Plan, Planner
from search.query import ParsedQuery
from search.snippets import with_snippets
from search.spelling import Vocabulary, did_you_mean
from sql.database import Database
from sql.engines import CompiledQuery

_statements = Statements(Path(__file__).parent / "statements" / "search.sql")


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
        self._planner = Planner(settings)
        self._vocabulary = Vocabulary()
        self._ranker = Ranker()
        self.encoder = QueryEncoder(database, settings, embedder)
        self.writer = Writer(database, model, settings)
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
        engine = self._database.search_engine
        with stage("compile"):
            compiled = engine.compile(plan.tree)
        embedding = self.encoder.encode(request)
        with self._database.read() as connection:
            with stage("rank"):
                page = self._ranker.rank(connection, engine, plan, compiled, embedding)
            response = self._answer(connection, plan, compiled, page)
        if request.rerank != "none":
            behind = {row["movie_id"] for row in page.rows if row["relaxed"]}
            hits, about = self.reranker.rerank(request, response.hits, request.q, behind)
            relaxed = any(hit.movie_id in behind for hit in hits)
            changed = {"hits": hits, "relaxed": relaxed} | about.model_dump()
            response = response.model_copy(update=changed)
        if request.explain == "none":
            return response, []
        with stage("explain"), self._database.read() as connection:
            return add_reasons(connection, request, response, page.contributions)

    def preload_order(self) -> None:
        """Parse the active learned order, if there is one, before a search asks for it.

        Raises DatabaseUnavailableError.
        """
        with self._database.read() as connection:
            self._ranker.preload(connection)

    def _answer(
        self, connection: Connection, plan: Plan, compiled: CompiledQuery, page: Page
    ) -> SearchResponse:
        hits = plan.order_page([hit_of(row) for row in page.rows])
        relaxed = plan.relaxed or any(row["relaxed"] for row in page.rows)
        if plan.request.snippets:
            with stage("snippets"):
                hits = with_snippets(connection, plan.parsed.tree, hits)
        return answer(
            plan,
            page,
            hits,
            engine=self._database.search_engine.name,
            relaxed=relaxed,
            counted=self._count(connection, plan, compiled, relaxed),
            did_you_mean=self._correct(connection, plan.parsed, relaxed or not hits),
            next_cursor=self._planner.next_cursor(
                plan,
                plan.cursor.movie_ids if plan.cursor else page.ordered,
                relaxed=relaxed,
                learned=plan.learned or page.model is not None,
            ),
        )

    def _count(
        self, connection: Connection, plan: Plan, compiled: CompiledQuery, relaxed: bool
    ) -> tuple[int, Facets] | None:
        if not plan.request.facets:
            return None
        if plan.cursor:
            compiled = self._database.search_engine.compile(plan.matching)
        matched = compiled.loose if relaxed and compiled.loose else compiled.query
        with stage("facets"):
            return _count_facets(connection, matched)

    def _correct(self, connection: Connection, parsed: ParsedQuery, poor: bool) -> str | None:
        if not poor or not parsed.plain_words:
            return None
        with stage("spelling"):
            return did_you_mean(parsed.text, parsed.plain_words, self._vocabulary.words(connection))


def _count_facets(connection: Connection, query: Mapping[str, Any]) -> tuple[int, Facets]:
    counts: dict[str, dict[str, int]] = {"total": {}, "genre": {}, "decade": {}}
    for kind, value, films in connection.execute(
        _statements["facets"], {"query": json.dumps(query)}
    ):
        counts[kind][value] = films
    return counts["total"][""], Facets(genres=counts["genre"], decades=counts["decade"])
