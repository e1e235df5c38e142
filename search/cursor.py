"""Cursors: the order of all candidates as the first page saw it, signed.

Later pages walk that order, so none repeats or skips a film while data and ratings change.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from itsdangerous import BadSignature, URLSafeSerializer

from palate.contract import Reading, RecommendRequest, SearchRequest
from palate.errors import MisuseError
from palate.settings import Settings

_NOT_OURS = (
    "The cursor is not one of ours, or the server that gave it has restarted without "
    "PALATE_CURSOR_SECRET. Search again from the first page."
)
_ANOTHER = (
    "The cursor belongs to another search. Repeat the query, user, filters and weights that it "
    "came with, or search again from the first page."
)
_PAGING = {"k", "cursor", "explain", "facets", "snippets", "figures"}


@dataclass(frozen=True)
class Cursor:
    """Where a walk through a frozen order stands."""

    movie_ids: tuple[int, ...]
    offset: int
    relaxed: bool
    learned: bool = False
    reading: Reading | None = None


_OWN_KEY = secrets.token_hex(32)


def signing_key(settings: Settings) -> str:
    """What cursors are signed with: the setting, or a key that ends with this process."""
    secret = settings.cursor_secret
    return secret.get_secret_value() if secret else _OWN_KEY


class CursorSigner:
    """Writes cursors and reads back only its own, for the same search."""

    def __init__(self, settings: Settings) -> None:
        self._serializer = URLSafeSerializer(signing_key(settings), salt="palate.cursor")

    def write(self, cursor: Cursor, request: SearchRequest) -> str | None:
        """The cursor as text for an address; None where no film is left behind it."""
        if cursor.offset >= len(cursor.movie_ids):
            return None
        steps = [b - a for a, b in zip((0, *cursor.movie_ids), cursor.movie_ids, strict=False)]
        reading = cursor.reading and [cursor.reading.kind, cursor.reading.text]
        state = [int(cursor.relaxed), int(cursor.learned), steps, reading]
        written: str = self._serializer.dumps([_fingerprint(request), cursor.offset, *state])
        return written

    def read(self, text: str, request: SearchRequest) -> Cursor:
        """The cursor behind a text. Raises MisuseError for one that is not ours or not this
        search's."""
        try:
            fingerprint, offset, relaxed, learned, steps, reading = self._serializer.loads(text)
        except (BadSignature, ValueError) as error:
            raise MisuseError(_NOT_OURS) from error
        if fingerprint != _fingerprint(request):
            raise MisuseError(_ANOTHER)
        movie_ids, last = [], 0
        for step in steps:
            last += step
            movie_ids.append(last)
        other = Reading(kind=reading[0], text=reading[1]) if reading else None
        return Cursor(tuple(movie_ids), offset, bool(relaxed), bool(learned), other)


class RecommendSigner:
    """Writes cursors into recommendations, with the sources of every film, and reads its own."""

    def __init__(self, settings: Settings) -> None:
        self._serializer = URLSafeSerializer(signing_key(settings), salt="palate.recommend")

    def write(
        self, order: Sequence[tuple[int, int]], offset: int, request: RecommendRequest
    ) -> str | None:
        """The cursor behind ``offset`` films of an order of (movie_id, sources as bits); None where
        none is left."""
        if offset >= len(order):
            return None
        return str(
            self._serializer.dumps([_fingerprint(request), offset, list(zip(*order, strict=True))])
        )

    def read(self, text: str, request: RecommendRequest) -> tuple[list[tuple[int, int]], int]:
        """The order and the offset. Raises MisuseError for a cursor that is not ours or not this
        request's."""
        try:
            fingerprint, offset, (movie_ids, sources) = self._serializer.loads(text)
        except (BadSignature, ValueError) as error:
            raise MisuseError(_NOT_OURS) from error
        if fingerprint != _fingerprint(request):
            raise MisuseError(_ANOTHER)
        return list(zip(movie_ids, sources, strict=True)), offset


def _fingerprint(request: SearchRequest | RecommendRequest) -> str:
    return hashlib.sha256(request.model_dump_json(exclude=_PAGING).encode()).hexdigest()[:16]
