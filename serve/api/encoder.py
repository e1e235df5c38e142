"""The text encoder of a server: what needs it first has it loaded, and no request waits to the end.

Loading takes seconds, often more than a search may take in all.
"""

import threading
from collections.abc import Sequence
from concurrent.futures import Future

from palate.embedder import Embedder, Vectors, open_embedder
from palate.settings import Settings
from serve.api.lines import in_turn
from serve.api.problems import EncoderUnavailableError


class ServerEncoder:
    """The embedder that the settings name, loaded behind whoever needs it first. Thread-safe."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._loading: Future[Embedder] | None = None

    @property
    def name(self) -> str:
        """The model's name."""
        return self.loaded().name

    @property
    def dimension(self) -> int:
        """Numbers in one vector."""
        return self.loaded().dimension

    def embed(self, texts: Sequence[str]) -> Vectors:
        """(len(texts), dimension) float32, each row of length 1. Raises EmbeddingError."""
        return self.loaded().embed(texts)

    def loaded(self) -> Embedder:
        """The embedder. A request waits for half of its time, and whatever else until it is there.

        Raises EncoderUnavailableError, and what loading raises.
        """
        with self._lock:
            if (loading := self._loading) is None:
                loading = self._loading = Future()
                threading.Thread(target=self._load, args=[loading], daemon=True).start()
        try:
            return loading.result(self._settings.search_timeout / 2 if in_turn() else None)
        except TimeoutError as error:
            raise EncoderUnavailableError(
                "The text encoder is being loaded, which takes some seconds. Nothing was changed. "
                "Try again shortly; mode=lexical needs none."
            ) from error

    def _load(self, loading: Future[Embedder]) -> None:
        try:
            loading.set_result(open_embedder(self._settings))
        except BaseException as error:  # also what an import raises to end the process
            self._loading = None  # whoever comes next has it tried again
            loading.set_exception(error)
