"""Jobs of a release: started from what the chart left as a template, and waited for."""

import secrets
import time
from collections.abc import Generator, Iterator

from palate.errors import ClusterError, NotFoundError, PalateError
from serve.k8s.cluster import Cluster, Object
from serve.k8s.logs import steps_run
from serve.k8s.release import Release

_POLL = 1.0
_LONGEST_NAME = 63


def start_job(release: Release, component: str) -> str:
    """Start a job of this component from the release's CronJob and return its name.

    Raises NotFoundError where the release has none.
    """
    found = release.cluster.find("cronjobs", release.component(component))
    if not found:
        raise NotFoundError(
            f"The release {release.name} has no job {component!r} to start. Nothing was started. "
            f"`helm upgrade {release.name} CHART --reset-then-reuse-values --set "
            f"jobs.{component}.enabled=true` makes it."
        )
    return str(release.cluster.create_job(_job(found[0], component))["metadata"]["name"])


def _job(cronjob: Object, component: str) -> Object:
    """A Job of a CronJob, with a name of its own."""
    suffix = f"-{component}-{secrets.token_hex(3)}"
    before = str(cronjob["metadata"]["name"]).partition(f"-{component}")[0]
    template = cronjob["spec"]["jobTemplate"]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": before[: _LONGEST_NAME - len(suffix)] + suffix,
            "labels": (template.get("metadata") or {}).get("labels") or {},
            "annotations": {"cronjob.kubernetes.io/instantiate": "manual"},
        },
        "spec": template["spec"],
    }


def job_state(job: Object) -> str:
    """``complete``, ``failed``, ``suspended`` or ``running``."""
    for condition in job.get("status", {}).get("conditions") or []:
        if condition["status"] == "True" and condition["type"] in ("Complete", "Failed"):
            return str(condition["type"]).lower()
    return "suspended" if job["spec"].get("suspend") else "running"


def follow_job(cluster: Cluster, name: str) -> Iterator[bytes]:
    """The log of a job that was started, step after step as it grows, to its end.

    Raises ClusterError when the job failed or cannot be followed.
    """
    try:
        state = yield from _steps(cluster, name)
    except PalateError as error:
        raise ClusterError(
            f"{name} goes on, but cannot be followed: {str(error).partition('. ')[0]}. See it with "
            f"`palate k8s logs {name} --follow`, and `palate k8s status`."
        ) from error
    if state == "failed":
        raise ClusterError(
            f"The job {name} failed. Its log says why and what is unchanged: "
            f"`palate k8s logs {name}`."
        )


def _steps(cluster: Cluster, name: str) -> Generator[bytes, None, str]:
    """The log so far and as it grows; how the job ended.

    Raises ClusterError and NotFoundError.
    """
    followed: set[tuple[str, str, int]] = set()
    while True:
        state = job_state(cluster.get("jobs", name))
        for pod in cluster.find("pods", f"batch.kubernetes.io/job-name={name}"):
            for container, restarts in steps_run(pod):
                step = (str(pod["metadata"]["name"]), container, restarts)
                if step not in followed:
                    followed.add(step)
                    yield from cluster.log(step[0], container, follow=True, tail=None)
        if state in ("complete", "failed"):
            return state
        time.sleep(_POLL)
