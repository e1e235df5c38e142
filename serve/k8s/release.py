"""What a release of Palate's chart is made of: its service, its database, its Secrets."""

import base64
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from palate.errors import ClusterError, MisuseError, NotFoundError, PalateError
from serve.k8s.cluster import Cluster, Object, labels_of
from serve.k8s.forward import Target

Role = Literal["read", "app", "owner"]

_OURS = "app.kubernetes.io/part-of=palate"
_INSTANCE = "app.kubernetes.io/instance"
COMPONENT = "app.kubernetes.io/component"
_KEYS_FILE, _READ_KEY = "keys.txt", "read-key"  # entries of the Secret with the API's keys


@dataclass(frozen=True)
class Release:
    """An installed chart in its namespace."""

    cluster: Cluster
    name: str

    @property
    def selector(self) -> str:
        """The labels of everything that belongs to it."""
        return f"{_OURS},{_INSTANCE}={self.name}"

    def component(self, name: str) -> str:
        """The labels of one part of it."""
        return f"{self.selector},{COMPONENT}={name}"


@dataclass(frozen=True)
class Login:
    """How to reach the database, and the role to take there; None: the user's own.

    ``secret`` is the name of the Secret that the password is from.
    """

    target: Target
    user: str
    database: str
    role: str | None
    secret: str
    password: str = field(repr=False)


def find_release(cluster: Cluster, name: str | None = None) -> Release:
    """The release of this name, or the only one. Raises NotFoundError and MisuseError."""
    services = cluster.find("services", _OURS)
    found = {label for each in services if (label := labels_of(each).get(_INSTANCE))}
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


def _elsewhere(cluster: Cluster, name: str | None) -> str:
    """Where a release is, as far as this person may look."""
    selector = _OURS + (f",{_INSTANCE}={name}" if name else "")
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
    named = [each for each in services if labels_of(each).get(COMPONENT) == "api"]
    for service in named or services:
        if service["spec"].get("clusterIP") != "None":
            names = {port.get("name") for port in service["spec"].get("ports") or []}
            return Target(str(service["metadata"]["name"]), "http" if "http" in names else None)
    raise NotFoundError(f"The release {release.name} has no service. Nothing was done.")


@dataclass(frozen=True)
class _Wiring:
    """The database as the API's deployment reaches it."""

    cluster: str
    database: str
    owner_secret: str


def find_database(release: Release, name: str | None = None) -> Object:
    """The database cluster of a release, or the one of this name. Raises NotFoundError."""
    if name is None:
        name = _wiring(release).cluster
    return release.cluster.postgres_cluster(name)


def find_login(release: Release, role: Role = "read", database: str | None = None) -> Login:
    """The address, role and password of the release's database.

    Names of Secrets come from the release itself: from the roles that the database cluster
    declares, and from how the deployment migrates. A role without a login of its own is taken by
    the owner. Raises ClusterError and NotFoundError.
    """
    wiring = _wiring(release)
    cluster = database or wiring.cluster
    user = f"palate_{role}"
    declared = _declared_logins(find_database(release, cluster)).get(user)
    name = declared or wiring.owner_secret
    secret = read_secret(release.cluster, name)
    if not {"username", "password"} <= secret.keys():
        raise ClusterError(
            f"The Secret {name} lacks username or password. Nothing was done. It is of the type "
            "kubernetes.io/basic-auth."
        )
    return Login(
        Target(f"{cluster}-rw"),
        secret["username"],
        wiring.database,
        None if secret["username"] == user or role == "owner" else user,
        name,
        secret["password"],
    )


def _wiring(release: Release) -> _Wiring:
    """How the deployment reaches its database. Raises NotFoundError where that is elsewhere."""
    migrate = _environment(release, "initContainers")
    address = urlsplit(str(migrate.get("PALATE_DATABASE_URL", {}).get("value", "")))
    host = (address.hostname or "").partition(".")[0]
    owner = migrate.get("PGPASSWORD", {}).get("valueFrom", {}).get("secretKeyRef")
    if not host.endswith("-rw") or owner is None:
        raise NotFoundError(
            f"The release {release.name} uses a database outside this namespace. Nothing was "
            "done. Reach it by its own address: `palate --database-url URL db psql`."
        )
    return _Wiring(host.removesuffix("-rw"), address.path.lstrip("/"), str(owner["name"]))


def _environment(release: Release, containers: str) -> dict[str, Object]:
    """The environment of the deployment's first container, by variable."""
    for deployment in release.cluster.find("deployments", release.component("api")):
        for container in deployment["spec"]["template"]["spec"].get(containers) or []:
            return {str(each["name"]): each for each in container.get("env") or []}
    raise NotFoundError(
        f"The release {release.name} has no deployment. Nothing was done. `helm status "
        f"{release.name}` says how its installation went."
    )


def _declared_logins(database: Object) -> dict[str, str]:
    """The Secret of each role that the cluster declares and that may log in."""
    roles = (database["spec"].get("managed") or {}).get("roles") or []
    secrets = {role["name"]: (role.get("passwordSecret") or {}).get("name") for role in roles}
    logins = {role["name"] for role in roles if role.get("login")}
    return {str(name): str(secret) for name, secret in secrets.items() if secret and name in logins}


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
