"""What API servers accept: manifests against the schemas of every supported version."""

import json
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
from referencing import Registry, Resource

from tests.kubernetes.charts import Manifest, read_json
from tests.kubernetes.values import KUBERNETES

SCHEMAS = Path(__file__).parent / "schemas"
NEWEST = int(kubernetes_validate.latest_version().split(".")[1])
VERSIONS = tuple(f"1.{minor}" for minor in range(30, NEWEST + 1))
"""Every Kubernetes that is supported and whose schemas are known."""


def validate(manifest: Manifest, version: str) -> None:
    """Check a manifest as strictly as the API server would. Raises ValidationError."""
    own = (SCHEMAS / f"{manifest['kind']}.json").exists()  # of an operator, whatever the version
    _validate(json.dumps(manifest), "" if own else version)


def validate_everywhere(manifest: Manifest) -> None:
    """The same for every version; one that only adds to what the one before takes is left out."""
    kind, api_version = manifest["kind"], manifest["apiVersion"]
    for before, version in pairwise(("", *VERSIONS)):
        if not before or not only_adds(kind, api_version, before, version):
            validate(manifest, version)


@cache
def only_adds(kind: str, api_version: str, before: str, after: str) -> bool:
    """Whether a version takes everything of a kind that another takes."""
    if (SCHEMAS / f"{kind}.json").exists():
        return True  # it is the same one
    known, others = _known(before), _known(after)
    seen: set[str] = set()

    def takes(old: Any, new: Any) -> bool:
        if isinstance(old, dict) and isinstance(new, dict):
            return all(_takes(word, old.get(word), new.get(word)) for word in {*old, *new})
        return bool(old == new)

    def _takes(word: str, old: Any, new: Any) -> bool:
        if word in ("description", "default", "format", "$schema", "$id") or word[:2] == "x-":
            return True
        if word == "properties":
            return all(name in new and takes(each, new[name]) for name, each in old.items())
        if word == "required":
            return set(new or ()) <= set(old or ())
        if word == "$ref" and old == new:
            name = old.rpartition("/")[2]
            if name in seen:
                return True
            seen.add(name)
            return takes(known[name], others.get(name))
        return takes(old, new)

    return takes(_schema_of(kind, api_version, before), _schema_of(kind, api_version, after))


@cache
def _known(version: str) -> dict[str, Any]:
    read = read_json(KUBERNETES / f"v{version}.0-local-strict" / "_definitions.json")
    found: dict[str, Any] = read["$defs"]
    return found


@cache
def _validate(text: str, version: str) -> None:
    manifest: Manifest = json.loads(text)
    _validator(manifest["kind"], manifest["apiVersion"], version).validate(manifest)


@cache
def _validator(kind: str, api_version: str, version: str) -> jsonschema.Draft202012Validator:
    """Checks a kind, and refuses fields that it does not have."""
    if not version:
        return jsonschema.Draft202012Validator(read_json(SCHEMAS / f"{kind}.json"))
    schema = _schema_of(kind, api_version, version)
    return jsonschema.Draft202012Validator(schema, registry=_definitions(version))


def _schema_of(kind: str, api_version: str, version: str) -> Any:
    group, _, number = api_version.rpartition("/")
    names = (kind.lower(), group.partition(".")[0], number)
    file = "-".join(filter(None, names)) + ".json"
    return read_json(KUBERNETES / f"v{version}.0-local-strict" / file)


@cache
def _definitions(version: str) -> "Registry[Any]":
    definitions = read_json(KUBERNETES / f"v{version}.0-local-strict" / "_definitions.json")
    return Resource.from_contents(definitions) @ Registry()
