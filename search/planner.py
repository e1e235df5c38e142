"""Requests, read within the limits of the settings: what is asked, and of whom."""

from collections.abc import Callable

from sqlalchemy import Connection

from palate.contract import SearchRequest, check_request
from palate.errors import MisuseError
from palate.metrics import stage
from palate.settings import Settings
from search.cursor import CursorSigner
from search.limits import Limits
from search.plan import Plan, read_filters
from search.query import ParsedQuery, parse
from search.rules import Synonyms
from sql.syntax import FIELDS, Fields


class Planner:
    """Reads requests, within the limits of the settings. Thread-safe."""

    def __init__(
        self,
        settings: Settings,
        signer: CursorSigner,
        fields: Callable[[], Fields] = lambda: FIELDS,
    ) -> None:
        """``fields`` says which the database has at the moment."""
        self._settings, self._fields = settings, fields
        self._signer = signer
        self._synonyms = Synonyms()
        self._limits = Limits.of(settings)

    def plan(self, request: SearchRequest, parsed: ParsedQuery | None = None) -> Plan:
        """What to ask the engine; ``parsed`` stands for ``request.q`` where it is read already.

        Raises QuerySyntaxError (``strict`` only), and MisuseError for a limit that is passed or a
        cursor that does not fit.
        """
        settings = self._settings
        _check_order(request)
        check_request(settings, request)
        cursor = self._signer.read(request.cursor, request) if request.cursor else None
        reading = cursor.reading if cursor else None
        if parsed is None:
            parsed = self.parse(reading.text if reading else request.q, strict=request.strict)
        judged = 0 if request.rerank == "none" else settings.rerank_window
        filters = tuple(read_filters(request, self._limits, self._fields()))
        return Plan(request, parsed, cursor, max(request.k, judged), reading, filters)

    def expand(self, connection: Connection, plan: Plan) -> Plan:
        """The plan with the synonyms of its words."""
        parsed = self._synonyms.expand(connection, plan.parsed)
        if parsed is plan.parsed:
            return plan
        return Plan(plan.request, parsed, plan.cursor, plan.k, plan.reading, plan.filters)

    def parse(self, text: str, *, strict: bool = False) -> ParsedQuery:
        """A text as it is read within the limits. Raises QuerySyntaxError (``strict`` only)."""
        with stage("parse"):
            return parse(text, strict=strict, limits=self._limits, fields=self._fields())


def _check_order(request: SearchRequest) -> None:
    if request.cursor and request.rerank != "none":
        raise MisuseError(
            "A reranked search has one page, so there is no cursor into it. Nothing was "
            "searched. Ask for more films by k, or page without rerank."
        )
    if request.sort and (request.rerank != "none" or request.mode != "lexical"):
        raise MisuseError(
            f"Films sorted by {request.sort} are those that have the words, in no other order. "
            "Nothing was searched. Leave out sort, or rerank and mode."
        )
