"""One search from the query's text to the explained page."""

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from sqlalchemy import Connection

from llm import LanguageModel
from palate.contract import (
    COMPONENTS,
    Facets,
    Hit,
    QueryRead,
    SearchRequest,
    SearchResponse,
)
from palate.embedder import Embedder, LocalEmbedder, open_embedder, plain_name
from palate.errors import ConflictError, MisuseError
from palate.metrics import stage
from palate.settings import Settings
from palate.statements import Statements
from rerank.explain import explained, worded
from rerank.learned import LearnedPages, Page
from rerank.reranking import Film, Reranker, placed, reorder
from rerank.wording import Passage, Writer
from search.cursor import Cursor, CursorSigner
from search.plan import Plan
from search.query import ParsedQuery, parse
from search.snippets import with_snippets
from search.spelling import Vocabulary, did_you_mean
from sql.database import Database
from sql.engines import CompiledQuery
from sql.syntax import Nothing

_statements = Statements(Path(__file__).parent / "statements" / "search.sql")

_HIT_COLUMNS = (
    "rank",
    "movie_id",
    "title",
    "original_title",
    "year",
    "director",
    "overview",
    "runtime_minutes",
    "poster_url",
    "avg_rating",
    "rating_count",
    "score",
    "bm25_score",
    "unpersonalized_rank",
    "moved",
    "rating",
)


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
        self._settings = settings or database.settings
        self._embedder = embedder
        self._embedder_lock = threading.Lock()
        self._signer = CursorSigner(self._settings)
        self._vocabulary = Vocabulary()
        self._learned = LearnedPages()
        self._local: Embedder | None = None
        self.writer = Writer(database, model, self._settings)
        self.reranker = Reranker(database, model, self._local_encoder, self._settings)

    def search(self, request: SearchRequest) -> SearchResponse:
        """Run one search.

        Raises QuerySyntaxError (``strict`` only), MisuseError for a limit that is passed or a
        cursor that does not fit, NotInstalledError for a mode that needs the embedder,
        ConflictError when it is not the films' one, and DatabaseUnavailableError.
        """
        return self.run(request, self._parse(request))

    def run(self, request: SearchRequest, parsed: ParsedQuery) -> SearchResponse:
        """Run a search whose query is read already; ``request.q`` is only its text.

        Raises what ``search`` raises, but for QuerySyntaxError.
        """
        response, passages = self.told(request, parsed)
        if request.explain != "llm":
            return response
        with stage("words"):
            texts = self.writer.word(passages)
        return worded(response, texts, self.writer.account(texts))

    def told(
        self, request: SearchRequest, parsed: ParsedQuery | None = None
    ) -> tuple[SearchResponse, list[Passage]]:
        """The answer with the template's reasons, and what the writer may word of them.

        Raises what ``search`` raises.
        """
        parsed = parsed or self._parse(request)
        self._check(request)
        cursor = self._signer.read(request.cursor, request) if request.cursor else None
        k = request.k if request.rerank == "none" else max(request.k, self.reranker.window)
        plan = Plan(request.model_copy(update={"k": k}), parsed, cursor)
        with stage("compile"):
            compiled = self._database.search_engine.compile(plan.tree)
        embedding = self._embed(request)
        with self._database.read() as connection:
            with stage("rank"):
                page = self._rank(connection, plan, compiled, embedding)
            response = self._answer(connection, plan, compiled, page)
        response = self._reranked(request, response, page)
        if request.explain == "none":
            return response, []
        with stage("explain"), self._database.read() as connection:
            return explained(connection, request, response, page.contributions)

    def preload_order(self) -> None:
        """Parse the active learned order, if there is one, before a search asks for it.

        Raises DatabaseUnavailableError.
        """
        with self._database.read() as connection:
            self._learned.preload(connection)

    def warm_up(self) -> Embedder:
        """Load the text encoder, once. Raises NotInstalledError."""
        with self._embedder_lock:
            if self._embedder is None:
                self._embedder = open_embedder(self._settings)
            return self._embedder

    def _local_encoder(self) -> Embedder:
        """The text model on this machine, whatever embeds the queries. Raises NotInstalledError."""
        if self._settings.embedding_url is None:
            return self.warm_up()
        with self._embedder_lock:
            if self._local is None:
                self._local = LocalEmbedder()
            return self._local

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
        for name, limit in (
            ("k", self._settings.max_k),
            ("candidates", self._settings.max_candidates),
        ):
            if getattr(request, name) > limit:
                raise MisuseError(
                    f"{name} is {getattr(request, name)}; at most {limit} are allowed. Ask for "
                    f"fewer, or raise PALATE_MAX_{name.upper()}."
                )
        unknown = set(request.weights or ()) - set(COMPONENTS)
        if unknown:
            raise MisuseError(
                f"There is no component {', '.join(sorted(unknown))} to weigh. "
                f"There are {', '.join(COMPONENTS)}."
            )
        if any(not 0 <= weight <= 100 for weight in (request.weights or {}).values()):
            raise MisuseError("A weight is outside 0 to 100. Weights are numbers of 0 to 100.")

    def _embed(self, request: SearchRequest) -> NDArray[Any] | None:
        if request.mode == "lexical":
            return None
        stored = self._stored_model()
        embedder = self.warm_up()
        _check_model(embedder.name, stored)
        with stage("embed"):
            vector: NDArray[Any] = embedder.embed([request.q])[0]
        return vector

    def _stored_model(self) -> str:
        """What embedded the films. Raises ConflictError before a model is loaded for nothing."""
        with self._database.read() as connection:
            stored: str | None = connection.execute(_statements["embedding_model"]).scalar()
        if stored is None:
            raise ConflictError(
                "The films have no embeddings, so none is near a query in meaning. Nothing was "
                "searched. `palate embed generate` makes some, `palate ingest embeddings` loads "
                "them."
            )
        return stored

    def _rank(
        self,
        connection: Connection,
        plan: Plan,
        compiled: CompiledQuery,
        embedding: NDArray[Any] | None,
    ) -> Page:
        request = plan.request
        engine = self._database.search_engine
        lexical = request.mode != "semantic"
        query = compiled.query if lexical else engine.compile(Nothing()).query
        loose = compiled.loose if lexical and plan.may_relax else None
        restriction = None if embedding is None else plan.restriction
        parameters = {
            "query": json.dumps(query),
            "loose": json.dumps(loose) if loose else None,
            "user_id": request.user_id,
            "profile": request.profile,
            "k": request.k,
            "candidates": plan.candidates,
            "weights": json.dumps(request.weights) if request.weights else None,
            "seen": plan.seen,
            "query_embedding": None if embedding is None else str(embedding.tolist()),
            "filter": json.dumps(engine.compile(restriction).query) if restriction else None,
            "page": plan.page,
            "explain": request.explain != "none",
        }
        if plan.may_learn and self._learned.expected:
            return self._learned.page(connection, parameters)
        found = connection.execute(_statements["search"], parameters).mappings().all()
        rows = [dict(row) for row in found]
        head = rows[0]
        if plan.may_learn and head["user_has_taste"] and self._learned.appeared(head["order_id"]):
            return self._learned.page(connection, parameters)
        hits = [row for row in rows if row["movie_id"] is not None]
        return Page(head, hits, tuple(head["ordered"] or ()))

    def _answer(
        self,
        connection: Connection,
        plan: Plan,
        compiled: CompiledQuery,
        page: Page,
    ) -> SearchResponse:
        request, head = plan.request, page.head
        hits = plan.paged([_hit(row) for row in page.rows])
        relaxed = plan.relaxed or any(row["relaxed"] for row in page.rows)
        personalized = head["user_has_taste"] and (not hits or bool(head["personalized"]))
        if request.snippets:
            with stage("snippets"):
                hits = with_snippets(connection, plan.parsed.tree, hits)
        total, facets = None, None
        if request.facets:
            if plan.cursor:
                compiled = self._database.search_engine.compile(plan.matching)
            matched = compiled.loose if relaxed and compiled.loose else compiled.query
            with stage("facets"):
                total, facets = _count_facets(connection, matched)
        return SearchResponse(
            query=QueryRead(
                text=plan.parsed.text, read_as=plan.parsed.read_as, notes=tuple(plan.parsed.notes)
            ),
            user_id=request.user_id,
            profile=request.profile,
            personalized=personalized,
            why_not_personalized=None if personalized else _why_not(request, head),
            relaxed=relaxed,
            mode=request.mode,
            engine=self._database.search_engine.name,
            order="learned" if plan.learned or page.model else "blend",
            order_model=page.model,
            weights=_weights(request, head),
            total=total,
            hits=tuple(hits),
            facets=facets,
            did_you_mean=self._correct(connection, plan.parsed, relaxed or not hits),
            next_cursor=self._next_cursor(plan, page, relaxed),
        )

    def _reranked(
        self, request: SearchRequest, response: SearchResponse, page: Page
    ) -> SearchResponse:
        """The answer cut to k films; in another order, where one was asked for and found."""
        if request.rerank == "none":
            return response
        hits = response.hits
        verdict = self.reranker.judge(
            request.rerank, [Film.of(hit) for hit in hits], request.q, request.user_id,
            request.profile,
        )  # fmt: skip
        behind = {row["movie_id"] for row in page.rows if row["relaxed"]}
        if verdict.about.reranked:
            ordered = reorder(hits, _id, verdict, self.reranker.places, behind)
            hits = tuple(
                hit.model_copy(update=placed(hit, rank, verdict))
                for rank, hit in enumerate(ordered, 1)
            )
        hits = hits[: request.k]
        relaxed = any(hit.movie_id in behind for hit in hits)
        changed = {"hits": hits, "relaxed": relaxed, "next_cursor": None}
        return response.model_copy(update=changed | verdict.about.model_dump())

    def _correct(self, connection: Connection, parsed: ParsedQuery, poor: bool) -> str | None:
        if not poor or not parsed.plain_words:
            return None
        with stage("spelling"):
            return did_you_mean(parsed.text, parsed.plain_words, self._vocabulary.words(connection))

    def _next_cursor(self, plan: Plan, page: Page, relaxed: bool) -> str | None:
        order = plan.cursor.movie_ids if plan.cursor else page.ordered
        learned = plan.learned or page.model is not None
        offset = plan.offset + plan.request.k
        if offset >= len(order):
            return None
        return self._signer.write(Cursor(order, offset, relaxed, learned), plan.request)


