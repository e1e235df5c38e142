"""What commands print: tables, JSON and messages.

On a terminal tables have rules and colour; elsewhere they are plain text, 120 columns wide
unless COLUMNS says otherwise. Text from the database is never read as markup, and its control
characters never reach the terminal.
"""

import json
import os
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

import typer
from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

PIPE_WIDTH = 120
EMPTY_CATALOG = (
    "There are no films yet. `palate demo` or `palate ingest sample` loads the sample, "
    "`palate ingest --help` shows how to load your own."
)

T = TypeVar("T")
Column = tuple[str, Callable[[T], object]]
"""A heading, right-aligned where it ends in ``>``, and what stands below it for a row."""


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
    err().print(Text(clean(str(message))), soft_wrap=True)


def warn(message: str) -> None:
    """Something that went less well than the person may think."""
    err().print(Text("warning: ", style="yellow") + Text(clean(message)), soft_wrap=True)


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


def print_table(rows: Iterable[T], *columns: Column[T], title: str | None = None) -> None:
    """A table of what was found, a row each."""
    made = table(*(heading for heading, _ in columns), title=title)
    for row in rows:
        made.add_row(*(_cell(value_of(row)) for _, value_of in columns))
    out().print(made)


def _cell(value: object) -> RenderableType:
    return value if isinstance(value, Text) else line("" if value is None else str(value))


def table(*headings: str, title: str | None = None) -> Table:
    """An empty table; a column whose heading ends in ``>`` is right-aligned."""
    made = Table(
        box=box.SIMPLE_HEAD if sys.stdout.isatty() else None,
        title=title,
        title_justify="left",
        title_style="bold",
        header_style="bold",
        pad_edge=False,
        show_edge=False,
    )
    for heading in headings:
        right = heading.endswith(">")
        made.add_column(heading.removesuffix(">"), justify="right" if right else "left")
    return made


def print_sentences(sentences: Iterable[str]) -> None:
    """Sentences, a line each."""
    for sentence in sentences:
        out().print(line(sentence), soft_wrap=True)


def print_facts(facts: Iterable[tuple[str, object]]) -> None:
    """Names and values, one a line; values that are missing are left out."""
    made = Table(box=None, show_header=False, pad_edge=False)
    made.add_column(style="bold")
    made.add_column(overflow="fold")
    for name, value in facts:
        if value not in (None, "", (), []):
            made.add_row(name, value if isinstance(value, Text) else Text(clean(str(value))))
    out().print(made)


def clean(text: str) -> str:
    """The text without characters that would steer a terminal; tabs and newlines stay."""
    return "".join("�" if unicodedata.category(c) == "Cc" and c not in "\n\t" else c for c in text)


def line(text: str | None) -> str:
    """The text on one line, cleaned; empty when there is none."""
    return " ".join(clean(text or "").split())


def film(title: str, year: int | None) -> Text:
    """A film's name, its year dimmed."""
    shown = Text(line(title))
    if year is not None:
        shown.append(f" ({year})", style="dim")
    return shown


FILM: Column[Any] = ("film", lambda each: film(each.title, each.year))
GENRES: Column[Any] = ("genres", lambda each: ", ".join(each.genres))


def movement(moved: int) -> Text:
    """Places gained or lost."""
    if moved == 0:
        return Text.assemble(("·", "dim"))
    shown = (f"▲{moved}", "green") if moved > 0 else (f"▼{-moved}", "red")
    return Text.assemble(shown)


def number(value: float | None, digits: int = 2) -> str:
    """A number, or a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}f}"


def count(n: int, noun: str) -> str:
    """``1 rating``, ``2,000 ratings``."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
