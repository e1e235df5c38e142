"""Recommendations kept for a while, each for who asked, as they asked, of what was known then.

What an answer hangs on is part of its key, so that nobody has to be told: the database says in one
statement which state it is in, whoever wrote to it and whichever process keeps the answer.
"""

from collections.abc import Hashable
from threading import Lock

from cachetools import TTLCache

from palate.contract import Recommendations, RecommendRequest
from palate.metrics import RECOMMENDATIONS_KEPT
from palate.statements import Statements
from rerank.business import rules_version
from sql.database import Database

_statements = Statements.beside(__file__, "recommend")

_MOST_FILMS = 20_000
"""Films of all answers kept: some 20 MB."""


class RecommendCache:
    """Answers of one database. Thread-safe; one a process."""

    def __init__(self, seconds: float) -> None:
        """``seconds``: how long an answer is kept at most."""
        self._kept: TTLCache[Hashable, Recommendations] = TTLCache(
            _MOST_FILMS, ttl=seconds, getsizeof=lambda answer: 1 + len(answer.movies)
        )
        self._lock = Lock()

    def key(self, database: Database, request: RecommendRequest) -> Hashable:
        """All of the request, and the state that it is answered from.

        Read before the answer is made: what changes meanwhile leaves a key that nobody asks for.
        """
        rules = rules_version(database.settings.rules_file)
        asked = {"user_id": request.user_id, "profile": request.profile}
        with database.read() as connection:
            (state,) = _statements.fetch(connection, "state", asked)
        return request.model_dump_json(), rules, *state.values()

    def find(self, key: Hashable) -> Recommendations | None:
        """The answer kept under a key."""
        with self._lock:
            found = self._kept.get(key)
        RECOMMENDATIONS_KEPT.labels("made" if found is None else "kept").inc()
        return found

    def keep(self, key: Hashable, answer: Recommendations) -> None:
        """Keep an answer under a key that was read before it was made."""
        with self._lock:
            self._kept[key] = answer
