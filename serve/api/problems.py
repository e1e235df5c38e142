"""Problem documents (RFC 9457): every error of the HTTP API has this one form.

``problem_for`` turns any exception into a document and its headers. What a server-side failure
says is written here, not taken from the exception: addresses, paths and SQL stay in the log.
"""

import re
from collections.abc import Sequence
from typing import Any, Literal

import psycopg
import sqlalchemy
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from palate.errors import (
    DatabaseUnavailableError,
    EmbeddedServerError,
    EmbeddingError,
    MisuseError,
    PalateError,
    QuerySyntaxError,
    SchemaError,
)
from palate.items import as_items
from palate.text import say_wrong
from sql.faults import explain

MEDIA_TYPE = "application/problem+json"
_MOST_ERRORS = 20

Headers = dict[str, str]


class FieldError(BaseModel):
    """One thing that is wrong with one part of the request."""

    location: Literal["query", "path", "body", "header"]
    name: str | None = Field(None, description="The parameter or field; absent: all of it.")
    detail: str


class Problem(BaseModel):
    """An RFC 9457 problem document."""

    type: str = Field(description="What went wrong, for programs: one name a cause.")
    title: str = Field(description="The same, for people.")
    status: int = Field(ge=400, le=599)
    detail: str = Field(description="What happened, what is unchanged and what to do.")
    instance: str = Field(description="The path that was asked for.")
    request_id: str = Field(description="The X-Request-ID under which the server logged it.")
    errors: list[FieldError] | None = Field(None, description="What is wrong, part by part.")
    position: int | None = Field(
        None, description="Where a strict query stops making sense, in characters from 0."
    )


class RequestError(PalateError):
    """A request that is refused before any work, with the headers its answer needs."""

    def __init__(
        self, message: str, *, headers: Headers | None = None, errors: Sequence[FieldError] = ()
    ) -> None:
        super().__init__(message)
        self.headers = headers or {}
        self.errors = list(errors)


class InvalidRequestError(RequestError, status=422, title="Invalid request"):
    """Parameters or a body that cannot be meant."""

    @classmethod
    def of(cls, errors: Sequence[FieldError], count: int = 1) -> "InvalidRequestError":
        """The error that lists these of ``count``, its message naming the first."""
        first, count = errors[0], max(count, len(errors))
        where = f"{first.location} {first.name!r}" if first.name else first.location
        more = f" (and {count - 1} more, see errors)" if count > 1 else ""
        return cls(
            f"{where}: {first.detail}{more}. Nothing was done.", errors=errors[:_MOST_ERRORS]
        )

    @classmethod
    def of_validation(cls, found: Sequence[Any], *place: str) -> "InvalidRequestError":
        """The same of pydantic's errors, where all of them are at ``place``."""
        told = [_field_error({**e, "loc": (*place, *e["loc"])}) for e in found[:_MOST_ERRORS]]
        return cls.of(told, len(found))


class UnauthorizedError(RequestError, status=401, title="Unauthorized"):
    """No key, or none that is known."""


class ForbiddenError(RequestError, status=403, title="Forbidden"):
    """The key's scope does not reach that far."""


class MisdirectedError(RequestError, status=421, title="Misdirected request"):
    """A Host this server does not answer for."""


class AmbiguousRequestError(RequestError, status=400, title="Ambiguous request"):
    """A request that can be read in two ways."""


class CrossSiteError(RequestError, status=403, title="Cross-site request"):
    """A page of another site asks through the browser of somebody on this machine."""


class PreconditionError(RequestError, status=412, title="Precondition failed"):
    """The version that was to be changed is not the one that is there."""


class BodyTooLargeError(RequestError, status=413, title="Body too large"):
    """More body than any request needs."""


class AddressTooLongError(RequestError, status=414, title="Address too long"):
    """More path and query than are read."""


class HeadersTooLargeError(RequestError, status=431, title="Headers too large"):
    """More headers than are read."""


class BodyTooSlowError(RequestError, status=408, title="Body too slow"):
    """A body that does not come."""


class ClientLeftError(RequestError, status=499, title="Client left"):
    """Nobody waits for the answer any more: there is none, this is for the log."""


class UnsupportedMediaTypeError(RequestError, status=415, title="Unsupported media type"):
    """A body in a form that is not read."""


class TooManyRequestsError(RequestError, status=429, title="Too many requests"):
    """More requests of one caller than it may send in a minute."""


class OverloadedError(RequestError, status=503, title="Overloaded"):
    """More requests wait than this server answers in time."""


class EncoderUnavailableError(RequestError, status=503, title="Encoder unavailable"):
    """What turns a query into a vector fails."""


class TooSlowError(RequestError, status=504, title="Timed out"):
    """The time for one request is over."""


class MethodNotAllowedError(RequestError, status=405, title="Method not allowed"):
    """The path exists, but not with this method."""


class UnexpectedError(RequestError, status=500, title="Unexpected error"):
    """A fault of Palate's own."""


