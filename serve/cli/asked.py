"""Options that the contract declares: a field of a request is an option of its name, with its
values, its bounds and what is said of it."""

from collections.abc import Mapping
from inspect import Parameter
from typing import Annotated, Any, TypeVar, get_origin

from annotated_types import Ge, Le
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from typer import Option

from palate.contract import PARTS, FilmFilters, RecommendRequest, SearchRequest, parse_weights
from palate.errors import MisuseError
from serve.cli.options import Profile
from serve.cli.text import flag_wrong

R = TypeVar("R", SearchRequest, RecommendRequest)

_ENDLESS = 10_000  # a bound from which on nobody needs to know it
_NAMES = {"k": ("--k", "-k"), "genres": ("--genre",)}
_OWN: dict[str, Any] = {
    "profile": Profile,
    "facets": "Count all matches by genre, decade and your own fields.",
    "cursor": "A next_cursor; needs PALATE_CURSOR_SECRET.",
    "snippets": "Show where the words are found.",
}
"""What is said otherwise at a terminal, or read otherwise."""


def options_of(model: type[R], *without: str, **own: Any) -> list[Parameter]:
    """Options for the fields of a request, but for those ``without``; ``own`` says how one is
    declared that is read otherwise here."""
    fields = model.model_fields
    names = sorted(fields, key=lambda name: name in FilmFilters.model_fields)
    return [
        _option(name, fields[name], (_OWN | own).get(name)) for name in names if name not in without
    ]


def _option(name: str, field: FieldInfo, own: Any) -> Parameter:
    default = None if field.default == () else field.get_default()
    if own is None or isinstance(own, str):
        kind, said = _read_as(name, field, own or field.description)
        own = Annotated[kind, Option(*_NAMES.get(name, ()), **said)]
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=own)


def _read_as(name: str, field: FieldInfo, told: str | None) -> tuple[Any, dict[str, Any]]:
    """As what typer reads a field, and what it says of it."""
    if get_origin(field.annotation) is tuple:
        return list[str] | None, {"help": f"{told} Repeat."}
    if name == "weights":
        return str | None, {"help": told, "metavar": "NAME:W,..."}
    said: dict[str, Any] = {"help": told}
    for bound in field.metadata:
        if isinstance(bound, Ge):
            said["min"] = bound.ge
        elif isinstance(bound, Le) and float(str(bound.le)) < _ENDLESS:
            said["max"] = bound.le
    return field.annotation, said


def request_of(model: type[R], asked: Mapping[str, Any], **more: Any) -> R:
    """The request that was typed. Raises MisuseError."""
    given = {name: value for name, value in {**asked, **more}.items() if value is not None}
    try:
        if text := given.pop("weights", ""):
            given["weights"] = _weights(model, text)
        return model(**given)
    except ValidationError as error:
        raise MisuseError(f"{flag_wrong(error)}. Nothing was searched.") from error


def _weights(model: type[R], text: str) -> dict[str, float]:
    try:
        return parse_weights(text, PARTS) if model is RecommendRequest else parse_weights(text)
    except ValueError as error:
        raise MisuseError(
            f"--weights: {error}. Nothing was searched. Write NAME:W with commas between."
        ) from error
