"""Tables: with rules and colour on a terminal, plain text elsewhere."""

import sys
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any, TypeVar

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from palate.text import neutral
from serve.cli.output import out
from serve.cli.text import film, line

T = TypeVar("T")
Column = str | tuple[str, Callable[[T], object]]
"""A heading, right-aligned where it ends in ``>``, and what stands below it for a row.

A text alone is ``heading=attribute:format``: ``"in>=tokens_in:,"`` shows ``tokens_in`` as Python
formats it, or a dash; the attribute may be left out where the heading is its name.
"""

FILM: tuple[str, Callable[[Any], object]] = ("film", lambda each: film(each.title, each.year))
GENRES: Column[Any] = ("genres", lambda each: ", ".join(each.genres))


def print_table(rows: Iterable[T], *columns: Column[T], title: str | None = None) -> None:
    """A table of what was found, a row each."""
    read = [_read(column) for column in columns]
    made = table(*(heading for heading, _ in read), title=title)
    for row in rows:
        made.add_row(*(_cell(value_of(row)) for _, value_of in read))
    out().print(made)


def rows(*columns: Column[Any]) -> Callable[[Iterable[Any]], None]:
    """What prints a table of these columns."""
    return lambda found: print_table(found, *columns)


def _read(column: Column[T]) -> tuple[str, Callable[[T], object]]:
    if not isinstance(column, str):
        return column
    told, _, form = column.partition(":")
    heading, _, name = told.partition("=")
    value_of = attrgetter(name or heading.removesuffix(">").replace(" ", "_"))
    return heading, lambda row: _formatted(value_of(row), form)


def _formatted(value: object, form: str) -> object:
    return value if not form else "–" if value is None else format(value, form)


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


def print_facts(*facts: tuple[str, object]) -> None:
    """Names and values, one a line; values that are missing are left out."""
    made = Table(box=None, show_header=False, pad_edge=False)
    made.add_column(style="bold")
    made.add_column(overflow="fold")
    for name, value in facts:
        if value not in (None, "", (), []):
            made.add_row(name, value if isinstance(value, Text) else Text(neutral(str(value))))
    out().print(made)