def _check_model(name: str, stored: str) -> None:
    if plain_name(stored) != plain_name(name):
        raise ConflictError(
            f"The query would be embedded by {name}, the films by {stored}. Nothing was searched. "
            "Load embeddings of the same model, or set PALATE_EMBEDDING_MODEL."
        )


def _id(hit: Hit) -> int:
    return hit.movie_id


def _hit(row: Mapping[str, Any]) -> Hit:
    return Hit.model_construct(
        **{name: row[name] for name in _HIT_COLUMNS},
        genres=tuple(row["genres"]),
        components={name: row[name] for name in COMPONENTS},
        contributions={name: row[f"{name}_contribution"] for name in COMPONENTS},
        learned_score=row.get("learned_score"),
        seen=row["rating"] is not None,
        rerank_score=None,
        rerank_reason=None,
        rank_before=None,
        reasons=None,
        reason_source=None,
        snippets=None,
    )


def _weights(request: SearchRequest, head: Mapping[str, Any]) -> dict[str, float]:
    stored = {name: head[f"weight_{name}"] for name in COMPONENTS}
    return stored | (request.weights or {})


def _why_not(request: SearchRequest, head: Mapping[str, Any]) -> str:
    if request.user_id is None:
        return "no user_id was given"
    if not head["user_known"]:
        return f"user {request.user_id} ({request.profile}) is unknown: nothing was rated yet"
    if head["user_ratings"] == 0:
        return f"user {request.user_id} ({request.profile}) has no ratings"
    return (
        f"user {request.user_id} ({request.profile}) has no taste vector: the films rated have no "
        "embeddings, or the ratings cancel out"
    )


def _count_facets(connection: Connection, query: Mapping[str, Any]) -> tuple[int, Facets]:
    counts: dict[str, dict[str, int]] = {"total": {}, "genre": {}, "decade": {}}
    for kind, value, films in connection.execute(
        _statements["facets"], {"query": json.dumps(query)}
    ):
        counts[kind][value] = films
    return counts["total"][""], Facets(genres=counts["genre"], decades=counts["decade"])
