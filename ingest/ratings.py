"""Ratings of a file as blocks that COPY reads.

A file has up to tens of millions of ratings. A block whose every line one regular expression
accepts goes to the database as it is, at some 50 ns a row; only a block that it refuses is taken
apart line by line, to say which line is wrong and why.
"""

import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import BinaryIO

from ingest.fields import FieldError, Key, id_parser, is_missing, parse_needed_text, parse_year
from ingest.files import DataFile
from ingest.lines import (
    MAX_LINE,
    PREAMBLE,
    Format,
    Line,
    is_by_lines,
    parse_line,
    read_lines,
    refuse,
    without_bom,
    without_last,
)
from ingest.notes import Notes
from ingest.rows import RatingBlock, Rejected
from ingest.scales import EMPTY, HIGHEST, LOWEST, STARS, Scale, off_scale, parse_score
from ingest.times import DateFormat, parse_time
from palate.errors import LoadError

_BYTES = 1 << 20  # read at once: chosen, little beside what a process takes anyway
_ROWS = 40_000  # about as many as such a block holds
_CLEAN = re.compile(
    # Eight digits are a date, and not seconds; four may be a year, five a day of a spreadsheet.
    rb"(?>(?:0|[1-9][0-9]{0,17}+),(?:0|[1-9][0-9]{0,17}+),[0-9](?:\.[0-9]{1,3}+)?+,"
    rb"(?:[0-9]{9,10}|[0-9]{6,7}|[0-9]{1,3})(?:\.[0-9]{1,6}+)?+\n)*+"
)
_UNDATED = re.compile(
    rb"(?>(?:0|[1-9][0-9]{0,17}+),(?:0|[1-9][0-9]{0,17}+),[0-9](?:\.[0-9]{1,3}+)?+,\\N\n)*+"
)
NO_TIME = "\\N"
"""What COPY reads as no time."""


@dataclass(frozen=True)
class RatingColumns:
    """Where a line holds user, film, rating and time, and what the file calls them.

    ``user`` None: they are all ``owner``'s. ``movie`` None: films are told by ``title`` and
    ``year``. ``time`` None: the file has none; ``timeless``: a line may lack it. Ids are numbers
    but for those of ``text_ids``. ``offset`` is added to the numbers of lines.
    """

    user: int | None
    movie: int | None
    rating: int
    time: int | None
    names: Sequence[str]
    scale: Scale = STARS
    owner: Key | None = None
    title: int | None = None
    year: int | None = None
    text_ids: Collection[str] = ()
    timeless: bool = True
    offset: int = 0
    keep: Mapping[int, frozenset[str]] = field(default_factory=dict)
    notes: Notes = field(default_factory=Notes, compare=False)
    date_format: DateFormat | None = None

    @cached_property
    def read_user(self) -> Callable[[str, str], Key]:
        """What reads a user's id."""
        return id_parser("user_id", self.text_ids)

    @cached_property
    def read_movie(self) -> Callable[[str, str], Key]:
        """What reads a film's id."""
        return id_parser("movie_id", self.text_ids)

    @property
    def plain(self) -> bool:
        """Whether lines hold what COPY reads, in whatever order."""
        ids = self.user is not None and self.movie is not None and not self.text_ids
        return ids and not (self.scale.stars or self.scale.unrated or self.keep)

    @property
    def canonical(self) -> bool:
        """Whether lines are already what COPY reads."""
        places = (self.user, self.movie, self.rating, self.time, len(self.names))
        return places == (0, 1, 2, 3, 4) and self.plain

    def repeats_header(self, line: Line) -> bool:
        """Whether a line is the header again, as where files were put one behind the other."""
        # Of a file without a header columns are called by their places.
        return not self.names[self.rating].isdecimal() and all(
            line.fields[at].strip() == name for at, name in enumerate(self.names)
        )


LineParser = Callable[[str, Format, int, bytes], Line | Rejected]


def read_ratings(
    file: DataFile, style: Format, columns: RatingColumns, parse: LineParser = parse_line
) -> Iterator[RatingBlock]:
    """The ratings of a file of lines, block by block; ``parse`` reads one line by itself."""
    if not _by_blocks(file, style, columns):
        yield from build_blocks(file.name, read_lines(file, style, len(columns.names)), columns)
        return
    first = 1
    with file.open() as stream:
        for raw in _raw_blocks(stream, file.name):
            block = without_bom(raw, file.name) if first == 1 else raw
            if first == 1 and style.header and style.kind == "delimited":
                block, first = _below_header(block)
            found = _quick_block(block, style, columns, first + columns.offset)
            if found is None:
                found = _block_by_lines(file.name, style, columns, block, first, parse)
            found.read = len(raw)
            yield found
            first += block.count(b"\n")


