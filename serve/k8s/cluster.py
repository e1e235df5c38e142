"""The Kubernetes API as Palate uses it: plain objects, and errors that say what to do.

Objects are the dictionaries of the API's own JSON, not the client's classes: those differ
between versions of the client, the API does not.
"""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from palate.errors import (
    ClusterError,
    ClusterForbiddenError,
    MisuseError,
    NotFoundError,
    NotInstalledError,
    PalateError,
)

Object = dict[str, Any]
Configuration = Any  # kubernetes.client.Configuration, which comes with the extra k8s

_TIMEOUT = (10.0, 30.0)  # seconds to connect, and to wait for the next bytes of an answer
_KINDS = {
    "services": ("CoreV1Api", "service"),
    "pods": ("CoreV1Api", "pod"),
    "secrets": ("CoreV1Api", "secret"),
    "deployments": ("AppsV1Api", "deployment"),
    "jobs": ("BatchV1Api", "job"),
    "cronjobs": ("BatchV1Api", "cron_job"),
}
_POSTGRES = {"group": "postgresql.cnpg.io", "version": "v1", "plural": "clusters"}
_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


class Cluster:
    """One namespace of one cluster, as the person's kubeconfig may see it."""

    def __init__(self, configuration: Configuration, namespace: str) -> None:
        import urllib3
        from kubernetes import client

        if not configuration.verify_ssl:  # said once, by the command, and not at each request
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        configuration.retries = 0  # a person waits, and is to know at once
        self.configuration = configuration
        self.namespace = namespace
        self._client = client.ApiClient(configuration)

    @classmethod
    def connect(
        cls, kubeconfig: str | None = None, context: str | None = None, namespace: str | None = None
    ) -> Self:
        """The cluster that the kubeconfig names; inside a pod without one, the pod's own.

        ``kubeconfig`` is one path or several, separated as in ``KUBECONFIG``. Nothing is asked of
        the cluster yet. Raises ClusterForbiddenError, where a login plugin gives no credentials,
        MisuseError and NotInstalledError.
        """
        try:
            import websockets  # noqa: F401, for port-forwards
            from kubernetes import client, config
        except ImportError as error:
            raise NotInstalledError(
                "The Kubernetes client is not installed. Nothing was done. Install it beside "
                "Palate with `pip install kubernetes websockets`, or in Palate's folder "
                "with `pip install '.[k8s]'`."
            ) from error
        found = client.Configuration()
        if not kubeconfig and not context and _NAMESPACE_FILE.exists():
            config.load_incluster_config(client_configuration=found)
            return cls(found, namespace or _NAMESPACE_FILE.read_text().strip())
        with _readable(kubeconfig):
            contexts, active = config.list_kube_config_contexts(kubeconfig)
            if context is not None:
                active = _named(contexts, context)
            with _heard() as words:
                config.load_kube_config(
                    kubeconfig, context=context, client_configuration=found, persist_config=False
                )
        if words and not (found.api_key or found.cert_file or found.username):
            raise _plugin_failed(found.host, " ".join(words))
        return cls(found, namespace or active["context"].get("namespace") or "default")

    def find(self, kind: str, selector: str = "", *, everywhere: bool = False) -> list[Object]:
        """Objects of a kind with these labels, by name; ``everywhere``: of all namespaces."""
        api, singular = _KINDS[kind]
        with self._explained("list", kind):
            method = f"list_{singular}_for_all_namespaces" if everywhere else None
            method = method or f"list_namespaced_{singular}"
            where = () if everywhere else (self.namespace,)
            found = self._call(api, method, *where, label_selector=selector)["items"]
            return sorted(found, key=lambda each: str(each["metadata"]["name"]))

    def get(self, kind: str, name: str) -> Object:
        """One object. Raises NotFoundError."""
        api, singular = _KINDS[kind]
        with self._explained("get", kind, name):
            return self._call(api, f"read_namespaced_{singular}", name, self.namespace)

    def postgres_cluster(self, name: str) -> Object:
        """One of CloudNativePG's database clusters. Raises NotFoundError."""
        with self._explained("get", "clusters.postgresql.cnpg.io", name):
            return self._call(
                "CustomObjectsApi",
                "get_namespaced_custom_object",
                namespace=self.namespace,
                name=name,
                **_POSTGRES,
            )

    def create_job(self, job: Object) -> Object:
        """Create a Job."""
        with self._explained("create", "jobs", job["metadata"]["name"]):
            return self._call("BatchV1Api", "create_namespaced_job", self.namespace, job)

    def log(
        self, pod: str, container: str | None = None, *, follow: bool = False, tail: int | None
    ) -> Iterator[bytes]:
        """A pod's log, a line at a time without its end; ``follow``: until the pod ends."""
        from kubernetes import client
        from urllib3.exceptions import HTTPError

        options: dict[str, Any] = {"container": container, "follow": follow, "tail_lines": tail}
        given = {name: value for name, value in options.items() if value is not None}
        with self._explained("get", "pods/log", pod):
            answer = client.CoreV1Api(self._client).read_namespaced_pod_log(
                pod, self.namespace, _preload_content=False, _request_timeout=(10, 86_400), **given
            )
            try:
                yield from _lines(answer.stream(amt=None, decode_content=False))
            except HTTPError as error:
                raise ClusterError(
                    f"The log of {pod} broke off ({_first(str(error))}). What is shown so far is "
                    "what it says. Ask again."
                ) from error
            finally:
                answer.close()

    def portforward_request(self, pod: str, port: int) -> tuple[str, dict[str, str]]:
        """The WebSocket address and the headers of a port-forward to a pod."""
        host = str(self.configuration.host).replace("http", "ws", 1)
        names = f"{quote(self.namespace, safe='')}/pods/{quote(pod, safe='')}"
        headers = {
            str(setting["key"]): str(setting["value"])
            for setting in self.configuration.auth_settings().values()
            if setting["in"] == "header"
        }
        return f"{host}/api/v1/namespaces/{names}/portforward?ports={port}", headers

    def _call(self, api: str, method: str, *arguments: object, **options: object) -> Object:
        from kubernetes import client

        call = getattr(getattr(client, api)(self._client), method)
        answer = call(*arguments, _preload_content=False, _request_timeout=_TIMEOUT, **options)
        found: Object = json.loads(answer.data)
        return found

    @contextmanager
    def _explained(self, verb: str, kind: str, name: str = "") -> Iterator[None]:
        """Turn what the API or the network says into an error that says what to do."""
        from kubernetes.client import ApiException
        from kubernetes.config import ConfigException
        from urllib3.exceptions import HTTPError

        try:
            yield
        except ApiException as error:
            reason = status_message(error.body) or str(error.reason or "")
            raise self.refused(error.status or 0, reason, verb, kind, name) from error
        except (HTTPError, ConfigException) as error:
            raise self.unreachable(error) from error

    def unreachable(self, error: Exception) -> ClusterError:
        """The error for a cluster that does not answer."""
        reason = getattr(error, "reason", None) or error
        return ClusterError(
            f"The cluster at {self.configuration.host} does not answer ({_first(str(reason))}). "
            "Nothing was done. Is it running, is a VPN needed, is it the right --context?"
        )

    def refused(self, status: int, reason: str, verb: str, kind: str, name: str) -> PalateError:
        """The error for what the API server refuses."""
        what = f"{kind} {name}".strip()
        if status == 401 or (status == 403 and "system:anonymous" in reason):
            return _not_logged_in(self.configuration.host, _first(reason))
        if status == 404:
            return NotFoundError(
                f"There is no {what} in namespace {self.namespace}. Nothing was done. "
                "`palate k8s status` shows what is there; --namespace looks elsewhere."
            )
        if status == 403:
            verbs = "get and create" if kind == "pods/portforward" else verb
            return ClusterForbiddenError(
                f"The cluster forbids it: {_first(reason) or 'no reason given'}. Nothing was done. "
                f"Ask for a role with the verb {verbs} on {kind} in namespace {self.namespace}."
            )
        return ClusterError(
            f"The cluster did not {verb} {what}: {_first(reason) or f'status {status}'}. "
            "Nothing was changed. Try again; `palate k8s status` shows what runs."
        )


