"""Tables: with rules and colour on a terminal, plain text elsewhere."""

import sys
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from palate.text import neutral
from serve.cli.output import out
from serve.cli.text import film, line

T = TypeVar("T")
Column = tuple[str, Callable[[T], object]]
"""A heading, right-aligned where it ends in ``>``, and what stands below it for a row."""

FILM: Column[Any] = ("film", lambda each: film(each.title, each.year))
GENRES: Column[Any] = ("genres", lambda each: ", ".join(each.genres))


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


def print_facts(facts: Iterable[tuple[str, object]]) -> None:
    """Names and values, one a line; values that are missing are left out."""
    made = Table(box=None, show_header=False, pad_edge=False)
    made.add_column(style="bold")
    made.add_column(overflow="fold")
    for name, value in facts:
        if value not in (None, "", (), []):
            made.add_row(name, value if isinstance(value, Text) else Text(neutral(str(value))))
    out().print(made)
