"""Search results on a screen: one order, or several side by side, every score accounted for."""

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise, zip_longest
from typing import Any, NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from palate.contract import COMPONENTS, LEVELS, NOBODY_GIVEN, PART_NAMES, Hit, SearchResponse
from palate.items import as_items
from palate.text import neutral
from serve.cli.output import out
from serve.cli.tables import FILM, GENRES, Column, print_table, table
from serve.cli.text import film, line, movement, number

_NARROWEST = 29  # a column that still shows a title and its account
_WIDEST = 60
_RANK_WIDTH = 4  # with the gap beside it
_GAP = 3  # as wide as it is on a terminal
_LEAST_HEAD = 5  # letters of a title that stay before the gap
_MOVED_WIDTH = 4
_BLOCK_INDENT = 4
_GENRES = 3
_SCORE: Column[Any] = ("score>", lambda each: number(each.score, 3))
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


def account(hit: Hit, parts: Sequence[str], *, named: bool = False) -> str:
    """The score as the sum of its parts, to three digits that do add up."""
    total, shares = _rounded(hit.score, [hit.contributions.get(name, 0.0) for name in parts])
    digits = [f"{share / 1000:.3f}".removeprefix("0") for share in shares]
    if named:
        shown = " + ".join(f"{d} {PART_NAMES[n]}" for d, n in zip(digits, parts, strict=True))
    else:
        shown = "+".join(digits)
    return f"{total / 1000:.3f} = {shown}"


