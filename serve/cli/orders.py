"""Search results on a screen: one order, or several side by side, every score accounted for."""

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from rerank.results import COMPONENTS, Hit, SearchResponse
from serve.cli.output import clean, film, line, movement, number, out, table

PART_NAMES = {
    "bm25": "text",
    "semantic": "meaning",
    "content": "taste",
    "collaborative": "peers",
    "popularity": "popularity",
}
"""What a component of the score is called on a screen."""

_NARROWEST = 29  # a column that still shows a title and its account
_MOVED_WIDTH = 4
_GENRES = 3
_MARKED = re.compile(r"<mark>(.*?)</mark>", re.DOTALL)


class Order(NamedTuple):
    """One column of a comparison."""

    heading: str
    response: SearchResponse


def parts_of(responses: Iterable[SearchResponse]) -> list[str]:
    """The components that take part in any of these scores, in their usual order."""
    used = {
        name
        for response in responses
        for hit in response.hits
        for name, value in hit.contributions.items()
        if value
    }
    return [name for name in COMPONENTS if name in used]


def legend(parts: Sequence[str]) -> str:
    """How to read an account: ``score = text + taste + popularity``."""
    return "score = " + " + ".join(PART_NAMES[name] for name in parts)


def account(hit: Hit, parts: Sequence[str]) -> str:
    """The score as the sum of its parts, to three digits that do add up."""
    total, shares = _rounded(hit.score, [hit.contributions.get(name, 0.0) for name in parts])
    shown = "+".join(f"{share / 1000:.3f}".removeprefix("0") for share in shares)
    return f"{total / 1000:.3f} = {shown}"


