"""``/`` and the pages beside it, added to the API."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from palate.errors import NotFoundError
from palate.settings import Settings
from serve.api.app import allow
from serve.api.keys import Scope
from serve.api.lines import Kind
from serve.api.services import services
from serve.web import operators, pages, reference
from serve.web.render import page, static_stamp
from serve.web.route import COOKIE, PageRoute, read_form

_STATIC = Path(__file__).parent / "static"
_FILES = {"page.css": "text/css", "page.js": "text/javascript", "mark.svg": "image/svg+xml"}
_YEAR = 31_536_000

Endpoint = Callable[[Request], Response]


def add_pages(app: FastAPI) -> None:
    """Let ``app`` show its pages, unless the settings turn them off."""
    settings: Settings = app.state.services.settings
    if not settings.web:
        return
    router = APIRouter(route_class=PageRoute)
    shown: tuple[tuple[str, Endpoint, str, Scope | None, Kind | None], ...] = (
        ("/", pages.search_page, "GET", "read", "search"),
        ("/suggest", pages.suggestions, "GET", "read", "search"),
        ("/taste", pages.taste_page, "GET", "read", "analysis"),
        ("/recommend", pages.recommend_page, "GET", "read", "analysis"),
        ("/ask", pages.ask_page, "GET", "read", "patient"),
        ("/docs", reference.reference_page, "GET", None, "search"),
        ("/operators", operators.operators_page, "GET", "admin", "patient"),
        ("/rate", pages.rate, "POST", "write", "write"),
        ("/event", pages.note, "POST", "write", "write"),
        ("/export", pages.export, "GET", "admin", "analysis"),
        ("/forget", pages.forget, "POST", "admin", "write"),
        ("/sign-in", sign_in_page, "GET", None, None),
        ("/sign-in", sign_in, "POST", None, None),
        ("/sign-out", sign_out, "POST", None, None),
        ("/static/{name}", static, "GET", None, None),
    )
    methods: dict[str, list[str]] = {}
    for path, endpoint, method, scope, line in shown:
        extra: dict[str, Any] = {"x-scope": scope, "x-line": line}
        router.add_api_route(
            path, endpoint, methods=[method], include_in_schema=False, openapi_extra=extra
        )
        methods.setdefault(path, []).append(method)
    app.include_router(router)
    for path, names in methods.items():
        allow(app, path, *names)


def sign_in_page(request: Request) -> Response:
    """Where a key is typed."""
    return page(request, "sign_in.html", problem=None)


def sign_in(request: Request) -> Response:
    """Keep the key in the browser, where it is one. Raises UnauthorizedError."""
    key = read_form(request).get("key", "").strip()
    services(request).guard.authorize({"authorization": f"Bearer {key}"}, "read")
    answer = RedirectResponse("/", 303)
    answer.set_cookie(
        COOKIE, key, httponly=True, samesite="lax", secure=request.url.scheme == "https"
    )
    return answer


def sign_out(request: Request) -> Response:  # noqa: ARG001
    """Let the browser forget the key."""
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="lax")
    return answer


def static(request: Request) -> Response:
    """The style, the script, the mark: kept by the browser until they change."""
    name = request.path_params["name"]
    if name not in _FILES:
        raise NotFoundError("There is no such file.")
    fresh = request.query_params.get("v") == static_stamp()
    kept = f"public, max-age={_YEAR}, immutable" if fresh else "no-cache"
    return FileResponse(_STATIC / name, media_type=_FILES[name], headers={"cache-control": kept})
