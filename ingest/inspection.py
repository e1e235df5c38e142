"""What files are, before they are loaded: how they are written, what their columns look like and
would become, and which of their first lines would be refused."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from ingest.fields import is_missing, parse_id, parse_number, reads
from ingest.files import DataFile
from ingest.lines import Line
from ingest.mapping import Part
from ingest.notes import Notes
from ingest.sources.describing import FEW
from ingest.sources.table import TablePart, style_words
from ingest.times import parse_day, parse_time

SAMPLE = 10_000  # lines
_EXAMPLES = 3
_READERS: tuple[tuple[str, Callable[[str, str], object]], ...] = (
    ("whole numbers", parse_id), ("numbers", parse_number), ("dates", parse_day),
    ("times", parse_time),
)  # fmt: skip
_TYPES = {"whole numbers": "integer", "numbers": "numeric"}
"""What a field of one's own may be, of a column that looks so."""


@dataclass(frozen=True)
class InspectedColumn:
    """A column: what it looks like, with examples, and what it would become, if anything."""

    name: str
    looks: str
    examples: tuple[str, ...]
    becomes: str | None


@dataclass(frozen=True)
class Inspection:
    """A file: what it holds, how it is written, and what of its first ``lines`` would be loaded."""

    file: str
    holds: str
    layout: str | None
    written: str
    scale: str
    columns: tuple[InspectedColumn, ...]
    lines: int
    good: int
    refused: tuple[str, ...]
    notes: tuple[str, ...]


def inspect(file: DataFile, part: Part) -> Inspection:
    """A report of a file that was recognised. Raises LoadError for what cannot be read."""
    notes = Notes()
    table = TablePart(file, part, notes)
    good, refused = table.sample(SAMPLE)
    if part.holds == "ratings" and table.columns.find("movie_id") is None:
        notes.say(
            "Its films are looked for by title and year among those that are loaded: what is not "
            "there is refused. Load films first, for example `palate ingest movielens ml-latest`."
        )
    columns = tuple(_columns(table))
    looks = {column.name: column.looks.partition(",")[0] for column in columns}
    unused = table.columns.unused() if part.holds in ("movies", "facts") else []
    if named := [name for name in unused if name in table.columns.header]:
        type_ = _TYPES.get(looks[named[0]], "text[]")
        notes.say(
            f"{', '.join(unused)}: not used. `palate fields add {_as_name(named[0])} --type "
            f"{type_} --filter --facet` would keep {named[0]}, filter by it and count it."
        )
    scale = f"{table.scale.text}: {table.scale.rule}" if part.holds == "ratings" else ""
    return Inspection(
        file.name, part.holds, part.layout, style_words(part.style), scale, columns,
        good + refused.count, good, tuple(refused.texts()), tuple(notes.texts()),
    )  # fmt: skip


def _as_name(column: str) -> str:
    """What a field of that column may be called."""
    plain = re.sub("[^a-z0-9]+", "_", column.lower()).strip("_")
    return plain[:40] if plain[:1].isalpha() else f"x_{plain}"[:40]


def _columns(table: TablePart) -> Iterator[InspectedColumn]:
    header = table.columns.header
    lines = [line for line in islice(table.sheet.records(), 200) if isinstance(line, Line)]
    ours = {at: name for name, at in table.columns.found().items()}
    for at, name in enumerate(header):
        cells = [line.fields[at].strip() for line in lines if len(line.fields) == len(header)]
        known = [cell for cell in cells if not is_missing(cell)]
        examples = tuple(_short(cell) for cell in dict.fromkeys(known))[:_EXAMPLES]
        looks = _looks(known) if known else "empty"
        if known and len(known) < len(cells):
            looks += f", {len(cells) - len(known)} of {len(cells)} empty"
        yield InspectedColumn(name, looks, examples, ours.get(at))


def _looks(cells: Sequence[str]) -> str:
    for what, reader in _READERS:
        if all(reads(reader, cell) for cell in cells):
            return what
    others = [cell for cell in cells if not reads(parse_id, cell)]
    if len(others) <= len(cells) * FEW:
        return f"whole numbers, but for {_short(others[0])}"
    if all(cell[:1] in "[{" for cell in cells):
        return "lists as JSON or Python write them"
    return "words" if len(set(cells)) < max(2, len(cells) // 4) else "text"


def _short(cell: str) -> str:
    cell = " ".join(cell.split())
    return cell if len(cell) <= 24 else cell[:23] + "…"
