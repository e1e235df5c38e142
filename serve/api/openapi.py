"""The OpenAPI document: what FastAPI finds, and what only Palate knows.

Added here: the form of problems, the two ways to send a key where keys are needed, this server's
limits, examples.
"""

import json
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, TypeAdapter

from palate.contract import MovieId, UserKey
from palate.settings import Settings
from serve.api.problems import MEDIA_TYPE, Problem
from serve.api.routes import BODIES

EXAMPLES: dict[str, dict[str, Any]] = json.loads(
    Path(__file__).with_name("examples.json").read_text(encoding="utf-8")
)
"""Answers by operation, problems by status, bodies by model: tests hold them to these."""

PROPERTIES: dict[str, dict[str, str]] = json.loads(
    Path(__file__).with_name("properties.json").read_text(encoding="utf-8")
)
"""What a property is, in which unit and range, by model and name; ``*``: wherever a model does not
say it itself."""

_IDS = {
    "user_id": TypeAdapter(UserKey).json_schema(),
    "movie_id": TypeAdapter(MovieId).json_schema(),
}
_REFERENCE = "#/components/schemas/{model}"
_SECURITY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer KEY`"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}


def document(app: FastAPI, settings: Settings) -> dict[str, Any]:
    """The whole document, as ``/openapi.json`` serves it."""
    keyed = settings.api_keys_file is not None
    found = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        routes=app.routes,
        tags=app.openapi_tags,
    )
    components = found.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    bodies: dict[str, type[BaseModel]] = {**BODIES, "Problem": Problem}
    for name, model in bodies.items():
        schema = model.model_json_schema(ref_template=_REFERENCE)
        if (example := EXAMPLES["bodies"].get(name)) is not None:
            schema["examples"] = [example]
        schemas |= {name: schema, **schema.pop("$defs", {})}
    _describe(schemas)
    if keyed:
        components["securitySchemes"] = _SECURITY_SCHEMES
    for operations in found["paths"].values():
        for operation in operations.values():
            if not keyed:
                operation.pop("security", None)
                operation["responses"].pop("401", None)
            _simplify_parameters(operation)
            _set_limits(operation, settings)
            _set_examples(operation)
    return found


def _describe(schemas: dict[str, Any]) -> None:
    anywhere = PROPERTIES["*"]
    for model, schema in schemas.items():
        here = PROPERTIES.get(model, {})
        for name, of in schema.get("properties", {}).items():
            if (told := here.get(name) or of.get("description") or anywhere.get(name)) is not None:
                of["description"] = told


def _simplify_parameters(operation: dict[str, Any]) -> None:
    """A parameter is there or not, never null: say only what it is when it is there."""
    for parameter in operation.get("parameters", []):
        schema = parameter["schema"]
        choices = [s for s in schema.pop("anyOf", []) if s != {"type": "null"}]
        if len(choices) == 1:
            schema |= choices[0]
        elif choices:
            schema["anyOf"] = choices
        parameter.setdefault("description", schema.get("description", ""))
        if parameter["name"] in _IDS:
            parameter["schema"] = _IDS[parameter["name"]]


def _set_limits(operation: dict[str, Any], settings: Settings) -> None:
    if operation["operationId"] not in ("search", "search_stream", "recommend", "ask"):
        return
    limits = {"k": settings.max_k, "candidates": settings.max_candidates}
    for parameter in operation["parameters"]:
        if parameter["name"] in limits:
            parameter["schema"]["maximum"] = limits[parameter["name"]]


def _set_examples(operation: dict[str, Any]) -> None:
    for status, response in operation["responses"].items():
        content = response.get("content", {})
        if MEDIA_TYPE in content and status in EXAMPLES["problems"]:
            content[MEDIA_TYPE]["example"] = EXAMPLES["problems"][status]
    example = EXAMPLES["responses"].get(operation["operationId"])
    if example is not None:
        operation["responses"]["200"]["content"]["application/json"]["example"] = example
