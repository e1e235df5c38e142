"""What commands print: messages, JSON, sentences.

Elsewhere than on a terminal lines are 120 columns wide, unless COLUMNS says otherwise.
"""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

import typer
from rich.console import Console
from rich.text import Text

from palate.items import as_items
from palate.text import neutral
from serve.cli.text import line

PIPE_WIDTH = 120
EMPTY_CATALOG = (
    "There are no films yet. `palate demo` or `palate ingest sample` loads the sample, "
    "`palate ingest --help` shows how to load your own."
)

T = TypeVar("T")


def examples(*commands: str) -> str:
    """The end of a command's help: what to type, a line each."""
    return "Examples:\n" + "\n".join(f"    {command}" for command in commands)


def out() -> Console:
    """Where results go."""
    return _console(sys.stdout.isatty(), stderr=False)


def err() -> Console:
    """Where messages, warnings and progress go."""
    return _console(sys.stderr.isatty(), stderr=True)


def _console(terminal: bool, *, stderr: bool) -> Console:
    width = None if terminal or "COLUMNS" in os.environ else PIPE_WIDTH
    return Console(stderr=stderr, width=width, highlight=False, markup=False, emoji=False)


def say(message: object) -> None:
    """A message for the person, beside the results."""
    err().print(Text(neutral(as_items(str(message)))), soft_wrap=True)


def warn(message: str) -> None:
    """Something that went less well than the person may think."""
    err().print(
        Text("warning: ", style="yellow") + Text(neutral(as_items(message))), soft_wrap=True
    )


@contextmanager
def when_stopped(kept: str) -> Iterator[None]:
    """Say what remains where Ctrl-C ends this."""
    try:
        yield
    except KeyboardInterrupt:
        say(f"Stopped. {kept}")
        raise


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something that cannot be undone. Raises typer.Abort unless agreed to."""
    if not yes:
        typer.confirm(question, abort=True, err=True)


def print_json(data: object) -> None:
    """Data as JSON; pydantic models and dataclasses as the objects they are."""
    sys.stdout.write(as_json(data) + "\n")


def as_json(data: object) -> str:
    """Data as print_json() prints it."""
    return json.dumps(_plain(data), indent=2, ensure_ascii=False, default=_as_text)


def _as_text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _plain(data: object) -> Any:
    if hasattr(data, "model_dump"):
        return data.model_dump(mode="json")
    if hasattr(data, "__dataclass_fields__"):
        return {name: _plain(getattr(data, name)) for name in data.__dataclass_fields__}
    if isinstance(data, Mapping):
        return {str(key): _plain(value) for key, value in data.items()}
    if isinstance(data, Sequence) and not isinstance(data, str | bytes):
        return [_plain(item) for item in data]
    return data


def present(found: T, text: str | Callable[[T], object], *, json: bool, nothing: str = "") -> None:
    """What a command found: as JSON, or for people: a message, or what ``text`` prints.

    ``nothing`` is said instead where nothing was found.
    """
    if json:
        print_json(found)
    elif nothing and not found:
        say(nothing)
    elif isinstance(text, str):
        say(text)
    else:
        text(found)


def print_sentences(sentences: Iterable[str]) -> None:
    """Sentences, a line each."""
    for sentence in sentences:
        out().print(line(sentence), soft_wrap=True)
