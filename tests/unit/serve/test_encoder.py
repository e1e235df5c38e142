"""The text encoder of a server: no request waits to the end of its time for it to be loaded."""

import asyncio
import threading
from functools import partial

import anyio.to_thread
import numpy as np
import pytest

from palate.embedder import Embedder, Vectors
from palate.errors import NotInstalledError
from palate.settings import Settings
from serve.api import encoder
from serve.api.encoder import ServerEncoder
from serve.api.lines import Line
from serve.api.problems import EncoderUnavailableError, problem_for

SETTINGS = Settings(search_timeout=0.2)


class Still:
    """Stands for a model that takes as long to load as the test says."""

    name, dimension = "still", 1

    def __init__(self, there: threading.Event) -> None:
        there.wait()

    def embed(self, texts: list[str]) -> Vectors:
        return np.ones((len(texts), 1), np.float32)


async def never() -> dict[str, str]:
    await asyncio.sleep(3600)
    raise AssertionError


def as_a_request(loading: ServerEncoder) -> Vectors:
    """What a request in its line is answered."""

    async def ask() -> Vectors:
        work = partial(anyio.to_thread.run_sync, loading.embed, ["lord"])
        return await Line(1, 60, 1).serve(never, work)

    return asyncio.run(ask())


def test_a_request_is_told_to_come_again_while_the_encoder_is_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there = threading.Event()
    monkeypatch.setattr(encoder, "open_embedder", lambda _: Still(there))
    loading = ServerEncoder(SETTINGS)
    for _ in range(2):
        with pytest.raises(EncoderUnavailableError, match="is being loaded") as told:
            as_a_request(loading)
        problem, headers = problem_for(told.value, "/v1/search", "1")
        assert (problem.status, headers) == (503, {"Retry-After": "5"})
    there.set()
    assert loading.embed(["lord"]).shape == (1, 1)  # outside of a request it is waited for
    assert as_a_request(loading).shape == (1, 1)


def test_what_cannot_be_loaded_is_told_at_once_and_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(_: Settings) -> Embedder:
        raise NotInstalledError("The local text model is not installed.")

    monkeypatch.setattr(encoder, "open_embedder", missing)
    loading = ServerEncoder(SETTINGS)
    with pytest.raises(NotInstalledError):
        as_a_request(loading)
    there = threading.Event()
    there.set()
    monkeypatch.setattr(encoder, "open_embedder", lambda _: Still(there))
    assert as_a_request(loading).shape == (1, 1)