@contextmanager
def _readable(kubeconfig: str | None) -> Iterator[None]:
    """Turn a kubeconfig that is missing or wrong into an error that says so."""
    from kubernetes.config import ConfigException
    from yaml import YAMLError

    try:
        yield
    except (ConfigException, YAMLError, OSError, TypeError, AttributeError) as error:
        where = kubeconfig or "~/.kube/config"
        raise MisuseError(
            f"There is no usable kubeconfig at {where} ({_first(str(error))}). Nothing was done. "
            "Name one with --kubeconfig or KUBECONFIG; `kubectl config view` shows what kubectl "
            "uses."
        ) from error


@contextmanager
def _heard() -> Iterator[list[str]]:
    """What the client logs meanwhile: where a login plugin fails it goes on without credentials."""
    words: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            words.extend(record.getMessage().split())

    root = logging.getLogger()
    others, root.handlers = root.handlers, [Listener(logging.ERROR)]
    try:
        yield words
    finally:
        root.handlers = others


def _plugin_failed(host: str, words: str) -> ClusterForbiddenError:
    install = "Install what it names, or log in" if "No such file" in words else "Log in"
    return ClusterForbiddenError(
        f"The login of the kubeconfig for {host} failed ({words.rstrip('.')}). Nothing was done. "
        f"{install} again as your provider says, or choose another --context."
    )


def _not_logged_in(host: str, words: str) -> ClusterForbiddenError:
    said = f" ({words.rstrip('.')})" if words else ""
    return ClusterForbiddenError(
        f"The cluster at {host} does not accept the credentials of the kubeconfig{said}. Nothing "
        "was done. Log in again as your provider says, or choose another --context."
    )


def _named(contexts: list[Object], name: str) -> Object:
    for context in contexts:
        if context["name"] == name:
            return context
    raise MisuseError(
        f"The kubeconfig has no context {name!r}. Nothing was done. It has: "
        f"{', '.join(sorted(context['name'] for context in contexts)) or 'none'}."
    )


def labels_of(found: Object) -> dict[str, str]:
    """The labels of an object, which may have none."""
    return found["metadata"].get("labels") or {}


def _lines(blocks: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for block in blocks:
        *whole, rest = (rest + block).split(b"\n")
        yield from whole
    if rest:
        yield rest


def status_message(body: object) -> str:
    """The ``message`` of a Status object; empty when the body is none."""
    text = body.decode(errors="replace") if isinstance(body, bytes) else str(body or "")
    try:
        status = json.loads(text)
    except ValueError:
        return ""
    return str(status.get("message", "")) if isinstance(status, dict) else ""


def _first(text: str) -> str:
    return next((line.strip().rstrip(".") for line in text.splitlines() if line.strip()), "")
