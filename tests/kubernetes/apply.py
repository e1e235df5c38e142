"""What Helm and an API server do with manifests at upgrades and rollbacks, as far as it matters.

A server that knows which fields of living objects never change, and a Helm that creates, patches
three ways, deletes, keeps, and runs hooks, in Helm's order: a failure halfway leaves what is done
by then.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.kubernetes.charts import Manifest

Key = tuple[str, str]

_ORDER = (
    *("NetworkPolicy", "PodDisruptionBudget", "ServiceAccount", "ConfigMap", "Role", "RoleBinding"),
    *("Service", "Pod", "Deployment", "HorizontalPodAutoscaler", "Job", "CronJob", "Ingress"),
)
"""The kinds as Helm makes them; kinds that it does not know are last."""
_IMMUTABLE: dict[str, tuple[str, ...]] = {
    "Job": ("spec.template", "spec.selector", "spec.completions"),
    "Deployment": ("spec.selector",),
    "RoleBinding": ("roleRef",),
    "Pooler": ("spec.cluster",),
    "ScheduledBackup": ("spec.cluster",),
    "Cluster": ("spec.postgresUID", "spec.postgresGID", "spec.storage.storageClass"),
}
_SIZES = {"Mi": 1, "Gi": 1024, "Ti": 1024 * 1024}


class RefusedError(Exception):
    """What the API server says."""


def at(found: Any, path: str) -> Any:
    """The value at a dotted path; None where there is none."""
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


@dataclass
class Server:
    """Objects as they live. ``refuses`` is asked of each object that is made or changed."""

    objects: dict[Key, Manifest] = field(default_factory=dict)
    refuses: Callable[[Manifest], bool] = lambda _: False
    made: list[Key] = field(default_factory=list)

    def create(self, manifest: Manifest) -> None:
        """Make an object, with what the server adds to it."""
        self._check(manifest)
        living = manifest
        if living["kind"] == "Job":
            living = copy.deepcopy(manifest)
            labels = {"batch.kubernetes.io/controller-uid": str(len(self.made))}
            living["spec"]["selector"] = {"matchLabels": labels}
            living["spec"]["template"]["metadata"]["labels"] |= labels
        self.objects[key_of(manifest)] = living
        self.made.append(key_of(manifest))

    def patch(self, original: Manifest, target: Manifest) -> None:
        """Change an object by what differs between two manifests of it."""
        self._check(target)
        living = self.objects[key_of(target)]
        wanted = merged(original, target, living)
        for path in _IMMUTABLE.get(target["kind"], ()):
            if at(living, path) != at(wanted, path):
                raise RefusedError(f"{' '.join(key_of(target))}: {path}: field is immutable")
        if target["kind"] == "Cluster":
            _check_cluster(living, wanted)
        self.objects[key_of(target)] = wanted

    def _check(self, manifest: Manifest) -> None:
        if self.refuses(manifest):
            raise RefusedError(f"{' '.join(key_of(manifest))}: refused")


def _check_cluster(living: Manifest, wanted: Manifest) -> None:
    """What the operator's webhook refuses."""
    for volume in ("storage", "walStorage"):
        before, after = at(living, f"spec.{volume}.size"), at(wanted, f"spec.{volume}.size")
        if before and (not after or _mebibytes(after) < _mebibytes(before)):
            raise RefusedError(f"Cluster: spec.{volume} can't shrink from {before} to {after}")
    image = at(living, "spec.imageName") != at(wanted, "spec.imageName")
    if image and at(living, "spec.postgresql") != at(wanted, "spec.postgresql"):
        raise RefusedError("Cluster: can't change image name and configuration at the same time")


def _mebibytes(size: str) -> float:
    return float(size[:-2]) * _SIZES[size[-2:]]


def key_of(manifest: Manifest) -> Key:
    """Kind and name."""
    return manifest["kind"], manifest["metadata"]["name"]


def merged(original: Any, target: Any, living: Any) -> Any:
    """The living value with the target's fields, and without those that only the original has.

    What it returns may be part of what it was given: nobody changes objects in place.
    """
    if target == living or not (isinstance(target, dict) and isinstance(living, dict)):
        return target
    before = original if isinstance(original, dict) else {}
    kept = {name: each for name, each in living.items() if name in target or name not in before}
    return kept | {
        name: merged(before.get(name), each, living.get(name)) for name, each in target.items()
    }


@dataclass
class Helm:
    """One release and its revisions: what was rendered for each."""

    server: Server
    revisions: list[list[Manifest]] = field(default_factory=list)

    def install(self, manifests: list[Manifest], *, atomic: bool = False) -> None:
        """Raises RefusedError; ``atomic``: uninstalls first what is there by then."""
        self.revisions.append(manifests)
        try:
            self._apply([], objects(manifests))
            self._run_hooks(manifests, "post-install")
        except RefusedError:
            if atomic:
                self.uninstall()
            raise

    def upgrade(self, manifests: list[Manifest], *, atomic: bool = False) -> None:
        """Raises RefusedError; ``atomic``: after a rollback to the revision before."""
        before = len(self.revisions)
        self.revisions.append(manifests)
        try:
            self._apply(objects(self.revisions[before - 1]), objects(manifests))
            self._run_hooks(manifests, "post-upgrade")
        except RefusedError:
            if atomic:
                self.rollback(before)
            raise

    def rollback(self, revision: int) -> None:
        """To a revision, counted from 1: what was rendered then is applied again."""
        manifests = self.revisions[revision - 1]
        current = objects(self.revisions[-1])
        self.revisions.append(manifests)
        self._apply(current, objects(manifests))
        self._run_hooks(manifests, "post-rollback")

    def uninstall(self) -> None:
        """Delete what the last revision has, unless it is to be kept."""
        for each in objects(self.revisions[-1]):
            if not is_kept(each):
                self.server.objects.pop(key_of(each), None)

    def _apply(self, current: list[Manifest], target: list[Manifest]) -> None:
        known = {key_of(each): each for each in current}
        for each in target:
            living = self.server.objects.get(key_of(each))
            if living is None:
                self.server.create(each)
            else:  # what the revision before does not have is compared with what lives
                self.server.patch(known.get(key_of(each), living), each)
        for each in current:
            if key_of(each) not in map(key_of, target) and not is_kept(each):
                self.server.objects.pop(key_of(each), None)

    def _run_hooks(self, manifests: list[Manifest], event: str) -> None:
        for each in manifests:
            if event in hooks_of(each):
                self.server.objects.pop(key_of(each), None)  # before-hook-creation
                self.server.create(each)


def hooks_of(manifest: Manifest) -> list[str]:
    """When Helm makes it beside the release; empty for what is part of it."""
    hook = (manifest["metadata"].get("annotations") or {}).get("helm.sh/hook", "")
    return [each for each in str(hook).split(",") if each]


def is_kept(manifest: Manifest) -> bool:
    """Whether Helm leaves it when it goes from the release."""
    annotations = manifest["metadata"].get("annotations") or {}
    return bool(annotations.get("helm.sh/resource-policy") == "keep")


def objects(manifests: list[Manifest]) -> list[Manifest]:
    """What is part of a release, in the order in which Helm makes it."""
    order = {kind: place for place, kind in enumerate(_ORDER)}
    found = [each for each in manifests if not hooks_of(each)]
    return sorted(found, key=lambda each: order.get(each["kind"], len(order)))