def _rounded(total: float, shares: Sequence[float]) -> tuple[int, list[int]]:
    """Thousandths that add up: what rounding leaves over goes where it is missed most."""
    whole = round(total * 1000)
    floors = [int(share * 1000 // 1) for share in shares]
    by_loss = sorted(range(len(shares)), key=lambda i: floors[i] - shares[i] * 1000)
    for i in by_loss[: max(0, whole - sum(floors))]:
        floors[i] += 1
    return sum(floors), floors


def print_order(response: SearchResponse, *, accounts: bool) -> None:
    """One order, a film a row; ``accounts`` adds the parts of each score."""
    _print_reading(response)
    parts = parts_of([response]) if accounts else []
    columns: list[str | tuple[str, str]] = [("#", "right")]
    columns += [("moved", "right")] if response.personalized else []
    columns += ["film", "genres", ("score", "right")]
    columns += [(PART_NAMES[name], "right") for name in parts]
    rated = any(hit.rating is not None for hit in response.hits)
    columns += [("rated", "right")] if rated else []
    rows = table(*columns)
    for hit in response.hits:
        cells: list[RenderableType] = [str(hit.rank)]
        cells += [movement(hit.moved)] if response.personalized else []
        cells += [_film_cell(hit), line(", ".join(hit.genres[:_GENRES])), number(hit.score, 3)]
        cells += [number(hit.contributions.get(name), 3) for name in parts]
        cells += [number(hit.rating, 1) if hit.rating is not None else ""] if rated else []
        rows.add_row(*cells)
    if response.hits:
        out().print(rows)
    _print_rest(response)


def _film_cell(hit: Hit) -> Text:
    cell = film(hit.title, hit.year)
    for snippet in (hit.snippets or {}).values():
        if "<mark>" in snippet and line(html.unescape(_MARKED.sub(r"\1", snippet))) != hit.title:
            cell.append("\n").append_text(_highlighted(snippet))
    for reason in hit.reasons or ():
        cell.append(f"\n{line(reason)}", style="dim italic")
    return cell


def _highlighted(snippet: str) -> Text:
    """A snippet's ``<mark>`` as bold."""
    shown = Text()
    for index, piece in enumerate(_MARKED.split(snippet)):
        shown.append(clean(html.unescape(piece)), style="bold" if index % 2 else "dim")
    return shown


def _print_reading(response: SearchResponse) -> None:
    """How the query was read, where that is not what was typed."""
    notes = [line(note) for note in response.query.notes]
    if response.relaxed:
        notes.append("few films have all of these words: films with any of them follow")
    if response.user_id is not None and not response.personalized:
        notes.append(f"not personalised: {line(response.why_not_personalized)}")
    for note in notes:
        out().print(Text(note, style="yellow"))


def _print_rest(response: SearchResponse) -> None:
    if not response.hits:
        out().print(Text(f"No film matches {line(response.query.text)!r}."))
    if response.did_you_mean:
        out().print(Text(f"Did you mean {line(response.did_you_mean)!r}?", style="bold"))
    if response.facets is not None:
        total = f"{response.total} films match. " if response.total is not None else ""
        out().print(Text(total + "Genres: " + _counts(response.facets.genres)))
        out().print(Text("Decades: " + _counts(response.facets.decades)))
    if response.next_cursor:
        out().print(Text(f"More: --cursor {response.next_cursor}", style="dim"), soft_wrap=True)


def _counts(facet: Mapping[str, int]) -> str:
    return ", ".join(f"{line(value)} {films}" for value, films in facet.items()) or "none"


def print_side_by_side(
    orders: Sequence[Order], *, mark: str | None = None, width: int | None = None
) -> None:
    """Several orders of one query: each position with its film, movement and account.

    Films of the genre ``mark`` get a star. Where the columns do not fit, one order follows the
    other.
    """
    console = out()
    width = min(width or console.width, console.width)
    parts = parts_of(order.response for order in orders)
    _print_reading(orders[-1].response)
    if (width - 4) // len(orders) < _NARROWEST:
        for order in orders:
            console.print(_columns([order], parts, mark), width=width)
    else:
        console.print(_columns(orders, parts, mark), width=width)
    star = f" · ★ {mark}" if mark else ""
    console.print(Text(f"{legend(parts)} · ▲▼ places moved{star}", style="dim"), width=width)


def _columns(orders: Sequence[Order], parts: Sequence[str], mark: str | None) -> Table:
    shown = table(("#", "right"))
    shown.expand = True
    for order in orders:
        shown.add_column(order.heading, ratio=1, no_wrap=True, overflow="ellipsis")
    ranks = zip_longest(*(order.response.hits for order in orders))
    for rank, hits in enumerate(ranks, 1):
        cells = [
            _place(hit, parts, mark, order.response.personalized) if hit else Text()
            for hit, order in zip(hits, orders, strict=True)
        ]
        shown.add_row(str(rank), *cells)
    return shown


def _place(hit: Hit, parts: Sequence[str], mark: str | None, personalized: bool) -> RenderableType:
    starred = mark is not None and mark.lower() in (genre.lower() for genre in hit.genres)
    head = movement(hit.moved) if personalized else Text()
    if personalized:
        head.pad_right(max(0, _MOVED_WIDTH - head.cell_len))
    head.append("★ " if starred else "  ", style="yellow")
    head.append_text(film(hit.title, hit.year))
    if starred:
        head.stylize("bold", 0)
    head.append(f"\n{account(hit, parts)}", style="dim")
    return Padding(head, (0, 1, 0, 0))


def print_reasons(orders: Iterable[Order], most: int, width: int | None = None) -> None:
    """For each order, why its furthest lifted films stand where they do."""
    console = out()
    for order in orders:
        told = [hit for hit in order.response.hits if hit.reasons]
        for hit in sorted(told, key=lambda hit: (-hit.moved, hit.rank))[:most]:
            why = Text(f"{order.heading}, #{hit.rank} ", style="bold")
            why.append_text(film(hit.title, hit.year))
            why.append(f": {'; '.join(line(reason) for reason in hit.reasons or ())}.")
            console.print(why, width=min(width or console.width, console.width))
