"""What commands print: messages, JSON, sentences.

Elsewhere than on a terminal lines are 120 columns wide, unless COLUMNS says otherwise.
"""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

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


def say(message: object, *, before: str = "") -> None:
    """A message for the person, beside the results."""
    text = neutral(as_items(str(message)))
    err().print(Text.assemble((before, "yellow"), text), soft_wrap=True)


def warn(message: str) -> None:
    """Something that went less well than the person may think."""
    say(message, before="warning: ")


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
    return json.dumps(data, indent=2, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    """What JSON has no form for."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if hasattr(value, "__dataclass_fields__"):
        return {name: getattr(value, name) for name in value.__dataclass_fields__}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence | Set):
        return list(value)
    return value.isoformat() if isinstance(value, datetime) else str(value)


class Done(NamedTuple):
    """What a command did: as JSON, and in words, or as what prints it."""

    data: Any
    message: str | Callable[[], object]


def present(
    found: Any, show: Callable[[Any], object] | None, *, json: bool, nothing: str = ""
) -> None:
    """What a command found: as JSON, or as ``show`` prints it for people.

    ``nothing`` is said instead where nothing was found.
    """
    data, message = found if isinstance(found, Done) else (found, "")
    if json:
        print_json(data)
    elif callable(message):
        message()
    elif message or (nothing and not found):
        say(message or nothing)
    elif show is not None:
        show(found)


def print_sentences(sentences: Iterable[str]) -> None:
    """Sentences, a line each."""
    for sentence in sentences:
        out().print(line(sentence), soft_wrap=True)