_RETRY = {"Retry-After": "5"}
_AWAY = "The database does not answer. What was not committed is undone. Try again shortly."
_HIDDEN: dict[type[PalateError], str] = {
    DatabaseUnavailableError: _AWAY,
    EmbeddedServerError: _AWAY,
    SchemaError: (
        "The database's schema is not the one this server needs. Nothing was changed. "
        "The operator runs `palate db migrate`."
    ),
}
_UNEXPECTED = (
    "Something went wrong in the server. It is logged under this request_id; "
    "what was not committed is undone."
)


_KNOWN = {
    400: ("Bad request", "The request cannot be read. Nothing was done."),
    404: ("Not found", "There is nothing at this path. GET /openapi.json lists what there is."),
}
"""HTTP errors that the framework raises, and what they are called here."""


def problem_for(error: Exception, instance: str, request_id: str) -> tuple[Problem, Headers]:
    """The document that tells of ``error``, and the headers that go with it."""
    known = _as_palate_error(error)
    headers = dict(known.headers) if isinstance(known, RequestError) else {}
    if known.status == 503:
        headers = _RETRY | headers
    problem = Problem(
        type=problem_type(known.title),
        title=known.title,
        status=known.status,
        detail=as_items(_HIDDEN.get(type(known)) or str(known) or known.title),
        instance=instance,
        request_id=request_id,
        errors=(known.errors or None) if isinstance(known, RequestError) else None,
        position=known.position if isinstance(known, QuerySyntaxError) else None,
    )
    return problem, headers


def problem_type(title: str) -> str:
    """The name of a cause: ``urn:palate:problem:not-found``."""
    return "urn:palate:problem:" + re.sub(r"[^a-z0-9]+", "-", title.lower())


def is_fault(error: Exception) -> bool:
    """True for what nobody foresaw, which is logged with its traceback."""
    return isinstance(_as_palate_error(error), UnexpectedError)


def _as_palate_error(error: Exception) -> PalateError:
    match error:
        case DatabaseUnavailableError(__cause__=sqlalchemy.exc.TimeoutError()):
            return OverloadedError(
                "Every database connection is in use. Nothing was changed. Try again shortly.",
                headers={"Retry-After": "1"},
            )
        case DatabaseUnavailableError(
            __cause__=sqlalchemy.exc.DBAPIError(orig=psycopg.errors.QueryCanceled())
        ):
            return TooSlowError(
                "The database took too long and was told to stop. Nothing was changed. "
                "Ask for less: fewer candidates, a narrower query."
            )
        case EmbeddingError():
            return EncoderUnavailableError(
                "The text encoder does not answer. Nothing was done. Try again shortly, or search "
                "with mode=lexical."
            )
        case PalateError():
            return error
        case HTTPException():
            return _http_error(error)
        case sqlalchemy.exc.DBAPIError():
            return _database_error(error)
    return UnexpectedError(_UNEXPECTED)


def _http_error(error: HTTPException) -> PalateError:
    if error.status_code == 405:
        return MethodNotAllowedError(
            "This path exists, but not with this method; Allow lists those it has. "
            "Nothing was done.",
            headers=dict(error.headers or {}),
        )
    title, detail = _KNOWN.get(error.status_code, ("Bad request", str(error.detail)))
    refused = RequestError(detail, headers=dict(error.headers or {}))
    refused.status, refused.title = error.status_code, title
    return refused


def _database_error(error: sqlalchemy.exc.DBAPIError) -> PalateError:
    if (explained := explain(error, "its address")) is not None:
        return explained
    if isinstance(error.orig, psycopg.DataError):
        return MisuseError("A value is outside what the database can hold. Nothing was changed.")
    return UnexpectedError(_UNEXPECTED)


def _field_error(error: dict[str, Any]) -> FieldError:
    place, *rest = error["loc"]
    location: Literal["query", "path", "body", "header"] = (
        place if place in ("query", "path", "body", "header") else "body"
    )
    parts = [str(part) for part in rest]
    message = say_wrong(error)
    return FieldError(
        location=location,
        name=".".join(parts) or None,
        detail=message[:1].lower() + message[1:],
    )


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI ``responses`` for these problem statuses."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {
            "description": _DESCRIPTIONS[status],
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
        for status in statuses
    }


_DESCRIPTIONS = {
    400: "The request contradicts itself, or a strict query cannot be parsed.",
    401: "No API key, or none that is known.",
    403: "The key's scope does not allow this; without keys, a page of another site asks.",
    404: "There is no such thing.",
    405: "The path has no such method.",
    408: "The body did not come in time.",
    409: "The request contradicts what the database holds.",
    412: "If-Match or If-None-Match does not hold.",
    413: "The body is too large.",
    414: "The address is too long.",
    415: "The body is not of a type that is read here.",
    421: "Without API keys, only this machine is answered.",
    422: "A parameter or the body is invalid.",
    429: "More requests came of this key, user or address than may in a minute.",
    500: "A fault of the server.",
    501: "An optional part is not installed.",
    503: "The database does not answer, or the server is overloaded. See Retry-After.",
    504: "The request took too long.",
}
