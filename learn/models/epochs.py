"""Epochs, told while a model learns to whoever listens: a tracked run, a tuner that may prune.

A model that learns in epochs calls ``tell_epoch`` after each. What it says of ratings that it does
not learn from is ``validation``, greater being better, whatever the parameters: tuners prune by it.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[int, Mapping[str, float]], None]
"""Told the epoch, from 1, and its metrics. What it raises ends the training."""

_listeners: ContextVar[tuple[Listener, ...]] = ContextVar("listeners", default=())


def tell_epoch(epoch: int, **metrics: float) -> None:
    """Say what an epoch reached, for example ``loss`` or ``validation``."""
    for listener in _listeners.get():
        listener(epoch, metrics)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Tell ``listener`` every epoch of the models that learn inside the context."""
    token = _listeners.set((*_listeners.get(), listener))
    try:
        yield
    finally:
        _listeners.reset(token)
