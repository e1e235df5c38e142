"""The form of an answer: a pydantic type as JSON schema, and text held against it."""

import json
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

T = TypeVar("T", bound=BaseModel)

_MOST_PROBLEMS = 5  # told to the model: the first ones explain the others
_UNSENT = ("title", "default", "minLength", "maxLength")
"""What services refuse in a schema or need not know; answers are held against it all the same."""


class WrongFormError(Exception):
    """An answer is not of its form; the message says how, for the model to mend it.

    ``of_form``: it is, and was refused for what it says.
    """

    of_form = False


class RefusedAnswerError(WrongFormError):
    """An answer of the right form says what it should not."""

    of_form = True


def make_schema(answer_type: type[BaseModel]) -> dict[str, Any]:
    """The type's JSON schema as services want it: every property required, no others allowed.

    https://platform.openai.com/docs/guides/structured-outputs
    """
    schema: dict[str, Any] = _strict(answer_type.model_json_schema())
    return schema


def _strict(node: Any) -> Any:
    if isinstance(node, list):
        return [_strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept: dict[str, Any] = {}
    for name, value in node.items():
        if name in ("properties", "$defs"):
            kept[name] = {key: _strict(item) for key, item in value.items()}
        elif name not in _UNSENT:
            kept[name] = _strict(value)
    if "properties" in kept:
        kept["required"] = list(kept["properties"])
        kept["additionalProperties"] = False
    return kept


def read_answer(text: str, answer_type: type[T]) -> T:
    """The answer in a model's text, be it bare JSON or wrapped in words or a code block.

    Raises WrongFormError.
    """
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or end < start:
        raise WrongFormError("there is no JSON object in it")
    try:
        data = json.loads(text[start : end + 1])
    except (ValueError, RecursionError) as error:
        raise WrongFormError(f"it is not JSON: {error}") from None
    try:
        return answer_type.model_validate(data)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        shown = [
            f"{'.'.join(str(part) for part in problem['loc']) or 'all'}: {problem['msg']}"
            for problem in problems[:_MOST_PROBLEMS]
        ]
        raise WrongFormError("; ".join(shown)) from None