def _rounded(total: float, shares: Sequence[float]) -> tuple[int, list[int]]:
    """Thousandths that add up: what rounding leaves over goes where it is missed most."""
    whole = round(total * 1000)
    floors = [int(share * 1000 // 1) for share in shares]
    by_loss = sorted(range(len(shares)), key=lambda i: floors[i] - shares[i] * 1000)
    for i in by_loss[: max(0, whole - sum(floors))]:
        floors[i] += 1
    return sum(floors), floors


_LEVELS_FIRST = "How well a title fits what was typed comes before the score: --explain shows both."


def print_order(response: SearchResponse, *, accounts: bool, nothing: str) -> None:
    """One order, a film a row; ``accounts`` make it a few lines a film.

    ``nothing`` is shown when there is no film.
    """
    _print_reading([response])
    if accounts:
        parts = parts_of([response])
        for hit in response.hits:
            _print_block(hit, parts, personalized=response.personalized)
    elif response.hits:
        _print_hits(response)
        pairs = list(pairwise(response.hits))
        nearer_first = all(_nearness(above) >= _nearness(below) for above, below in pairs)
        if nearer_first and any(
            below.score > above.score and below.level != above.level for above, below in pairs
        ):
            out().print(Text(_LEVELS_FIRST, style="dim"))
    _print_rest(response, nothing)


def _nearness(hit: Hit) -> int:
    return LEVELS.index(hit.level)


def print_films(films: Sequence[Any], *more: Column[Any], personalized: bool) -> None:
    """Films in their order with their scores, and how far taste moved them; ``more`` columns."""
    print_table(films, *_lead(personalized), FILM, GENRES, _SCORE, *more)


def _lead(personalized: bool) -> list[Column[Any]]:
    rank: Column[Any] = ("#>", lambda each: each.rank)
    return [rank, ("moved>", lambda each: movement(each.moved))] if personalized else [rank]


def _print_hits(response: SearchResponse) -> None:
    columns: list[Column[Hit]] = [
        *_lead(response.personalized),
        ("film", lambda hit: Text("\n").join([_name(hit), *_passages(hit)])),
        ("genres", _genres),
        _SCORE,
    ]
    if any(hit.rating is not None for hit in response.hits):
        columns.append(("you>", lambda hit: "" if hit.rating is None else number(hit.rating, 1)))
    print_table(response.hits, *columns)


def _print_block(hit: Hit, parts: Sequence[str], *, personalized: bool) -> None:
    """One film: its name, the account of its score, where the words are, and reasons."""
    head = Text(f"{hit.rank:>2}  ")
    if personalized:
        moved = movement(hit.moved)
        moved.pad_right(max(1, _MOVED_WIDTH - moved.cell_len))
        head.append_text(moved)
    head.append_text(_name(hit)).append(f"  {_genres(hit)}", style="dim")
    out().print(head)
    below = [Text(f"{hit.level}; {account(hit, parts, named=True)}"), *_passages(hit)]
    if hit.rank_before is not None:
        below.append(Text(_judged(hit)))
    below += [Text(line(reason), style="italic") for reason in hit.reasons or ()]
    for text in below:
        out().print(Padding(text, (0, 0, 0, _BLOCK_INDENT)))


def _judged(hit: Hit) -> str:
    """What the reranking made of a film."""
    score = "not judged" if hit.rerank_score is None else f"judged {hit.rerank_score:.1f} of 10"
    why = f": {line(hit.rerank_reason)}" if hit.rerank_reason else ""
    return f"{score}, was {hit.rank_before}{why}"


def _genres(hit: Hit) -> str:
    return line(", ".join(hit.genres[:_GENRES]))


def _name(hit: Hit) -> Text:
    """Title and year, with the found words marked where snippets show them."""
    shown = film(hit.title, hit.year)
    title = (hit.snippets or {}).get("title", "")
    if _MARKED.search(title):
        year = shown[len(line(hit.title)) :]
        shown = _highlighted(title).append_text(year)
    return shown


def _passages(hit: Hit) -> list[Text]:
    """Where the words are, besides the title."""
    found = [text for name, text in (hit.snippets or {}).items() if name != "title"]
    return [_highlighted(text, style="dim") for text in found if _MARKED.search(text)]


def _highlighted(snippet: str, style: str = "") -> Text:
    """A snippet's ``<mark>`` as bold on a terminal, in brackets elsewhere."""
    terminal = out().is_terminal
    shown = Text()
    for index, piece in enumerate(_MARKED.split(snippet)):
        text = neutral(html.unescape(piece))
        found = index % 2 == 1
        shown.append(f"[{text}]" if found and not terminal else text, "bold" if found else style)
    return shown


READINGS = {
    "split": "words set apart",
    "initials": "initials",
    "joined": "words joined",
    "numerals": "numbers written otherwise",
    "abbreviations": "words written short or long",
    "typos": "typing mistakes",
    "beginning": "the beginning of a word",
}


def _print_reading(responses: Sequence[SearchResponse]) -> None:
    """How one query was read, where that is not what was typed, and whose taste is unknown."""
    notes = [line(note) for note in responses[-1].query.notes]
    reading = responses[-1].reading
    if reading is not None:
        notes.append(
            f"read as {line(reading.text)!r} ({READINGS[reading.kind]}); --as-typed searches for "
            "the text as it is"
        )
    if any(response.relaxed for response in responses):
        none = all(hit.level == "some words" for response in responses for hit in response.hits)
        many = "no film has" if none else "few films have"
        notes.append(f"{many} all of these words: films with any of them follow")
    for response in responses:
        if response.why_not_personalized not in (None, NOBODY_GIVEN):
            notes.append(f"not personalised: {line(response.why_not_personalized)}")
        if response.why_not_reranked:
            notes.append(f"not reranked: {line(response.why_not_reranked)}")
        if response.wording is not None and response.wording.why_not:
            wording = response.wording
            kept = f"{wording.texts - wording.passed} of {wording.texts} reasons are the template's"
            notes.append(f"{kept}: {line(wording.why_not)}")
    for note in notes:
        out().print(Text(as_items(note), style="yellow"))


def _print_rest(response: SearchResponse, nothing: str) -> None:
    if nothing:
        out().print(Text(as_items(nothing)))
    if response.did_you_mean:
        out().print(Text(f"Did you mean {line(response.did_you_mean)!r}?", style="bold"))
    if response.ask:
        out().print(Text(f"palate ask {line(response.query.text)!r} reads this as a request."))
    if response.facets is not None:
        total = f"{response.total} films match. " if response.total is not None else ""
        out().print(Text(total + "Genres: " + _counts(response.facets.genres)))
        out().print(Text("Decades: " + _counts(response.facets.decades)))
        for name, facet in response.facets.own.items():
            out().print(Text(f"{name}: {_counts(facet)}"))


def _counts(facet: Mapping[str, int]) -> str:
    return ", ".join(f"{line(value)} {films}" for value, films in facet.items()) or "none"


def print_side_by_side(
    orders: Sequence[Order], *, mark: str | None = None, width: int | None = None, nothing: str = ""
) -> None:
    """Several orders of one query: each position with its film, movement and account.

    Films of the genre ``mark`` get a star. Where the columns do not fit, one order follows the
    other. ``nothing`` is shown when no order has a film.
    """
    responses = [order.response for order in orders]
    _print_reading(responses)
    if any(response.hits for response in responses):
        _print_columns(orders, mark, width)
    _print_rest(responses[0], nothing)


def _print_columns(orders: Sequence[Order], mark: str | None, width: int | None) -> None:
    console = out()
    width = min(width or console.width, console.width)
    parts = parts_of(order.response for order in orders)
    side_by_side = _column_width(width, len(orders)) >= _NARROWEST
    for shown in [orders] if side_by_side else [[order] for order in orders]:
        column = _column_width(width, len(shown))
        if shown is not orders and shown[0] is not orders[0]:
            console.print()
        console.print(_columns(shown, parts, mark, min(column, _WIDEST)), width=width)
    star = f" · ★ {mark}" if mark else ""
    console.print(Text(f"{legend(parts)} · ▲▼ places moved{star}", style="dim"), width=width)


def _column_width(width: int, columns: int) -> int:
    return (width - _RANK_WIDTH) // columns - _GAP


def _columns(orders: Sequence[Order], parts: Sequence[str], mark: str | None, width: int) -> Table:
    shown = table("#>")
    for order in orders:
        shown.add_column(line(order.heading), width=width, no_wrap=True)
    ranks = zip_longest(*(order.response.hits for order in orders))
    for rank, hits in enumerate(ranks, 1):
        cells = [
            _place(hit, parts, mark, width, order.response.personalized) if hit else Text()
            for hit, order in zip(hits, orders, strict=True)
        ]
        shown.add_row(str(rank), *cells)
    return shown


def _place(
    hit: Hit, parts: Sequence[str], mark: str | None, width: int, personalized: bool
) -> Text:
    """Movement, star and title; below them the score's account and the year."""
    starred = mark is not None and mark.lower() in (genre.lower() for genre in hit.genres)
    shown = movement(hit.moved) if personalized else Text()
    if personalized:
        shown.pad_right(max(1, _MOVED_WIDTH - shown.cell_len))
    shown.append("★ " if starred else "  ", style="yellow")
    title = shorten(line(hit.title), width - shown.cell_len)
    shown.append(title, style="bold" if starred else "")
    below = account(hit, parts) + (f"  {hit.year}" if hit.year else "")
    indent = max(0, min(_MOVED_WIDTH + 2 if personalized else 2, width - len(below)))
    shown.append("\n" + " " * indent + below, style="dim")
    return shown


def shorten(title: str, width: int) -> str:
    """The title in at most ``width`` cells. The middle goes: sequels differ at their ends."""
    if cell_len(title) <= width:
        return title
    words = title.split(" ")
    for end in range(1, len(words)):
        tail = " ".join(words[end:])
        for start in range(end - 1, 0, -1):
            head = " ".join(words[:start]).rstrip(",:;-&")
            if len(head) >= _LEAST_HEAD and cell_len(f"{head}… {tail}") <= width:
                return f"{head}… {tail}"
    return set_cell_size(title, max(0, width - 1)).rstrip() + "…"


def print_reasons(orders: Iterable[Order], most: int, width: int | None = None) -> None:
    """For each order, why its furthest lifted films stand where they do."""
    console = out()
    for order in orders:
        explained = [hit for hit in order.response.hits if hit.reasons]
        for hit in sorted(explained, key=lambda hit: (-hit.moved, hit.rank))[:most]:
            why = Text.assemble("Why is ", film(hit.title, hit.year), f" #{hit.rank} for ")
            why.append(f"{line(order.heading)}? ", style="bold")
            reasons = "; ".join(line(reason) for reason in hit.reasons or ())
            why.append(reasons[:1].upper() + reasons[1:] + ".")
            console.print(why, width=min(width or console.width, console.width))
