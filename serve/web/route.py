"""The route class of pages: keys as a browser presents them, forms, and errors that people read.

A browser keeps the key in a cookie that no script reads and no other site sends along. It is in no
address and no page.
"""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any
from urllib.parse import parse_qsl

import anyio.to_thread
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from palate.errors import MisuseError, PalateError
from serve.api.lines import Kind
from serve.api.middleware import BODY
from serve.api.problems import ClientLeftError, CrossSiteError, problem_for
from serve.api.routes import admit, receive_body
from serve.api.services import Services, services
from serve.web.render import page

COOKIE = "palate_key"
_FORM_BYTES = 8192
_Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class PageRoute(APIRoute):
    """A route whose endpoint runs in a thread and answers a person."""

    def get_route_handler(self) -> _Handler:
        extra = self.openapi_extra or {}
        scope, line = extra.get("x-scope"), extra.get("x-line")

        async def answered(request: Request) -> Response:
            found = services(request)
            try:
                if scope is not None:
                    admit(request, _presented(request), scope)
                if request.method == "POST":
                    _check_site(request)
                    request.scope[BODY] = await receive_body(request, _FORM_BYTES)
                return await _run(request, self.endpoint, found, line)
            except ClientLeftError:
                raise
            except PalateError as error:
                return _error_page(request, error)

        return answered


async def _run(
    request: Request, endpoint: Callable[..., Response], found: Services, line: Kind | None
) -> Response:
    async def work() -> Response:
        return await anyio.to_thread.run_sync(endpoint, request)

    return await (work() if line is None else found.lines[line].serve(request.receive, work))


def read_form(request: Request) -> dict[str, str]:
    """The fields of the form that was sent."""
    body: bytes = request.scope[BODY]
    try:
        return dict(parse_qsl(body.decode("utf-8", "replace"), max_num_fields=50))
    except ValueError as error:
        raise MisuseError("The form has too many fields. Nothing was done.") from error


def _presented(request: Request) -> Mapping[str, str]:
    """The headers that say which key: the browser's cookie where no program sent one."""
    headers, key = request.headers, request.cookies.get(COOKIE)
    if "authorization" in headers or "x-api-key" in headers or not key:
        return headers
    return {"authorization": f"Bearer {key}"}


def _check_site(request: Request) -> None:
    """Refuse a form that a page of another site sent. Raises CrossSiteError."""
    headers = request.headers
    origin = headers.get("origin")
    ours = origin is None or origin.partition("://")[2] == headers.get("host", "")
    if headers.get("sec-fetch-site", "same-origin" if ours else "") not in ("same-origin", "none"):
        raise CrossSiteError("Another site's page sent this. Nothing was done.")


def _error_page(request: Request, error: PalateError) -> Response:
    problem, headers = problem_for(error, request.url.path, "")
    headers.pop("WWW-Authenticate", None)
    name = "sign_in.html" if problem.status in (401, 403) else "error.html"
    return page(request, name, status=problem.status, headers=headers, problem=problem)
