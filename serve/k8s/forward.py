"""A port on this machine's loopback that leads to a service of the cluster.

Every connection looks the service's pod up anew, so that after a restart or a failover the next
connection reaches the pod that serves then; while there is none it waits.
"""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from palate.errors import ClusterError, ClusterForbiddenError, ListenError, PalateError
from serve.k8s.cluster import Cluster, Object
from serve.k8s.tunnel import NotForwardedError, Tunnel, open_tunnel

LOOPBACK = "127.0.0.1"
PATIENCE = 30.0
"""Seconds that a connection waits for a pod that is ready."""

_PAUSE = 0.25


@dataclass(frozen=True)
class Target:
    """A port of a service, by its name or number; None: its first."""

    service: str
    port: str | int | None = None


def find_pod(cluster: Cluster, target: Target) -> tuple[str, int]:
    """A pod that serves the target now, and the port on it. Raises ClusterError."""
    service = cluster.get("services", target.service)
    selector = service["spec"].get("selector") or {}
    if not selector:
        raise ClusterError(
            f"The service {target.service} selects no pods. Nothing was opened. "
            "Its database or API is elsewhere."
        )
    labels = ",".join(f"{name}={value}" for name, value in sorted(selector.items()))
    pods = cluster.find("pods", labels)
    ready = [pod for pod in pods if is_ready(pod)]
    if not ready:
        states = "; ".join(f"{pod['metadata']['name']}: {state(pod)}" for pod in pods)
        raise ClusterError(
            f"No pod of the service {target.service} is ready ({states or 'there is none'}). "
            "Nothing was opened. `palate k8s status` shows more; try again when it is."
        )
    port = _service_port(service, target)
    return str(ready[0]["metadata"]["name"]), _pod_port(ready[0], port)


def is_ready(pod: Object) -> bool:
    """Whether a pod takes connections and is not being deleted."""
    conditions = pod.get("status", {}).get("conditions") or []
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]


def state(pod: Object) -> str:
    """A pod's state in a word or two, as kubectl shows it."""
    if "deletionTimestamp" in pod["metadata"]:
        return "Terminating"
    status = pod.get("status", {})
    waiting = [*(status.get("initContainerStatuses") or []), *status.get("containerStatuses", [])]
    for container in waiting:
        reason = container.get("state", {}).get("waiting", {}).get("reason")
        if reason and reason != "PodInitializing":
            return str(reason)
    phase = str(status.get("phase", "Unknown"))
    return "Running, not ready" if phase == "Running" and not is_ready(pod) else phase


def _service_port(service: Object, target: Target) -> Object:
    ports: list[Object] = service["spec"].get("ports") or []
    for port in ports:
        if target.port in (None, port.get("name"), port["port"]):
            return port
    raise ClusterError(f"The service {target.service} has no port {target.port}. Nothing was done.")


def _pod_port(pod: Object, port: Object) -> int:
    """The number of a service's port on a pod, where it may have a name."""
    wanted = port.get("targetPort", port["port"])
    if isinstance(wanted, int):
        return wanted
    for container in pod["spec"].get("containers") or []:
        for each in container.get("ports") or []:
            if each.get("name") == wanted:
                return int(each["containerPort"])
    raise ClusterError(
        f"The pod {pod['metadata']['name']} has no port called {wanted}. Nothing was opened."
    )


class Forwarder:
    """Listens on loopback while it is entered; any number of connections at once."""

    def __init__(
        self,
        cluster: Cluster,
        target: Target,
        local_port: int = 0,
        *,
        report: Callable[[str], None],
        patience: float = PATIENCE,
    ) -> None:
        """``local_port`` 0: any that is free. ``report`` is told why a connection failed."""
        self._cluster = cluster
        self._target = target
        self._wanted = local_port
        self._report = report
        self._patience = patience
        self._listener: socket.socket | None = None
        self._open: dict[threading.Thread, socket.socket] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    @property
    def port(self) -> int:
        """The port on loopback."""
        if self._listener is None:
            raise RuntimeError("the forwarder is not entered")
        return int(self._listener.getsockname()[1])

    def __enter__(self) -> Self:
        """Make sure that the way is open, then listen. Raises ClusterError and ListenError."""
        pod, port = find_pod(self._cluster, self._target)
        open_tunnel(self._cluster, pod, port).shutdown()
        self._listener = _listen(self._wanted)
        threading.Thread(target=self._accept, name="port-forward", daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the port and every connection."""
        self._stopping.set()
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        with self._lock:
            connections = dict(self._open)
        for local in connections.values():
            with suppress(OSError):
                local.shutdown(socket.SHUT_RDWR)
        for thread in connections:
            thread.join(5)

    def _accept(self) -> None:
        listener = self._listener
        while listener is not None and not self._stopping.is_set():
            try:
                local, _ = listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(local,), daemon=True)
            with self._lock:
                self._open[thread] = local
            thread.start()

    def _serve(self, local: socket.socket) -> None:
        """One connection: to a pod, and to the next one while none has answered."""
        local.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self._carry(local)
        except (PalateError, NotForwardedError) as error:
            if not self._stopping.is_set():
                self._report(str(error))
        finally:
            local.close()
            with self._lock:
                self._open.pop(threading.current_thread(), None)

    def _carry(self, local: socket.socket) -> None:
        deadline = time.monotonic() + self._patience
        sent = b""
        while True:
            try:
                pod, port = find_pod(self._cluster, self._target)
                Tunnel(local, open_tunnel(self._cluster, pod, port), sent).run()
            except ClusterForbiddenError:
                raise
            except NotForwardedError as error:
                sent = error.sent
                if time.monotonic() > deadline:
                    raise
            except PalateError:
                if time.monotonic() > deadline:
                    raise
            else:
                return
            if self._stopping.wait(_PAUSE):
                return


def _listen(port: int) -> socket.socket:
    """A listening socket on loopback. Raises ListenError."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
        listener.listen(64)
    except OSError as error:
        listener.close()
        raise ListenError(
            f"Port {port} of this machine cannot be used ({error.strerror}). Nothing was opened. "
            "Choose another, or 0 for any that is free."
        ) from error
    return listener
