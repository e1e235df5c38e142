"""What runs of a release: its versions, pods, jobs and database."""

from dataclasses import dataclass
from datetime import UTC, datetime

from palate.errors import NotFoundError, PalateError
from serve.k8s.cluster import Object, labels_of
from serve.k8s.forward import is_ready, state
from serve.k8s.jobs import job_state
from serve.k8s.release import COMPONENT, Release, find_database


@dataclass(frozen=True)
class PodStatus:
    """One pod; ``started`` is when it was made."""

    name: str
    component: str
    ready: bool
    state: str
    restarts: int
    started: str
    image: str


@dataclass(frozen=True)
class JobStatus:
    """One job: ``complete``, ``failed``, ``suspended`` or ``running``."""

    name: str
    component: str
    state: str
    started: str


@dataclass(frozen=True)
class DatabaseStatus:
    """The database cluster as its operator sees it."""

    name: str
    phase: str
    ready: bool
    instances: int
    ready_instances: int
    primary: str | None
    image: str | None


@dataclass(frozen=True)
class ReleaseStatus:
    """A release; ``database_note`` says why there is no ``database``.

    ``database_seen`` is False where this person may not look at it.
    """

    release: str
    namespace: str
    chart: str | None
    version: str | None
    pods: tuple[PodStatus, ...]
    jobs: tuple[JobStatus, ...]
    database: DatabaseStatus | None
    database_note: str | None
    database_seen: bool

    @property
    def healthy(self) -> bool:
        """Whether searches are known to be answered: an API pod and the database are ready."""
        api = [pod for pod in self.pods if pod.component == "api"]
        database = self.database.ready if self.database else self.database_seen
        return any(pod.ready for pod in api) and database


def release_status(release: Release, database: str | None = None) -> ReleaseStatus:
    """Look at a release. ``database``: the name of its database cluster, if it is not found."""
    cluster = release.cluster
    pods = cluster.find("pods", release.selector)
    services = cluster.find("services", release.selector)
    found, note, seen = None, None, True
    try:
        found = _database(release, database)
    except NotFoundError as error:
        note = str(error).partition(". ")[0]
    except PalateError as error:
        note, seen = str(error).replace(" Nothing was done.", ""), False
    return ReleaseStatus(
        release=release.name,
        namespace=cluster.namespace,
        chart=_first_label(services, "helm.sh/chart"),
        version=_first_label(services, "app.kubernetes.io/version"),
        pods=(*map(_pod, pods), *(_database_pods(release, found) if found else ())),
        jobs=tuple(map(_job, cluster.find("jobs", release.selector))),
        database=found,
        database_note=note,
        database_seen=seen,
    )


def age(since: str, now: datetime | None = None) -> str:
    """How long ago a time of the API was, as ``45s``, ``12m``, ``3h`` or ``8d``."""
    then = datetime.fromisoformat(since.replace("Z", "+00:00"))
    seconds = max(0, int(((now or datetime.now(UTC)) - then).total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _database(release: Release, name: str | None) -> DatabaseStatus:
    found = find_database(release, name)
    status = found.get("status") or {}
    conditions = status.get("conditions") or []
    return DatabaseStatus(
        name=str(found["metadata"]["name"]),
        phase=str(status.get("phase", "not created yet")),
        ready=any(each["type"] == "Ready" and each["status"] == "True" for each in conditions),
        instances=int(found["spec"].get("instances", 1)),
        ready_instances=int(status.get("readyInstances", 0)),
        primary=status.get("currentPrimary"),
        image=status.get("image") or found["spec"].get("imageName"),
    )


def _database_pods(release: Release, database: DatabaseStatus) -> tuple[PodStatus, ...]:
    pods = release.cluster.find("pods", f"cnpg.io/cluster={database.name}")
    ours = {"app.kubernetes.io/part-of": "palate"}.items()
    return tuple(_pod(pod, "database") for pod in pods if not ours <= labels_of(pod).items())


def _pod(pod: Object, component: str | None = None) -> PodStatus:
    containers = pod.get("status", {}).get("containerStatuses") or []
    return PodStatus(
        name=str(pod["metadata"]["name"]),
        component=component or labels_of(pod).get(COMPONENT, ""),
        ready=is_ready(pod),
        state=state(pod),
        restarts=sum(int(each.get("restartCount", 0)) for each in containers),
        started=str(pod["metadata"].get("creationTimestamp", "")),
        image=str(next((each["image"] for each in pod["spec"].get("containers") or []), "")),
    )


def _job(job: Object) -> JobStatus:
    return JobStatus(
        name=str(job["metadata"]["name"]),
        component=labels_of(job).get(COMPONENT, ""),
        state=job_state(job),
        started=str(job["metadata"].get("creationTimestamp", "")),
    )


def _first_label(objects: list[Object], name: str) -> str | None:
    return next((label for each in objects if (label := labels_of(each).get(name))), None)
