"""The route class of every endpoint: key first, then exact parameters, then the endpoint.

What a route needs and takes is read from the OpenAPI document, so that what is documented is
what is enforced: ``x-scope`` names the key's scope, ``parameters`` all that may be in the query.
"""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any
from urllib.parse import parse_qsl

from fastapi import FastAPI
from fastapi.routing import APIRoute
from rapidfuzz import process
from starlette.requests import Request
from starlette.responses import Response

from serve.api.keys import Scope
from serve.api.middleware import KEY_NAME
from serve.api.problems import (
    FieldError,
    InvalidRequestError,
    UnsupportedMediaTypeError,
    documented,
)
from serve.api.services import services

_MAX_PARAMETERS = 200
_ALIKE = 60.0
_Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def scoped(scope: Scope, *problems: int) -> Any:
    """Keyword arguments of a route that needs ``scope`` and may answer with ``problems``."""
    responses = documented(401, 403, 414, 421, 422, 500, 503, 504, *problems)
    return {
        "responses": dict(sorted(responses.items())),
        "openapi_extra": {"x-scope": scope, "security": [{"bearer": []}, {"header": []}]},
    }


class GuardedRoute(APIRoute):
    """A route that checks the API key and the names of the query parameters before all else."""

    def get_route_handler(self) -> _Handler:
        handle = super().get_route_handler()
        scope: Scope | None = (self.openapi_extra or {}).get("x-scope")
        takes_body = self.body_field is not None
        known: dict[str, bool] | None = None

        async def guarded(request: Request) -> Response:
            nonlocal known
            if scope is not None:
                guard = services(request).guard
                request.scope[KEY_NAME] = guard.authorize(request.headers, scope)
            if takes_body:
                check_media_type(request.headers.get("content-type", ""))
            if query := request.scope["query_string"]:
                if known is None:
                    known = _parameters(request.app, self.path_format, request.method)
                check_names(query, known)
            return await handle(request)

        return guarded


def check_media_type(content_type: str) -> None:
    """Raise UnsupportedMediaTypeError unless the body is said to be JSON."""
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedMediaTypeError(
            "The body must be JSON and say so: `Content-Type: application/json`. Nothing was done."
        )


def check_names(query: bytes, known: Mapping[str, bool]) -> None:
    """Raise InvalidRequestError for a parameter that is unknown, or given twice in vain.

    ``known`` says of each parameter whether it may be repeated.
    """
    try:
        pairs = parse_qsl(
            query.decode("latin-1"), keep_blank_values=True, max_num_fields=_MAX_PARAMETERS
        )
    except ValueError as error:
        raise InvalidRequestError.of(
            [FieldError(location="query", name=None, detail=f"more than {_MAX_PARAMETERS} fields")]
        ) from error
    errors, given = [], set()
    for name, _ in pairs:
        if name not in known:
            errors.append(FieldError(location="query", name=name, detail=_unknown(name, known)))
        elif name in given and not known[name]:
            errors.append(FieldError(location="query", name=name, detail="given more than once"))
        given.add(name)
    if errors:
        raise InvalidRequestError.of(errors)


def _unknown(name: str, known: Mapping[str, bool]) -> str:
    nearest = process.extractOne(name, list(known), score_cutoff=_ALIKE)
    if nearest is not None:
        return f"unknown parameter; did you mean {nearest[0]!r}"
    if known:
        return f"unknown parameter; known are {', '.join(sorted(known))}"
    return "unknown parameter; this path takes none"


def _parameters(app: FastAPI, path: str, method: str) -> dict[str, bool]:
    operation = app.openapi()["paths"][path][method.lower()]
    return {
        parameter["name"]: _is_list(parameter["schema"])
        for parameter in operation.get("parameters", [])
        if parameter["in"] == "query"
    }


def _is_list(schema: Mapping[str, Any]) -> bool:
    return any(s.get("type") == "array" for s in [schema, *schema.get("anyOf", [])])