def _below_header(block: bytes) -> tuple[bytes, int]:
    """The lines below the header, and the number of the first."""
    number = 2
    while PREAMBLE.match(block[:100].decode("latin-1")) is not None:
        block = block.partition(b"\n")[2]
        number += 1
    return block.partition(b"\n")[2], number


def _by_blocks(file: DataFile, style: Format, columns: RatingColumns) -> bool:
    """Whether every line can be read by itself."""
    if not is_by_lines(style.encoding):
        return False
    if columns.canonical or style.kind == "json lines" or not style.quoted:
        return True
    with file.open() as stream:  # a quoted field may go on over several lines
        return b'"' not in stream.read(_BYTES)


def _quick_block(
    block: bytes, style: Format, columns: RatingColumns, first: int
) -> RatingBlock | None:
    """A block of which every line is as it should be; None otherwise."""
    if columns.canonical and style.kind == "delimited":
        return take_clean_block(_with_commas(block, style), first)
    if not columns.plain:
        return None
    # polars takes its time and memory to import: only who needs it pays.
    from ingest.frames import pick

    places = (columns.user, columns.movie, columns.rating, columns.time)
    wanted = {place: columns.names[place] for place in places if place is not None}
    last = NO_TIME if columns.time is None else None
    picked = pick(block, style, wanted, len(columns.names), last)
    return None if picked is None else take_clean_block(picked, first, timeless=True)


def take_clean_block(data: bytes, first: int, *, timeless: bool = False) -> RatingBlock | None:
    """The bytes as a block that begins at line ``first``; None unless every line is as it must be.

    >>> take_clean_block(b"1,2,4.5,964982703\\n", first=2).runs
    [(0, 2)]
    """
    if (_UNDATED if timeless and NO_TIME.encode() in data else _CLEAN).fullmatch(data) is None:
        return None
    rows = data.count(b"\n")
    return RatingBlock(data, rows, [(0, first)] if rows else [])


def build_blocks(
    name: str, lines: Iterable[Line | Rejected], columns: RatingColumns
) -> Iterator[RatingBlock]:
    """Ratings from records that have to be looked at one by one."""
    block = _Block(name, columns)
    for line in lines:
        block.add(line)
        if block.full:
            yield block.close()
            block = _Block(name, columns)
    yield block.close()


def _block_by_lines(
    name: str, style: Format, columns: RatingColumns, data: bytes, first: int, parse: LineParser
) -> RatingBlock:
    block = _Block(name, columns)
    for at, raw in enumerate(data.split(b"\n")[:-1], first):
        block.add(parse(name, style, at, raw.removesuffix(b"\r")))
    return block.close()


class _Block:
    """A block in the making."""

    def __init__(self, name: str, columns: RatingColumns) -> None:
        self._name, self._columns = name, columns
        self._rows: list[str] = []
        self._keyed: list[str] = []
        self._runs: list[tuple[int, int]] = []
        self._rejected: list[Rejected] = []
        self._expected = -1

    def add(self, line: Line | Rejected) -> None:
        """A row for COPY, or its rejection, or nothing for a blank line."""
        rating = _read(self._name, line, self._columns)
        if isinstance(rating, Rejected):
            self._rejected.append(rating)
        elif rating is not None and isinstance(line, Line):
            self._write(rating, line.number + self._columns.offset)

    def _write(self, rating: "_Rating", number: int) -> None:
        user, movie, stars, time, title, year = rating
        if title is None and isinstance(user, int) and isinstance(movie, int):
            if number != self._expected:
                self._runs.append((len(self._rows), number))
            self._expected = number + 1
            self._rows.append(f"{user},{movie},{stars},{time}\n")
            return
        fields = (number, _escape(user), _escape(movie), _escape(title), _escape(year), stars, time)
        self._keyed.append("\t".join(map(str, fields)) + "\n")

    @property
    def full(self) -> bool:
        return len(self._rows) + len(self._keyed) + len(self._rejected) >= _ROWS

    def close(self) -> RatingBlock:
        data, keyed = "".join(self._rows).encode(), "".join(self._keyed).encode()
        return RatingBlock(
            data, len(self._rows), self._runs, self._rejected,
            keyed=keyed, keyed_rows=len(self._keyed),
        )  # fmt: skip


