"""What the pods of a release have written, one pod or several at once."""

import queue
import threading
from collections.abc import Iterator

from palate.errors import NotFoundError, PalateError
from serve.k8s.cluster import Cluster, Object, labels_of
from serve.k8s.release import Release, find_database

_JOB = "batch.kubernetes.io/job-name"

_Item = tuple[str, bytes] | PalateError | None


def find_pods(release: Release, what: str, database: str | None = None) -> list[Object]:
    """The pods of a part of the release, of a job, or the pod of this name.

    Raises NotFoundError when there is none.
    """
    cluster = release.cluster
    if what == "database":
        name = find_database(release, database)["metadata"]["name"]
        selectors = [f"cnpg.io/cluster={name}"]
    else:
        selectors = [release.component(what), f"{_JOB}={what}"]
    for selector in selectors:
        if found := cluster.find("pods", selector):
            return found
    ours = {str(pod["metadata"]["name"]): pod for pod in cluster.find("pods", release.selector)}
    if what in ours:
        return [ours[what]]
    raise NotFoundError(
        f"The release {release.name} has no pod, job or part called {what!r}. Nothing was read. "
        "`palate k8s status` lists them."
    )


def steps_run(pod: Object) -> list[tuple[str, int]]:
    """The containers of a pod that have run, in their order, with how often each was restarted."""
    status = pod.get("status", {})
    found = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    return [
        (str(each["name"]), int(each.get("restartCount", 0)))
        for each in found
        if {"running", "terminated"} & each.get("state", {}).keys() or each.get("lastState")
    ]


def _shown(pod: Object) -> list[str | None]:
    """The containers to read: every step of a job; else what runs, or what it waits for."""
    steps = [name for name, _ in steps_run(pod)]
    main = {str(each["name"]) for each in pod["spec"].get("containers") or []}
    if _JOB not in labels_of(pod):
        steps = [name for name in steps if name in main] or steps[-1:]
    return [*steps] or [None]


def read_logs(
    cluster: Cluster, pods: list[Object], container: str | None, *, follow: bool, tail: int
) -> Iterator[tuple[str, bytes]]:
    """Lines with the pod they are of: pod after pod, or, following, as they come.

    Raises ClusterError and NotFoundError.
    """

    def of(pod: Object) -> Iterator[tuple[str, bytes]]:
        name = str(pod["metadata"]["name"])
        for each in [container] if container else _shown(pod):
            for text in cluster.log(name, each, follow=follow, tail=tail):
                yield name, text

    if not follow or len(pods) == 1:
        for pod in pods:
            yield from of(pod)
        return
    lines: queue.SimpleQueue[_Item] = queue.SimpleQueue()

    def read(pod: Object) -> None:
        try:
            for item in of(pod):
                lines.put(item)
        except PalateError as error:
            lines.put(error)
        lines.put(None)

    for pod in pods:
        threading.Thread(target=read, args=(pod,), daemon=True).start()
    ended = 0
    while ended < len(pods):
        item = lines.get()
        if item is None:
            ended += 1
        elif isinstance(item, PalateError):
            raise item
        else:
            yield item
