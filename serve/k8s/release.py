"""What a release of Palate's chart is made of: its service, its database, its Secrets."""

import base64
from dataclasses import dataclass, field
from typing import Literal

from palate.errors import ClusterError, MisuseError, NotFoundError, PalateError
from serve.k8s.cluster import Cluster, Object
from serve.k8s.forward import Target

Role = Literal["read", "app", "owner"]

DATABASE = "paradedb"
"""What the chart calls its database cluster unless told otherwise."""

_NAME = "app.kubernetes.io/name"
_INSTANCE = "app.kubernetes.io/instance"
_COMPONENT = "app.kubernetes.io/component"
_KEYS_FILE, _READ_KEY = "keys.txt", "read-key"  # entries of the Secret with the API's keys


@dataclass(frozen=True)
class Release:
    """An installed chart in its namespace."""

    cluster: Cluster
    name: str

    @property
    def selector(self) -> str:
        """The labels of everything that belongs to it."""
        return f"{_NAME}=palate,{_INSTANCE}={self.name}"

    def component(self, name: str) -> str:
        """The labels of one part of it."""
        return f"{self.selector},{_COMPONENT}={name}"


@dataclass(frozen=True)
class Login:
    """How to reach the database, and the role to take there; None: the user's own."""

    target: Target
    user: str
    database: str
    role: str | None
    password: str = field(repr=False)


def find_release(cluster: Cluster, name: str | None = None) -> Release:
    """The release of this name, or the only one. Raises NotFoundError and MisuseError."""
    found = _instances(cluster.find("services", f"{_NAME}=palate"))
    if name is not None and name in found:
        return Release(cluster, name)
    if name is None and len(found) == 1:
        return Release(cluster, found.pop())
    if name is None and found:
        raise MisuseError(
            f"There are {len(found)} releases of Palate in namespace {cluster.namespace}: "
            f"{', '.join(sorted(found))}. Nothing was done. Choose one with --release."
        )
    what = f"release {name!r} of Palate" if name else "release of Palate"
    raise NotFoundError(
        f"There is no {what} in namespace {cluster.namespace}. Nothing was done. "
        f"{_elsewhere(cluster, name)}"
    )


def _instances(objects: list[Object]) -> set[str]:
    labels = (each["metadata"].get("labels") or {} for each in objects)
    return {str(each[_INSTANCE]) for each in labels if _INSTANCE in each}


def _elsewhere(cluster: Cluster, name: str | None) -> str:
    """Where a release is, as far as this person may look."""
    selector = f"{_NAME}=palate" + (f",{_INSTANCE}={name}" if name else "")
    try:
        found = cluster.find("services", selector, everywhere=True)
    except PalateError:
        found = []
    spaces = sorted({str(each["metadata"]["namespace"]) for each in found})
    if spaces:
        return f"There is one in: {', '.join(spaces)}. Choose it with --namespace."
    return "Is it the right --context and --namespace? `helm install` makes one."


def find_api(release: Release) -> Target:
    """The service of the HTTP API. Raises NotFoundError."""
    services = release.cluster.find("services", release.selector)
    named = [each for each in services if _label(each, _COMPONENT) == "api"]
    for service in named or services:
        if service["spec"].get("clusterIP") != "None":
            return Target(str(service["metadata"]["name"]), "http" if _has_http(service) else None)
    raise NotFoundError(f"The release {release.name} has no service. Nothing was done.")


def _has_http(service: Object) -> bool:
    return any(port.get("name") == "http" for port in service["spec"].get("ports") or [])


def _label(each: Object, name: str) -> str | None:
    value = (each["metadata"].get("labels") or {}).get(name)
    return None if value is None else str(value)


