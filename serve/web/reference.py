"""``/docs``: the API as its OpenAPI document has it, for people. It needs no script."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from serve.web.render import page

_BOUNDS = (
    ("minimum", "from"), ("exclusiveMinimum", "above"),
    ("maximum", "to"), ("exclusiveMaximum", "below"),
    ("minLength", "characters from"), ("maxLength", "characters up to"),
    ("minItems", "entries from"), ("maxItems", "entries up to"), ("default", "default"),
)  # fmt: skip
_LEFT_OUT: tuple[object, ...] = (None, [], {}, "")


def reference_page(request: Request) -> Response:
    """Every operation and every model; made once, since it stays the same while the server runs."""
    state = request.app.state
    if not hasattr(state, "reference"):
        api = request.app.openapi()
        state.reference = page(request, "reference.html", api=api, kind=kind, bounds=bounds)
    made: Response = state.reference
    return made


def kind(schema: dict[str, Any]) -> list[str]:
    """What a value is, in words: JSON's types, names of models, the values there are."""
    if "$ref" in schema:
        return [schema["$ref"].rpartition("/")[2]]
    choices = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
    if choices:
        return [word for each in choices for word in kind(each)]
    if "enum" in schema or "const" in schema:
        return [f"“{value}”" for value in schema.get("enum", [schema.get("const")])]
    if schema.get("type") == "array":
        return [f"list of {word}" for word in kind(schema.get("items", {}))]
    if isinstance(held := schema.get("additionalProperties"), dict):
        return [f"{word} by name" for word in kind(held)]
    return [str(schema.get("format") or schema.get("type") or "anything")]


def bounds(schema: dict[str, Any]) -> str:
    """The range of a value and its default, in words; of several kinds those of each."""
    own = [
        f"{word} {schema[name]}"
        for name, word in _BOUNDS
        if name in schema and schema[name] not in _LEFT_OUT
    ]
    inner = [bounds(each) for each in schema.get("anyOf", ())]
    return ", ".join(filter(None, [*own, *inner]))
