"""A search over HTTP, on a local port that leads to the API."""

from typing import Any

import httpx
from pydantic import ValidationError

from palate.client import ApiError, Client, KeyRefusedError
from palate.contract import SearchResponse
from palate.errors import ClusterError, MisuseError
from serve.k8s.forward import LOOPBACK


def ask(port: int, asked: dict[str, Any], key: str | None) -> SearchResponse:
    """The API's answer. Raises ClusterError, and MisuseError for what the API refuses."""
    transport = httpx.HTTPTransport()  # a proxy is for other machines
    try:
        with Client(f"http://{LOOPBACK}:{port}", key, transport=transport) as api:
            return api.search(**asked)
    except KeyRefusedError as error:
        raise ClusterError(
            f"The API refuses the key: {error} Give another with --key or PALATE_API_KEY."
        ) from error
    except ApiError as error:
        if error.status is None:
            raise ClusterError(
                f"The API does not answer through the port-forward ({error}). Nothing was "
                "searched. `palate k8s status` and `palate k8s logs` show why."
            ) from error
        if error.status < 500:
            raise MisuseError(str(error)) from error
        raise ClusterError(f"The API answers {error.status}: {error}") from error
    except ValidationError as error:
        raise ClusterError(
            "The API in the cluster answers as another version of Palate does. Its answer is not "
            "shown. Use the version that `palate k8s status` names."
        ) from error
