"""JSON schemas in few words: an assistant reads all of them before its first question."""

from typing import Any

from pydantic import BaseModel

_SILENT = frozenset(
    {
        "title", "additionalProperties", "minLength", "maxLength", "minimum", "pattern", "maxItems",
        "$defs", "readOnly",
    }
)  # fmt: skip
"""Whoever goes past one of these bounds is told so by the call."""

_ENDLESS = 10_000  # a maximum from which on nobody needs to know it


def brief_input(model: type[BaseModel]) -> dict[str, Any]:
    """What a tool is called with: no titles, no nulls, no bounds but those that choose a value."""
    return _brief_object(model.model_json_schema())


def brief_output(model: type[BaseModel]) -> dict[str, Any]:
    """What a tool answers, where a field may always be left out."""
    made = _brief_object(model.model_json_schema(mode="serialization"))
    _drop(made, "required")
    return made


def _brief_object(
    schema: dict[str, Any], definitions: dict[str, Any] | None = None
) -> dict[str, Any]:
    """An object's schema, those of its parts in their places; no model here holds itself."""
    definitions = schema.get("$defs", {}) if definitions is None else definitions
    short: dict[str, Any] = _brief({**schema, "description": None}, definitions)
    return short


def _brief(schema: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_brief(each, definitions) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if reference := schema.get("$ref"):
        return _brief_object(definitions[reference.rpartition("/")[2]], definitions)
    choices = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    if len(choices) == 1:
        schema = {**choices[0], **{k: v for k, v in schema.items() if k != "anyOf"}}
    return {
        key: {name: _brief(each, definitions) for name, each in value.items()}
        if key == "properties"
        else _brief(value, definitions)
        for key, value in schema.items()
        if key not in _SILENT and not _needless(key, value)
    }


def _needless(key: str, value: Any) -> bool:
    return (
        value in (None, "")
        or (key == "default" and value in ([], False))
        or (key == "maximum" and value >= _ENDLESS)
    )


def _drop(schema: Any, key: str) -> None:
    for each in schema.values() if isinstance(schema, dict) else schema:
        if isinstance(each, dict | list):
            _drop(each, key)
    if isinstance(schema, dict) and isinstance(schema.get(key), list):
        del schema[key]
