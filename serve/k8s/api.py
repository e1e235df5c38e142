"""A search over HTTP, on a local port that leads to the API."""

from typing import Any

import httpx
from pydantic import ValidationError

from palate.contract import SearchResponse
from palate.errors import ClusterError, MisuseError
from serve.k8s.forward import LOOPBACK

_TIMEOUT = 30.0


def ask(port: int, asked: dict[str, Any], key: str | None) -> SearchResponse:
    """The API's answer. Raises ClusterError, and MisuseError for what the API refuses."""
    given = {name: value for name, value in asked.items() if value is not None}
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        answer = httpx.get(
            f"http://{LOOPBACK}:{port}/v1/search",
            params=given,
            headers=headers,
            timeout=_TIMEOUT,
            trust_env=False,  # a proxy is for other machines
        )
    except httpx.HTTPError as error:
        raise ClusterError(
            f"The API does not answer through the port-forward ({error}). Nothing was searched. "
            "`palate k8s status` and `palate k8s logs` show why."
        ) from error
    if answer.is_error:
        raise _refused(answer)
    try:
        return SearchResponse.model_validate_json(answer.content)
    except ValidationError as error:
        raise ClusterError(
            "The API in the cluster answers as another version of Palate does. Its answer is not "
            "shown. Use the version that `palate k8s status` names."
        ) from error


def _refused(answer: httpx.Response) -> ClusterError | MisuseError:
    try:
        reason = str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        reason = answer.text.strip() or answer.reason_phrase
    if answer.status_code in (401, 403):
        return ClusterError(
            f"The API refuses the key: {reason} Give another with --key or PALATE_API_KEY."
        )
    if answer.status_code < 500:
        return MisuseError(reason)
    return ClusterError(f"The API answers {answer.status_code}: {reason}")
