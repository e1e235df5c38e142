"""Jobs of a release: started again from what the chart left as a template, and waited for."""

import secrets
import time
from collections.abc import Iterator

from palate.errors import ClusterError, NotFoundError
from serve.k8s.cluster import Cluster, Object
from serve.k8s.logs import steps_run
from serve.k8s.release import Release

_POLL = 1.0
_LONGEST_NAME = 63
# Set by the cluster for one job; a second job has its own.
_OWN_LABELS = (
    "controller-uid",
    "job-name",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-name",
)


def start_job(release: Release, component: str) -> str:
    """Start a job of this component anew and return its name.

    It is made from the release's CronJob of the component, else from its latest Job. Raises
    NotFoundError where the release has neither.
    """
    job = _template(release, component)
    return str(release.cluster.create_job(job)["metadata"]["name"])


def _template(release: Release, component: str) -> Object:
    selector = release.component(component)
    for cronjob in release.cluster.find("cronjobs", selector):
        template = cronjob["spec"]["jobTemplate"]
        return _job(cronjob, component, template.get("metadata") or {}, template["spec"])
    jobs = release.cluster.find("jobs", selector)
    if not jobs:
        raise NotFoundError(
            f"The release {release.name} has no job {component!r} to start again; finished ones "
            "are deleted after a day. Nothing was started. `helm upgrade "
            f"{release.name} CHART --reset-then-reuse-values --set jobs.{component}.enabled=true` "
            "makes it."
        )
    latest = max(jobs, key=lambda each: str(each["metadata"].get("creationTimestamp", "")))
    return _job(latest, component, latest["metadata"], _repeatable(latest["spec"]))


def _job(source: Object, component: str, metadata: Object, spec: Object) -> Object:
    """A Job like its source, with a name of its own."""
    suffix = f"-{component}-{secrets.token_hex(3)}"
    before = str(source["metadata"]["name"]).partition(f"-{component}")[0]
    name = before[: _LONGEST_NAME - len(suffix)] + suffix
    labels = metadata.get("labels") or source["metadata"].get("labels") or {}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "labels": _without(labels, _OWN_LABELS),
            "annotations": {"cronjob.kubernetes.io/instantiate": "manual"},
        },
        "spec": spec,
    }


def _repeatable(spec: Object) -> Object:
    """A finished Job's specification without what made it that one."""
    template = dict(spec["template"])
    metadata = dict(template.get("metadata") or {})
    metadata["labels"] = _without(metadata.get("labels") or {}, _OWN_LABELS)
    template["metadata"] = metadata
    kept = _without(spec, ("selector", "manualSelector", "suspend"))
    return kept | {"template": template}


def _without(values: Object, names: tuple[str, ...]) -> Object:
    return {name: value for name, value in values.items() if name not in names}


def job_state(job: Object) -> str:
    """``complete``, ``failed``, ``suspended`` or ``running``."""
    for condition in job.get("status", {}).get("conditions") or []:
        if condition["status"] == "True" and condition["type"] in ("Complete", "Failed"):
            return str(condition["type"]).lower()
    return "suspended" if job["spec"].get("suspend") else "running"


def follow_job(cluster: Cluster, name: str) -> Iterator[bytes]:
    """The log of a job, step after step as it grows, to its end.

    Raises ClusterError when the job failed.
    """
    followed: set[tuple[str, str, int]] = set()
    while True:
        job = cluster.get("jobs", name)
        for pod in cluster.find("pods", f"batch.kubernetes.io/job-name={name}"):
            for container, restarts in steps_run(pod):
                step = (str(pod["metadata"]["name"]), container, restarts)
                if step not in followed:
                    followed.add(step)
                    yield from cluster.log(step[0], container, follow=True, tail=None)
        state = job_state(job)
        if state == "complete":
            return
        if state == "failed":
            raise ClusterError(
                f"The job {name} failed. A load changes everything or nothing. Its log says why: "
                f"`palate k8s logs {name}`."
            )
        time.sleep(_POLL)
