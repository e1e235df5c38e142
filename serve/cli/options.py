"""Arguments and options that several commands have, and those that the contract declares: a field
of a request is an option of its name, with its values, its bounds and what is said of it."""

import re
from collections.abc import Mapping
from inspect import Parameter
from typing import Annotated, Any, Literal, TypeVar, get_origin

import typer
from annotated_types import Ge, Le
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from typer import Argument, Option

from palate.contract import (
    PARTS,
    PROFILE_PATTERN,
    FilmFilters,
    RecommendRequest,
    SearchRequest,
    parse_weights,
)
from palate.errors import MisuseError
from serve.cli.text import flag_wrong

R = TypeVar("R", SearchRequest, RecommendRequest)
LARGEST_SEED = 2**31 - 1


def _check_profile(value: str | None) -> str | None:
    if value is not None and not re.fullmatch(PROFILE_PATTERN, value):
        raise typer.BadParameter("a profile is made of a-z, 0-9, - and _, at most 40 of them.")
    return value


Json = Annotated[bool, Option("--json", help="Print JSON instead of text.")]
Yes = Annotated[bool, Option("--yes", "-y", help="Do not ask.")]
Seed = Annotated[int, Option(min=0, max=LARGEST_SEED, help="Seed of everything drawn.")]
Limit = Annotated[int, Option(min=1, max=100_000, help="Most to show.")]
Master = Annotated[str, Option(help="Spark's master.")]

UserId = Annotated[str, Argument(metavar="USER", help="The user's id, or name.")]
User = Annotated[str | None, Option("--user", "-u", metavar="USER", help="Whose taste weighs in.")]
WhoseTaste = Annotated[
    str | None,
    Option("--user", "-u", metavar="USER", help="Whose taste, whomever the words name."),
]
ByRules = Annotated[
    bool, Option("--rules", help="Read by rules, also where a language model is set.")
]
Profile = Annotated[str, Option(help="Which of the user's profiles.", callback=_check_profile)]
AnyProfile = Annotated[
    str | None,
    Option(help="Only this profile; left out: any of the user's.", callback=_check_profile),
]
Film = Annotated[str, Argument(metavar="FILM", help="A movie_id or a title.")]
Words = Annotated[
    Literal["template", "llm"],
    Option(help="llm: the language model words the summary, from its facts only."),
]

# Of `palate search` and `palate k8s search`.
Query = Annotated[list[str], Argument(help='Words, "phrases", field:value, AND OR NOT, ranges.')]
Explain = Annotated[bool, Option("--explain", help="Show the parts of each score, and reasons.")]

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
