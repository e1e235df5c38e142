"""A port of this machine to be taken by a server that a test starts."""

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def reserved_port() -> Iterator[int]:
    """A free port that nobody else is given meanwhile.

    It is bound, but nobody listens there: on Linux a server that sets SO_REUSEADDR, as Palate
    does, may still take it. Elsewhere it is only known to have been free.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        port: int = holder.getsockname()[1]
        if sys.platform != "linux":
            holder.close()
        yield port
