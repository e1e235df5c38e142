"""The route class of every endpoint: the key, the parameters' names and the body's size come first,
then a place in line, then the endpoint.

What a route needs and takes stands in the OpenAPI document, so that what is documented is what is
enforced: ``x-scope`` names the key's scope, ``x-line`` what it waits with, ``x-max-body`` the bytes
of its body.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import partial
from inspect import iscoroutinefunction
from typing import Any, TypeGuard, TypeVar, get_origin, get_type_hints
from urllib.parse import parse_qsl

import anyio.to_thread
from fastapi import params
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter, ValidationError
from rapidfuzz import process
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope as AsgiScope

from palate.contract import UNKNOWN_USER, MovieId, is_user_name
from palate.person import PERSON
from rerank.people import find_taste, find_user, name_user
from search.catalog import find_movie
from serve.api.keys import Scope
from serve.api.lines import Kind
from serve.api.middleware import BODY, CALLER, HEADERS, KEY_NAME
from serve.api.problems import (
    BodyTooLargeError,
    BodyTooSlowError,
    ClientLeftError,
    FieldError,
    InvalidRequestError,
    UnauthorizedError,
    UnsupportedMediaTypeError,
    documented,
)
from serve.api.services import Services, answer, services
from serve.api.tokens import Caller

LINES = "application/x-ndjson"
_LINES = (LINES, "application/jsonl", "application/jsonlines", "application/x-jsonlines")
_JSON = ("application/json", "application/merge-patch+json")
_MAX_PARAMETERS = 200
_USER, _MOVIE = "user_id", "movie_id"
_MAKING = ("PUT", "POST")
_ALIKE = 60.0
BODIES: dict[str, type[BaseModel]] = {}
"""What is sent to endpoints, by name, for the document."""

_Handler = Callable[[Request], Coroutine[Any, Any, Response]]
Model = TypeVar("Model", bound=BaseModel)


def scoped(
    scope: Scope,
    *problems: int,
    line: Kind | None = "search",
    body: type[BaseModel] | None = None,
    max_body: int = 0,
    lines: bool = False,
    own: bool = False,
) -> Any:
    """Keyword arguments of a route that needs ``scope`` and may answer with ``problems``.

    Its ``body`` has at most ``max_body`` bytes, and ``read_body`` is how it gets it; with ``lines``
    it is one a line, and the endpoint reads them as they come. ``own``: tokens of users are good
    here, too, where nothing says whom the request is about.
    """
    extra: dict[str, Any] = {"x-scope": scope, "security": [{"bearer": []}, {"header": []}]}
    if line is not None:
        extra["x-line"] = line
    if own:
        extra["x-own"] = True
    if body is not None:
        BODIES[body.__name__] = body
        problems = (*problems, 408, 413, 415)
        schema = {"$ref": f"#/components/schemas/{body.__name__}"}
        extra |= {"x-lines": True} if lines else {"x-max-body": max_body}
        extra["requestBody"] = {
            "required": True,
            "content": {LINES if lines else "application/json": {"schema": schema}},
        }
    responses = documented(401, 403, 414, 421, 422, 429, 500, 503, 504, *problems)
    return {"responses": dict(sorted(responses.items())), "openapi_extra": extra}


class GuardedRoute(APIRoute):
    """A route that lets nobody come further than they may, and takes bodies only from those.

    FastAPI finds it and documents it; its arguments are read here, since FastAPI asks again of
    every parameter at every request what it is: a third of what a search cost in Python.
    """

    guarded: _Handler

    def get_route_handler(self) -> _Handler:
        extra = self.openapi_extra or {}
        scope: Scope | None = extra.get("x-scope")
        line: Kind | None = extra.get("x-line")
        max_body: int | None = extra.get("x-max-body")
        arguments = Arguments(self.endpoint)
        call = _call_async if iscoroutinefunction(self.endpoint) else _call_in_thread

        async def guarded(request: Request) -> Response:
            found = services(request)
            caller = None
            if scope is not None:
                own = bool(extra.get("x-own")) or arguments.tells_of_user
                caller = admit(request, request.headers, scope, users=own)
            kind = "patient" if _waits_for_model(found, self.name, request.scope) else line
            if kind is not None:
                found.lines[kind].check()
            given, name = arguments.read(
                request.scope["path_params"], request.scope["query_string"], caller
            )
            if extra.get("x-lines"):
                check_media_type(request.headers.get("content-type", ""), _LINES)
            if max_body is not None:
                check_media_type(request.headers.get("content-type", ""))
                request.scope[BODY] = await receive_body(request, max_body)

            async def work() -> Response:
                if name is not None:
                    look = partial(_find_named, found, name, request.method, in_path=_USER in given)
                    arguments.put_user(given, await anyio.to_thread.run_sync(look))
                if arguments.numbers_movie:
                    find = partial(find_movie, found.database, given[_MOVIE])
                    given[_MOVIE] = await anyio.to_thread.run_sync(find)
                PERSON.set(arguments.user_of(given))
                return await call(self.endpoint, request, given)

            if kind is None:
                return await work()
            return await found.lines[kind].serve(request.receive, work)

        self.guarded = guarded
        return guarded


async def _call_in_thread(
    endpoint: Callable[..., Any], request: Request, given: Mapping[str, Any]
) -> Response:
    work = partial(endpoint, request, **given)
    return await anyio.to_thread.run_sync(lambda: _answer(request, work()))


async def _call_async(
    endpoint: Callable[..., Awaitable[Any]], request: Request, given: Mapping[str, Any]
) -> Response:
    return _answer(request, await endpoint(request, **given))


def _answer(request: Request, made: Response | BaseModel) -> Response:
    return made if isinstance(made, Response) else answer(request, made)


class Arguments:
    """What an endpoint takes besides the request: parts of the path, and one model of the query."""

    def __init__(self, endpoint: Callable[..., Any]) -> None:
        hints = get_type_hints(endpoint, include_extras=True)
        self._path: dict[str, TypeAdapter[Any]] = {}
        self._query: tuple[str, type[BaseModel]] | None = None
        self.numbers_movie = False
        """Whether the endpoint takes the number of a film, which any id of it may name."""
        for name, hint in hints.items():
            match getattr(hint, "__metadata__", ()):
                case (*_, params.Path()):
                    self.numbers_movie |= name == _MOVIE and hint.__origin__ is int
                    self._path[name] = TypeAdapter(MovieId if name == _MOVIE else hint)
                case (params.Query(), *_):
                    self._query = name, hint.__origin__
                case _ if name not in ("request", "return"):
                    raise TypeError(f"{endpoint.__name__}() takes a {name} that nobody reads")
        fields = self._query[1].model_fields if self._query else {}
        self._known = {
            name: get_origin(field.annotation) in (list, tuple) for name, field in fields.items()
        }

    @property
    def tells_of_user(self) -> bool:
        """Whether it is said whom the request is about, so that it can be held to one user."""
        return _USER in self._path or _USER in self._known

    def read(
        self, path: Mapping[str, str], query: bytes, caller: Caller | None = None
    ) -> tuple[dict[str, Any], str | None]:
        """The endpoint's arguments, and the name of the user where that is no number, which
        `put_user` then puts in; of a ``caller`` who is one user, about that one.

        Raises InvalidRequestError and ForbiddenError."""
        values = read_query(query, self._known) if query else {}
        if caller is not None and caller.user is not None:
            path = caller.own(path, {})
            values = caller.own(values, self._known)
        given_users = (path.get(_USER), values.get(_USER))
        called = next((who for who in given_users if _is_name(who)), None)
        if called is not None:
            unknown = {_USER: str(UNKNOWN_USER)}
            path = {**path, **unknown} if _USER in path else path
            values = {**values, **unknown} if _USER in values else values
        place = ""
        try:
            given = {}
            for place, adapter in self._path.items():
                given[place] = adapter.validate_python(path[place])
            if self._query:
                name, model = self._query
                place = ""
                given[name] = model.model_validate(values)
        except ValidationError as error:
            where = ("path", place) if place else ("query",)
            raise InvalidRequestError.of_validation(
                error.errors(include_url=False), *where
            ) from None
        return given, called

    def put_user(self, given: dict[str, Any], user_id: int) -> None:
        """Let the arguments be of this user."""
        if _USER in given:
            given[_USER] = user_id
        elif self._query:
            given[self._query[0]] = given[self._query[0]].model_copy(update={_USER: user_id})

    def user_of(self, given: Mapping[str, Any]) -> int | None:
        """The user whom the arguments name."""
        if _USER in given:
            return int(given[_USER])
        return getattr(given[self._query[0]], _USER, None) if self._query else None


def _is_name(who: object) -> TypeGuard[str]:
    return isinstance(who, str) and is_user_name(who)


def _find_named(found: Services, name: str, method: str, *, in_path: bool) -> int:
    """The user called so; one is made by what is sent to a path of theirs.

    Raises NotFoundError for a path of nobody's.
    """
    if in_path and method in _MAKING:
        return name_user(found.database, name)
    return find_user(found.database, name) if in_path else find_taste(found.database, name)


def read_body(request: Request, model: type[Model]) -> Model:
    """The body as ``model``; for threads, since it may be large.

    Raises InvalidRequestError.
    """
    try:
        given = json.loads(request.scope[BODY])
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError.of(
            [FieldError(location="body", name=None, detail=f"no JSON: {error}")]
        ) from error
    return read_given(request, given, model)


def read_given(request: Request, given: Any, model: type[Model]) -> Model:
    """A body, or what stands in one, as ``model``: about the user that the caller is, if one.

    Raises InvalidRequestError and ForbiddenError.
    """
    caller: Caller | None = request.scope.get(CALLER)
    if caller is not None and caller.user is not None:
        given = _own_body(caller, given, model)
    if isinstance(given, dict) and _is_name(name := given.get(_USER)):
        named = _find_named(services(request), name, request.method, in_path=False)
        given = {**given, _USER: named}
    try:
        read = model.model_validate(given)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        raise InvalidRequestError.of_validation(found, "body") from error
    except RecursionError as error:
        raise InvalidRequestError.of(
            [FieldError(location="body", name=None, detail=f"no JSON: {error}")]
        ) from error
    if (user_id := getattr(read, _USER, None)) is not None:
        PERSON.set(user_id)
    return read


def _own_body(caller: Caller, given: Any, model: type[BaseModel]) -> Any:
    """A body about the one user that the caller is, its lines too."""
    if not isinstance(given, dict):
        return given
    lines = given.get("feedback")
    if isinstance(lines, list):
        known = {_USER: None}
        owned = [caller.own(each, known) if isinstance(each, dict) else each for each in lines]
        return given | {"feedback": owned}
    return caller.own(given, model.model_fields)


def admit(
    request: Request, headers: Mapping[str, str], scope: Scope, *, users: bool = False
) -> Caller | None:
    """Who asks, if they may and not too often.

    Raises UnauthorizedError, ForbiddenError and TooManyRequestsError.
    """
    found = services(request)
    address = request.client.host if request.client else "local"
    try:
        caller = found.guard.authorize(headers, scope, users=users)
    except UnauthorizedError:
        found.limit.take(f"address {address}")
        raise
    name = None if caller is None else caller.name
    request.scope[KEY_NAME], request.scope[CALLER] = name, caller
    request.scope[HEADERS] = found.limit.take(f"key {name}" if name else f"address {address}")
    return caller


def _waits_for_model(found: Services, name: str, scope: AsgiScope) -> bool:
    """Whether a language model has to answer before this request is."""
    return b"=llm" in scope["query_string"] or (name == "ask" and found.model is not None)


async def receive_body(request: Request, limit: int) -> bytes:
    """The body, of at most so many bytes and within its time.

    Raises BodyTooLargeError, BodyTooSlowError and ClientLeftError.
    """
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


def check_media_type(content_type: str, known: Sequence[str] = _JSON) -> None:
    """Raise UnsupportedMediaTypeError unless the body is said to be of a type ``known``."""
    if content_type.partition(";")[0].strip().lower() not in known:
        raise UnsupportedMediaTypeError(
            f"The body must be JSON{'' if known is _JSON else ', a line each'} and say so: "
            f"`Content-Type: {known[0]}`. Nothing was done."
        )


def read_query(query: bytes, known: Mapping[str, bool]) -> dict[str, str | list[str]]:
    """The values of a query by name; lists where ``known`` says that a name may be repeated.

    Raises InvalidRequestError for a parameter that is unknown, or given twice in vain.
    """
    try:
        pairs = parse_qsl(
            query.decode("latin-1"), keep_blank_values=True, max_num_fields=_MAX_PARAMETERS
        )
    except ValueError as error:
        raise InvalidRequestError.of(
            [FieldError(location="query", name=None, detail=f"more than {_MAX_PARAMETERS} fields")]
        ) from error
    values: dict[str, Any] = {}
    errors = []
    for name, value in pairs:
        if name not in known:
            errors.append(FieldError(location="query", name=name, detail=_unknown(name, known)))
        elif known[name]:
            values.setdefault(name, []).append(value)
        elif name in values:
            errors.append(FieldError(location="query", name=name, detail="given more than once"))
        else:
            values[name] = value
    if errors:
        raise InvalidRequestError.of(errors)
    return values


def _unknown(name: str, known: Mapping[str, bool]) -> str:
    nearest = process.extractOne(name, list(known), score_cutoff=_ALIKE)
    if nearest is not None:
        return f"unknown parameter; did you mean {nearest[0]!r}"
    if known:
        return f"unknown parameter; known are {', '.join(sorted(known))}"
    return "unknown parameter; this path takes none"
