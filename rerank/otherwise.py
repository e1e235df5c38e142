"""A text that finds nothing, or almost nothing, read otherwise."""

import json
from collections.abc import Callable, Iterator

from sqlalchemy import Connection

from palate.contract import LEVELS
from palate.metrics import stage
from palate.statements import Statements
from rerank.learned import Page
from search.plan import Plan
from search.planner import Planner
from search.readings import correct, readings
from search.titles import Catalog, Vocabulary
from sql.engines import SearchEngine
from sql.syntax import And, Node

_statements = Statements.beside(__file__, "otherwise")

_IN_ORDER = LEVELS.index("words in order")
_ENOUGH = 3
"""Films with all the words that make another reading needless."""


def found_little(page: Page) -> bool:
    """Whether no film has the words, or hardly one and none in its title, in their order."""
    if any(row["pinned"] for row in page.rows):
        return False
    if all(row["bm25_score"] is None for row in page.rows):
        return True
    return not _in_a_title(page) and sum(not row["relaxed"] for row in page.rows) < min(
        _ENOUGH, len(page.rows)
    )


def _in_a_title(page: Page) -> bool:
    return any(LEVELS.index(row["level"]) >= _IN_ORDER for row in page.rows)


def _may_be_read(plan: Plan) -> bool:
    return plan.parsed.plain and plan.parsed.typed is not None and plan.request.mode == "lexical"


class Rereader:
    """Finds what else a text may mean in this catalog. Thread-safe."""

    def __init__(self, planner: Planner) -> None:
        self._planner = planner
        self._vocabulary = Vocabulary()

    def doubts(self, connection: Connection, plan: Plan, page: Page) -> bool:
        """Whether the text may mean something else: it found little, or nothing in a title and is
        long enough to be one mistyped, or has a word that no title and no name has."""
        if plan.cursor is not None:
            return False
        return found_little(page) or (
            _may_be_read(plan)
            and not any(row["pinned"] for row in page.rows)
            and not _in_a_title(page)
            and self._read(connection).may_be_mistyped(plan.parsed.typed or "")
        )

    def plans(
        self, connection: Connection, engine: SearchEngine, plan: Plan, page: Page
    ) -> Iterator[Plan]:
        """The same search for other readings of its text, the closest first.

        Where its words joined are a title, ``page`` has that, and nothing was mistyped.
        """
        request, parsed = plan.request, plan.parsed
        if not _may_be_read(plan) or parsed.typed is None:
            return
        knows, finds = self._asking(connection, engine, plan)
        if (plan.restriction or plan.seen == "drop") and knows(parsed.typed):
            return  # it finds films, of which none may be shown
        mistakes, title = not _in_a_title(page), not found_little(page)
        catalog = self._read(connection)
        for reading in readings(
            parsed.typed,
            catalog,
            knows,
            finds,
            alike=lambda text: (
                connection.execute(_statements["alike"], {"typed": text}).scalars().all()
            ),
            mistakes=mistakes,
            title=title,
        ):
            yield Plan(
                request, self._planner.parse(reading.text), None, plan.k, reading, plan.filters
            )

    def suggest(
        self, connection: Connection, engine: SearchEngine, plan: Plan, page: Page
    ) -> str | None:
        """What would find more, for a text that is searched for as it is."""
        parsed = plan.parsed
        knows, finds = self._asking(connection, engine, plan)
        if parsed.plain:
            first = next(self.plans(connection, engine, plan, page), None)
            return first.reading.text if first and first.reading else None
        return correct(parsed.text, parsed.plain_words, self._read(connection), knows, finds)

    def _read(self, connection: Connection) -> Catalog:
        with stage("spelling"):
            return self._vocabulary.read(connection)

    def _asking(
        self, connection: Connection, engine: SearchEngine, plan: Plan
    ) -> tuple[Callable[[str], bool], Callable[[str], bool]]:
        def ask(text: str, restriction: Node | None, typed: str | None) -> bool:
            tree = self._planner.parse(text).tree
            chosen = None if restriction is None else json.dumps(engine.compile(restriction).query)
            whole = tree if restriction is None else And((tree, restriction))
            asked = {
                "query": json.dumps(engine.compile(whole).query),
                "typed": typed,
                "filter": chosen,
            }
            return bool(connection.execute(_statements["finds"], asked).scalar())

        return lambda text: ask(text, None, None), lambda text: ask(text, plan.restriction, text)


def better(page: Page) -> bool:
    """Whether a reading found films that have all its words."""
    return any(not row["relaxed"] for row in page.rows)