def find_database(release: Release, name: str | None = None) -> Object:
    """The database cluster of a release, or the one of this name.

    Raises NotFoundError where the release uses a database outside Kubernetes.
    """
    if name is None:
        owned = release.cluster.postgres_clusters(f"{_INSTANCE}={release.name}")
        if len(owned) > 1:
            names = ", ".join(str(each["metadata"]["name"]) for each in owned)
            raise MisuseError(
                f"The release {release.name} has {len(owned)} database clusters: {names}. "
                "Nothing was done. Choose one with --cluster."
            )
        if owned:
            return owned[0]
    try:
        return release.cluster.postgres_cluster(name or DATABASE)
    except NotFoundError as error:
        raise NotFoundError(
            f"There is no database cluster {name or DATABASE} in namespace "
            f"{release.cluster.namespace}. Nothing was done. Name it with --cluster; a database "
            "outside is reached with `palate --database-url URL db psql`."
        ) from error


def find_login(release: Release, role: Role = "read", database: str | None = None) -> Login:
    """The address, role and password of the release's database.

    Names of Secrets come from the cluster's own specification: of the roles it declares, and of
    the owner that the operator makes. A role without a login of its own is taken by the owner's.
    Raises ClusterError and NotFoundError.
    """
    found = find_database(release, database)
    owner, owner_secret = _owner(found)
    user = f"palate_{role}"
    name = _declared_logins(found).get(user)
    taken = None if name or role == "owner" or user == owner else user
    secret = read_secret(release.cluster, name or owner_secret)
    if "password" not in secret:
        raise ClusterError(
            f"The Secret {name or owner_secret} has no password. Nothing was done. It is of the "
            "type kubernetes.io/basic-auth, with username and password."
        )
    return Login(
        Target(f"{found['metadata']['name']}-rw"),
        secret.get("username") or (user if name else owner),
        str(secret.get("dbname") or _initdb(found).get("database") or "app"),
        taken,
        secret["password"],
    )


def _declared_logins(database: Object) -> dict[str, str]:
    """The Secret of each role that the cluster declares and that may log in."""
    roles = (database["spec"].get("managed") or {}).get("roles") or []
    secrets = {role["name"]: (role.get("passwordSecret") or {}).get("name") for role in roles}
    logins = {role["name"] for role in roles if role.get("login")}
    return {str(name): str(secret) for name, secret in secrets.items() if secret and name in logins}


def _owner(database: Object) -> tuple[str, str]:
    """The owner of the database and the Secret that the operator makes for it, or was given."""
    initdb = _initdb(database)
    owner = str(initdb.get("owner") or initdb.get("database") or "app")
    given = (initdb.get("secret") or {}).get("name")
    return owner, str(given or f"{database['metadata']['name']}-app")


def _initdb(database: Object) -> Object:
    found: Object = (database["spec"].get("bootstrap") or {}).get("initdb") or {}
    return found


def read_secret(cluster: Cluster, name: str) -> dict[str, str]:
    """A Secret's values as text."""
    data = cluster.get("secrets", name).get("data") or {}
    return {str(key): base64.b64decode(value).decode() for key, value in data.items()}


def find_api_key(release: Release) -> str | None:
    """The ``read-key`` of the Secret with the API's keys; None where there is no such Secret.

    Raises ClusterError where there is one without that entry.
    """
    secrets = _key_secrets(release)
    for name in secrets:
        key = read_secret(release.cluster, name).get(_READ_KEY, "").strip()
        if key:
            return key
    if secrets:
        raise ClusterError(
            f"The Secret {secrets[0]} has no {_READ_KEY}: it holds only hashes of keys. Nothing "
            "was searched. Give a key with PALATE_API_KEY or --key, or add a read key to it."
        )
    return None


def _key_secrets(release: Release) -> list[str]:
    """Names of the Secrets that the API's pods mount a keys file from."""
    names: list[str] = []
    for deployment in release.cluster.find("deployments", release.component("api")):
        volumes = deployment["spec"]["template"]["spec"].get("volumes") or []
        for volume in volumes:
            for source in (volume, *((volume.get("projected") or {}).get("sources") or [])):
                secret = source.get("secret") or {}
                name = secret.get("secretName") or secret.get("name")
                if name and _has_keys(secret):
                    names.append(str(name))
    return list(dict.fromkeys(names))


def _has_keys(secret: Object) -> bool:
    """Whether a mounted Secret is that of the API's keys: all of it, or its keys file."""
    items = secret.get("items")
    return not items or any(item["key"] == _KEYS_FILE for item in items)
