"""What the pods of a release have written, one pod or several at once."""

import queue
import threading
from collections.abc import Iterator

from palate.errors import NotFoundError, PalateError
from serve.k8s.cluster import Cluster
from serve.k8s.release import Release, find_database

_JOB = "batch.kubernetes.io/job-name"

_Item = tuple[str, bytes] | PalateError | None


def find_pods(release: Release, what: str, database: str | None = None) -> list[str]:
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
        found = [str(pod["metadata"]["name"]) for pod in cluster.find("pods", selector)]
        if found:
            return found
    ours = {str(pod["metadata"]["name"]) for pod in cluster.find("pods", release.selector)}
    if what in ours:
        return [what]
    raise NotFoundError(
        f"The release {release.name} has no pod, job or part called {what!r}. Nothing was read. "
        "`palate k8s status` lists them."
    )


def read_logs(
    cluster: Cluster, pods: list[str], container: str | None, *, follow: bool, tail: int
) -> Iterator[tuple[str, bytes]]:
    """Lines with the pod they are of: pod after pod, or, following, as they come.

    Raises ClusterError and NotFoundError.
    """
    if not follow or len(pods) == 1:
        for pod in pods:
            for text in cluster.log(pod, container, follow=follow, tail=tail):
                yield pod, text
        return
    lines: queue.SimpleQueue[_Item] = queue.SimpleQueue()

    def read(pod: str) -> None:
        try:
            for text in cluster.log(pod, container, follow=True, tail=tail):
                lines.put((pod, text))
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
