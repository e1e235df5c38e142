"""``/v1/rules``: synonyms, and films that a query shows first or never."""

from fastapi import APIRouter
from starlette.requests import Request

from palate.contract import Rules
from search.rules import read_rules, write_rules
from serve.api.routes import GuardedRoute, read_body, scoped
from serve.api.services import services

router = APIRouter(route_class=GuardedRoute, tags=["rules"])

_LARGEST = 500_000


@router.get("/v1/rules", summary="The rules in effect", **scoped("read"))
def rules(request: Request) -> Rules:
    """Synonyms, and films that are pinned to a query or hidden from it."""
    return read_rules(services(request).database)


@router.put(
    "/v1/rules",
    summary="Other rules",
    **scoped("write", 400, line="write", body=Rules, max_body=_LARGEST),
)
def put_rules(request: Request) -> Rules:
    """Put these in place of all rules; they hold from the next search on."""
    return write_rules(services(request).database, read_body(request, Rules))
