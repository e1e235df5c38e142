"""The route class of every endpoint: the key, the parameters' names and the body's size come first,
then a place in line, then the endpoint.

What a route needs and takes is read from the OpenAPI document, so that what is documented is
what is enforced: ``x-scope`` names the key's scope, ``parameters`` all that may be in the query,
``x-line`` what it waits with, ``x-max-body`` the bytes of its body.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from rapidfuzz import process
from starlette.requests import Request
from starlette.responses import Response

from serve.api.keys import Scope
from serve.api.lines import Kind
from serve.api.middleware import BODY, KEY_NAME
from serve.api.problems import (
    BodyTooLargeError,
    BodyTooSlowError,
    ClientLeftError,
    FieldError,
    InvalidRequestError,
    UnsupportedMediaTypeError,
    documented,
)
from serve.api.services import Services, services

_MAX_PARAMETERS = 200
_ALIKE = 60.0
_Handler = Callable[[Request], Coroutine[Any, Any, Response]]
Model = TypeVar("Model", bound=BaseModel)


def scoped(
    scope: Scope,
    *problems: int,
    line: Kind | None = "search",
    body: type[BaseModel] | None = None,
    max_body: int = 0,
) -> Any:
    """Keyword arguments of a route that needs ``scope`` and may answer with ``problems``.

    Its ``body`` has at most ``max_body`` bytes, and ``read_body`` is how it gets it.
    """
    extra: dict[str, Any] = {"x-scope": scope, "security": [{"bearer": []}, {"header": []}]}
    if line is not None:
        extra["x-line"] = line
    if body is not None:
        problems = (*problems, 408, 413, 415)
        schema = {"$ref": f"#/components/schemas/{body.__name__}"}
        extra["x-max-body"] = max_body
        extra["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema}},
        }
    responses = documented(401, 403, 414, 421, 422, 500, 503, 504, *problems)
    return {"responses": dict(sorted(responses.items())), "openapi_extra": extra}


class GuardedRoute(APIRoute):
    """A route that lets nobody come further than they may, and takes bodies only from those."""

    def get_route_handler(self) -> _Handler:
        handle = super().get_route_handler()
        extra = self.openapi_extra or {}
        scope: Scope | None = extra.get("x-scope")
        line: Kind | None = extra.get("x-line")
        max_body: int | None = extra.get("x-max-body")
        known: dict[str, bool] | None = None

        async def guarded(request: Request) -> Response:
            nonlocal known
            found = services(request)
            if scope is not None:
                request.scope[KEY_NAME] = found.guard.authorize(request.headers, scope)
            values: list[str] = []
            if query := request.scope["query_string"]:
                if known is None:
                    known = _parameters(request.app, self.path_format, request.method)
                values = check_names(query, known)
            if max_body is not None:
                check_media_type(request.headers.get("content-type", ""))
                request.scope[BODY] = await _receive_body(request, max_body)
            if line is None:
                return await handle(request)
            kind = "patient" if _waits_for_model(found, self.name, values) else line
            return await found.lines[kind].serve(request.receive, lambda: handle(request))

        return guarded


def read_body(request: Request, model: type[Model]) -> Model:
    """The body as ``model``; for threads, since it may be large.

    Raises InvalidRequestError.
    """
    try:
        return model.model_validate_json(request.scope[BODY])
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        raise InvalidRequestError.of_validation(found, "body") from error


def _waits_for_model(found: Services, name: str, values: list[str]) -> bool:
    """Whether a language model has to answer before this request is."""
    return "llm" in values or (name == "ask" and found.model is not None)


async def _receive_body(request: Request, limit: int) -> bytes:
    settings = services(request).settings
    limit = min(limit, settings.max_body_bytes)
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > limit:
        raise _too_large(limit)
    try:
        async with asyncio.timeout(settings.body_timeout):
            return await _read(request, limit)
    except TimeoutError as error:
        raise BodyTooSlowError(
            f"The body did not come within {settings.body_timeout:g} s. Nothing was done."
        ) from error


async def _read(request: Request, limit: int) -> bytes:
    body, more = b"", True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientLeftError("The client went away before all of the body had come.")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > limit:
            raise _too_large(limit)
    return body


def _too_large(limit: int) -> BodyTooLargeError:
    return BodyTooLargeError(f"The body may have at most {limit} bytes here. Nothing was done.")


def check_media_type(content_type: str) -> None:
    """Raise UnsupportedMediaTypeError unless the body is said to be JSON."""
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedMediaTypeError(
            "The body must be JSON and say so: `Content-Type: application/json`. Nothing was done."
        )


def check_names(query: bytes, known: Mapping[str, bool]) -> list[str]:
    """The values of a query; its names are checked.

    Raises InvalidRequestError for a parameter that is unknown, or given twice in vain. ``known``
    says of each parameter whether it may be repeated.
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
    return [value for _, value in pairs]


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
