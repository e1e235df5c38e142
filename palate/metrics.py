"""What Palate measures of itself, for Prometheus.

Any room times a stage of its work with ``with stage("parse"): ...``; ``/metrics`` shows the
histograms. One registry a process, apart from prometheus-client's global one, so that a host
application that imports Palate keeps its own numbers. Processes that serve together, each started
within ``shared``, show the numbers of all of them, whichever is asked.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from time import perf_counter

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
    multiprocess,
)

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)

# Upper bounds in seconds: a search is about a millisecond, a request gives up after seconds.
BUCKETS = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
)  # fmt: skip

_histogram = partial(Histogram, buckets=BUCKETS, registry=REGISTRY)
_counter, _gauge = partial(Counter, registry=REGISTRY), partial(Gauge, registry=REGISTRY)

STAGE_SECONDS = _histogram(
    "palate_stage_seconds", "Seconds spent in one stage of the work.", ["stage"]
)
REQUEST_SECONDS = _histogram(
    "palate_http_request_seconds",
    "Seconds from the first byte of a request to the last of its response.",
    ["method", "route", "status"],
)
REQUESTS_RUNNING = _gauge(
    "palate_http_requests_running", "Requests being answered now.", multiprocess_mode="livesum"
)
REQUESTS_REFUSED = _counter(
    "palate_http_requests_refused", "Requests turned away before any work, by reason.", ["reason"]
)
POOL_CONNECTIONS = _gauge(
    "palate_pool_connections",
    "Database connections, by state.",
    ["state"],
    multiprocess_mode="livesum",
)
INDEX_MISSING = _gauge(
    "palate_search_index_missing_films",
    "Films that the search index lacked when it was looked at last.",
    multiprocess_mode="livemax",
)
RULES_FILE_BROKEN = _gauge(
    "palate_rules_file_broken",
    "1: the rules file was edited and cannot be read; the rules read before hold.",
    multiprocess_mode="livemax",
)
RECOMMENDATIONS_KEPT = _counter(
    "palate_recommendations",
    "Recommendations asked for where answers are kept: kept from before, or made.",
    ["outcome"],
)
LLM_TEXTS = _counter(
    "palate_llm_texts",
    "Texts whose facts a language model was to choose, by kind and what became of them.",
    ["kind", "outcome"],
)

_SHARED = "PROMETHEUS_MULTIPROC_DIR"


@contextmanager
def shared() -> Iterator[None]:
    """Let processes that are started meanwhile show their numbers together."""
    before = os.environ.get(_SHARED)
    with tempfile.TemporaryDirectory(prefix="palate-metrics-") as folder:
        os.environ[_SHARED] = folder
        try:
            yield
        finally:
            del os.environ[_SHARED]
            if before is not None:
                os.environ[_SHARED] = before


def forget(pid: int) -> None:
    """What a process that ended was doing: it does that no more. What it did still counts."""
    multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]


def shown() -> bytes:
    """All numbers as Prometheus reads them; what only one process knows where it serves alone."""
    if _SHARED not in os.environ:
        return generate_latest(REGISTRY)
    together = CollectorRegistry()
    multiprocess.MultiProcessCollector(together)  # type: ignore[no-untyped-call]
    return generate_latest(together)


class stage:
    """Time one named stage: ``with stage("parse"): ...``. An error inside counts as well."""

    __slots__ = ("_histogram", "_started")

    def __init__(self, name: str) -> None:
        self._histogram = STAGE_SECONDS.labels(name)

    def __enter__(self) -> None:
        self._started = perf_counter()

    def __exit__(self, *_: object) -> None:
        self._histogram.observe(perf_counter() - self._started)
