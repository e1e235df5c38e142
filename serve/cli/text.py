"""How values are written on a screen.

Text from the database is never read as markup, and its control characters never reach the
terminal.
"""

import unicodedata

from rich.text import Text


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