def _escape(value: Key | None) -> Key:
    """A value as COPY's text format has it."""
    if not isinstance(value, str):
        return NO_TIME if value is None else value
    return (
        value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    )


def _raw_blocks(stream: BinaryIO, name: str) -> Iterator[bytes]:
    """About a megabyte each, ending with a line's end."""
    while data := stream.read(_BYTES):
        rest = stream.readline(MAX_LINE) if not data.endswith(b"\n") else b""
        if len(rest) >= MAX_LINE:
            raise LoadError(
                f"{name} has a line longer than {MAX_LINE >> 20} MiB. "
                "The tables are as they were. Is it a text file?"
            )
        data += rest
        yield data if data.endswith(b"\n") else data + b"\n"


def _with_commas(block: bytes, style: Format) -> bytes:
    clean = block.replace(b"\r\n", b"\n")
    return clean if style.delimiter == "," else clean.replace(style.delimiter.encode(), b",")


_Rating = tuple[Key, Key | None, str, str, str | None, int | None]
"""User, film, stars, time; and title and year where there is no film's id."""


def _rating(name: str, line: Line, columns: RatingColumns) -> _Rating | None:
    """What a line says; None when it is blank or no rating. Raises FieldError."""
    fields, names = line.fields, columns.names
    if not any(field.strip() for field in fields):
        return None
    fields = without_last(fields, len(names))
    if _left_out(name, line, columns):
        return None
    user = columns.owner
    if columns.user is not None:
        user = columns.read_user(fields[columns.user], names[columns.user])
    assert user is not None  # noqa: S101  (the columns were checked)
    movie, title, year = None, None, None
    if columns.movie is not None:
        movie = columns.read_movie(fields[columns.movie], names[columns.movie])
    elif columns.title is not None:
        title = parse_needed_text(fields[columns.title], names[columns.title])
        year = columns.year and parse_year(fields[columns.year], names[columns.year])
    score = fields[columns.rating], names[columns.rating]
    stars = (columns.scale.stars or parse_score)(*score)
    time = NO_TIME
    if columns.time is not None and not (columns.timeless and is_missing(fields[columns.time])):
        time = parse_time(fields[columns.time], names[columns.time], columns.date_format)
    return user, movie, stars, time, title, year


def _read(name: str, line: Line | Rejected, columns: RatingColumns) -> "_Rating | Rejected | None":
    """What a line says, or why it is refused; None when it is blank or no rating."""
    if isinstance(line, Rejected):
        return line
    try:
        return _rating(name, line, columns)
    except FieldError as error:
        return refuse(name, line, error)


def future(moment: float | None) -> str | None:
    """What is wrong with so many seconds after 1970, where they are later than a day from now: a
    clock may be wrong by that. As the checks in SQL say it."""
    if moment is None or moment <= time.time() + 86400:
        return None
    return f"{moment:.0f} seconds after 1970 are in the future"


def foretell(
    name: str, lines: Iterable[Line | Rejected], columns: RatingColumns
) -> Iterator[bool | Rejected]:
    """Of each line with a rating: True where a load would take it, False where another line of the
    same user and film counts instead, or why it would be refused; as the checks in SQL say it."""
    seen = set()
    read = [(line, _read(name, line, columns)) for line in lines]
    scores = [float(one[2]) for _, one in read if isinstance(one, tuple)]
    for line, rating in read:
        if isinstance(rating, Rejected):
            yield rating
        if not isinstance(rating, tuple) or isinstance(line, Rejected):
            continue
        user, movie, stars, moment, title, year = rating
        if not LOWEST <= float(stars) <= HIGHEST:
            reason = off_scale(float(stars), min(scores), max(scores))
            yield refuse(name, line, FieldError("rating", reason))
        elif moment != NO_TIME and (reason := future(float(moment)) or ""):
            yield refuse(name, line, FieldError("rated_at", reason))
        else:
            key = user, movie, title, year
            yield key not in seen
            seen.add(key)


def _left_out(name: str, line: Line, columns: RatingColumns) -> bool:
    """Whether a line is not to be loaded, and noted."""
    score, what = line.fields[columns.rating].strip(), ""
    if score == columns.names[columns.rating] and columns.repeats_header(line):
        what = "line that repeats the header"
    elif score in columns.scale.unrated:
        what = f"seen without a rating ({score or EMPTY})"
    else:
        for at, values in columns.keep.items():
            if line.fields[at] not in values:
                what = f"{columns.names[at]} other than {', '.join(sorted(values))}"
                break
    if what:
        columns.notes.count(name, f"{what}, left out", f"line {line.number}")
    return bool(what)
