"""Queries as vectors, by the model that embedded the films."""

import threading
from typing import Any

from numpy.typing import NDArray

from palate.contract import SearchRequest
from palate.embedder import Embedder, LocalEmbedder, open_embedder, plain_name
from palate.errors import ConflictError
from palate.metrics import stage
from palate.settings import Settings
from palate.statements import Statements
from sql.database import Database

_statements = Statements.beside(__file__, "search")


class QueryEncoder:
    """Loads the text encoder the first time that one is needed. Thread-safe."""

    def __init__(
        self, database: Database, settings: Settings, embedder: Embedder | None = None
    ) -> None:
        self._database = database
        self._settings = settings
        self._embedder = embedder
        self._local: Embedder | None = None
        self._lock = threading.Lock()

    def load(self) -> Embedder:
        """What embeds queries. Raises NotInstalledError."""
        with self._lock:
            if self._embedder is None:
                self._embedder = open_embedder(self._settings)
            return self._embedder

    def load_local(self) -> Embedder:
        """The text model on this machine, whatever embeds queries. Raises NotInstalledError."""
        if self._settings.embedding_url is None:
            return self.load()
        with self._lock:
            if self._local is None:
                self._local = LocalEmbedder()
            return self._local

    def encode(self, request: SearchRequest) -> NDArray[Any] | None:
        """The query's vector; None where the mode needs none.

        Raises NotInstalledError, and ConflictError when the films were embedded by another model.
        """
        if request.mode == "lexical":
            return None
        stored = self._stored_model()
        embedder = self.load()
        if plain_name(stored) != plain_name(embedder.name):
            raise ConflictError(
                f"The query would be embedded by {embedder.name}, the films by {stored}. Nothing "
                "was searched. Load embeddings of the same model, or set PALATE_EMBEDDING_MODEL."
            )
        with stage("embed"):
            vector: NDArray[Any] = embedder.embed([request.q])[0]
        return vector

    def _stored_model(self) -> str:
        """What embedded the films, before a model is loaded for nothing."""
        with self._database.read() as connection:
            stored: str | None = connection.execute(_statements["embedding_model"]).scalar()
        if stored is None:
            raise ConflictError(
                "The films have no embeddings, so none is near a query in meaning. Nothing was "
                "searched. `palate embed generate` makes some, `palate ingest embeddings` loads "
                "them."
            )
        return stored
