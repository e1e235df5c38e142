"""A port on this machine's loopback that leads to a service of the cluster.

Every connection looks the service's pod up anew, so that after a restart or a failover the next
connection reaches the pod that serves then; while there is none it waits.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from anyio.from_thread import start_blocking_portal

from palate.errors import ClusterError
from serve.k8s.cluster import Cluster, Object

LOOPBACK = "127.0.0.1"
PATIENCE = 30.0
"""Seconds that a connection waits for a pod that is ready."""


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
            f"The service {target.service} selects no pods. No connection was opened. "
            "Its database or API is elsewhere."
        )
    labels = ",".join(f"{name}={value}" for name, value in sorted(selector.items()))
    pods = cluster.find("pods", labels)
    ready = [pod for pod in pods if is_ready(pod)]
    if not ready:
        states = "; ".join(f"{pod['metadata']['name']}: {state(pod)}" for pod in pods)
        raise ClusterError(
            f"No pod of the service {target.service} is ready ({states or 'there is none'}). "
            "No connection was opened. `palate k8s status` shows more; try again when it is."
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
        f"The pod {pod['metadata']['name']} has no port called {wanted}. No connection was opened."
    )


@contextmanager
def forward(
    cluster: Cluster,
    target: Target,
    local_port: int = 0,
    *,
    report: Callable[[str], None],
    patience: float = PATIENCE,
) -> Iterator[int]:
    """A port of this machine's loopback that leads to the target, for any number of connections.

    Makes sure that the way is open first. ``local_port`` 0: any that is free. ``report`` is told
    why a connection failed. Raises ClusterError and ListenError.
    """
    from serve.k8s.tunnel import Forwarder  # websockets comes with the extra k8s

    find = partial(find_pod, cluster, target)
    with start_blocking_portal() as portal:
        forwarder = Forwarder(cluster, find, report, patience)
        port = portal.call(forwarder.start, LOOPBACK, local_port)
        try:
            yield port
        finally:
            portal.call(forwarder.stop)
