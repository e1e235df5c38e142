"""How values are written on a screen.

Text from the database is never read as markup, and what steers a terminal never reaches it.
"""

from typing import TYPE_CHECKING

from rich.text import Text

from palate.items import count as count
from palate.text import one_line, say_wrong

if TYPE_CHECKING:
    from pydantic import ValidationError


def line(text: str | None) -> str:
    """The text on one line, neutral; empty when there is none."""
    return one_line(text or "")


def film(title: str, year: int | None) -> Text:
    """A film's name, its year dimmed."""
    shown = Text(line(title))
    if year is not None:
        shown.append(f" ({year})", style="dim")
    return shown


def movement(moved: int) -> Text:
    """Places gained or lost."""
    if moved == 0:
        return Text.assemble(("·", "dim"))
    shown = (f"▲{moved}", "green") if moved > 0 else (f"▼{-moved}", "red")
    return Text.assemble(shown)


def number(value: float | None, digits: int = 2) -> str:
    """A number, or a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}f}"


def flag_wrong(error: "ValidationError") -> str:
    """The first flag that is wrong, and why."""
    first = error.errors(include_url=False, include_input=False)[0]
    name = str(first["loc"][0] if first["loc"] else "request").replace("_", "-")
    return f"--{name}: {say_wrong(first)}"
