"""Your own films, ratings and tags from files of any kind, each described by a ``Part``."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from ingest.fields import parse_user
from ingest.files import DataFile, digest_of
from ingest.lines import Format, Line, missing_columns
from ingest.mapping import LATER, Holds, Part
from ingest.names import FACT_KEYS, KNOWN, NEEDED
from ingest.notes import Notes
from ingest.ratings import RatingColumns, build_blocks, foretell, future, read_ratings
from ingest.rejects import Rejects
from ingest.rows import FILE, Movie, RatingBlock, Rejected, Source, Tag
from ingest.scales import STARS, parse_scale
from ingest.sheets import Sheet
from ingest.sources.columns import Columns, MovieReader, TagReader, convert_lines
from ingest.sources.describing import describe, no_such_column
from palate.errors import MisuseError

Row = Movie | Tag
_UP_TO_ONE = re.compile(r"0?[.,][0-9]+|[01]([.,]0+)?")


class TablePart:
    """A file with its description. Raises LoadError where the file is not as described."""

    def __init__(self, file: DataFile, part: Part, notes: Notes | None = None) -> None:
        self.file, self.part, self._notes = file, part, notes or Notes()
        self.sheet = Sheet(file, part.style)
        self.columns = Columns(self.sheet.header, part.columns, part.holds, part.own)
        self._check()
        self.scale = parse_scale(part.scale, part.unrated)

    def rows(self, records: Iterable[Line | Rejected] | None = None) -> Iterator[Row | Rejected]:
        """Its films, facts about films or tags; those of some ``records``."""
        made = TagReader if self.part.holds == "tags" else MovieReader
        read: Callable[[Line], Any] = made(self.columns, self.part, self._notes).read
        lines = self._kept(records or self.sheet.records())
        return convert_lines(self.file.name, lines, len(self.columns.header), read)

    def ratings(self, offset: int = 0) -> Iterator[RatingBlock]:
        """Its ratings."""
        columns = self.rating_columns(offset)
        match self.part.kind:
            case "parquet":
                from ingest import parquet

                return parquet.read_ratings(self.file, columns)
            case "delimited":
                return read_ratings(self.file, self.part.style, columns)
            case "json lines":
                return read_ratings(self.file, self.part.style, columns, self.sheet.parse_object)
        return build_blocks(self.file.name, self.sheet.records(), columns)

    def is_up_to_one(self) -> bool:
        """Whether the first ratings are none above 1, and not all the same."""
        at = self.columns.place("rating")
        lines = islice(self.sheet.records(), 1000)
        fields = [line.fields for line in lines if isinstance(line, Line)]
        scores = {one[at].strip() for one in fields if len(one) > at}
        return len(scores) > 1 and all(_UP_TO_ONE.fullmatch(score) for score in scores)

    def sample(self, most: int) -> tuple[int, Rejects]:
        """How many of the first lines would be loaded as far as the file alone tells, and the
        others."""
        rejects, counts = Rejects("count", Path()), {True: 0, False: 0}
        lines = list(islice(self.sheet.records(), most))
        of_ratings = self.part.holds == "ratings"
        for row in (
            foretell(self.file.name, lines, self.rating_columns())
            if of_ratings
            else self._foretell(self.rows(lines))
        ):
            if isinstance(row, Rejected):
                rejects.add(row)
            else:
                counts[row] += 1
        if counts[False]:
            what = "line of a user and a film, or of a film, of which another counts, left out"
            self._notes.count(self.file.name, what, "", counts[False])
        return counts[True], rejects

    def _foretell(self, rows: Iterable[Row | Rejected]) -> Iterator[bool | Rejected]:
        """Of each row: True where a load would take it, False where it says nothing new, or why it
        would be refused: a tag of the future, a second film of an id."""
        first: dict[object, int] = {}
        said: set[object] = set()
        for row in rows:
            if isinstance(row, Rejected):
                yield row
            elif isinstance(row, Tag):
                reason = future(row.tagged_at)
                yield self._reject(row.line, "tagged_at", reason, row.tag) if reason else True
            elif row.movie_id is None or self.part.holds == "facts":
                yield True
            else:
                key, title = row.movie_id, row.title or ""
                known = (key, title.lower()) in said
                if not known and key in first:
                    reason = f"film {key} is already on line {first[key]}"
                    yield self._reject(row.line, "movie_id", reason, title)
                    continue
                first.setdefault(key, row.line)
                said.add((key, title.lower()))
                yield not known

    def _reject(self, line: int, column: str, reason: str, text: str) -> Rejected:
        return Rejected(self.file.name, line, column, reason, text)

    def described(self) -> str:
        """What the file holds, how it is written and what its columns mean, as a sentence."""
        part, header = self.part, self.columns.header
        columns = ", ".join(
            ours if ours == header[at] else f"{ours} from {header[at]}"
            for ours, at in self.columns.found().items()
        )
        known = f" of {part.layout}" if part.layout else ""
        rule = f"; scale {self.scale.text}: {self.scale.rule}" if self.scale != STARS else ""
        return f"{self.file.name}: {part.holds}{known}, {style_words(part.style)}; {columns}{rule}."

    def rating_columns(self, offset: int = 0) -> RatingColumns:
        """Where its ratings are."""
        find, part, owner = self.columns.find, self.part, self.part.user
        return RatingColumns(
            None if owner is not None else self.columns.place("user_id"),
            find("movie_id"),
            self.columns.place("rating"),
            find("rated_at"),
            self.columns.header,
            scale=self.scale,
            owner=parse_user(owner, "user") if owner is not None else None,
            title=find("title") if find("movie_id") is None else None,
            year=find("year"),
            text_ids=part.text_ids,
            offset=offset,
            keep=self._keep(),
            notes=self._notes,
            date_format=part.date_format,
        )

    def _keep(self) -> dict[int, frozenset[str]]:
        """Only lines with one of these values at a place."""
        places = {self.columns.at(name): values for name, values in self.part.keep.items()}
        return {at: frozenset(values) for at, values in places.items() if at is not None}

    def _kept(self, lines: Iterable[Line | Rejected]) -> Iterator[Line | Rejected]:
        keep, header = self._keep(), self.columns.header
        for line in lines:
            what = ""
            if isinstance(line, Line):
                if self.part.header and [field.strip() for field in line.fields] == header:
                    what = "line that repeats the header,"
                for at, values in keep.items():
                    if not what and line.fields[at : at + 1] and line.fields[at] not in values:
                        what = f"{header[at]} {line.fields[at]!r}"
                if what:
                    self._notes.count(self.file.name, f"{what} left out", f"line {line.number}")
            if not what:
                yield line

    def _check(self) -> None:
        """Every column that was named is there, and every one that is needed."""
        name, header, part = self.file.name, self.columns.header, self.part
        if unknown := [ours for ours in part.columns if ours not in KNOWN | part.own.keys()]:
            raise no_such_column(unknown, part.own)
        absent = [theirs for theirs in part.columns.values() if self.columns.at(theirs) is None]
        if absent:
            raise missing_columns(name, absent, header, "Correct the mapping.")
        there = {ours for ours in KNOWN if self.columns.find(ours) is not None}
        if part.user is not None and "user_id" in there:
            named = header[self.columns.place("user_id")]
            raise MisuseError(
                f"{name} says itself whose ratings they are, in column {named}. Nothing was "
                "loaded. Leave --user out."
            )
        lacking = [ours for ours in NEEDED[part.holds] if ours not in there]
        told = {"user_id"} if part.user is not None else set()
        if "title" in there and part.holds == "ratings":
            told.add("movie_id")
        if there.intersection(FACT_KEYS[1:]) and part.holds == "movies":
            told.add("movie_id")
        if part.holds == "facts" and not there.intersection(FACT_KEYS):
            lacking = ["movie_id"]
        if lacking := [ours for ours in lacking if ours not in told]:
            remedy = (
                "Where they are all one person's, say whose with --user NAME; where it has another "
                "name, --column user_id=NAME."
                if lacking == ["user_id"]
                else "Where it has another name, say so with --column OURS=YOURS: "
                f"--column {lacking[0]}=NAME. `palate ingest inspect {self.file.path}` shows them."
            )
            raise missing_columns(name, lacking, header, remedy)


class Table(Source):
    """Films, ratings, tags and facts about films from files of your own; each may be left out.

    Ratings without a time get the time of the first load, and replace none that has a time.
    """

    def __init__(
        self,
        name: str,
        *,
        movies: Path | None = None,
        ratings: Path | None = None,
        tags: Path | None = None,
        columns: Mapping[str, str] | None = None,
        separator: str | None = None,
        parts: list[tuple[DataFile, Part]] | None = None,
        unread: Sequence[str] = (),
    ) -> None:
        """``unread``: what to say of files beside these."""
        self.name, self._unread = name, unread
        paths: Mapping[Holds, Path | None] = {"movies": movies, "ratings": ratings, "tags": tags}
        given = parts or describe(
            {what: [DataFile(path)] for what, path in paths.items() if path is not None},
            columns or {},
            separator,
        )
        if not given:
            raise MisuseError("No file of films, ratings or tags was named. Nothing was loaded.")
        self.parts = [TablePart(file, part, self.notes) for file, part in given]
        self._check_keys()
        self.location = ", ".join(dict.fromkeys(str(part.file.path) for part in self.parts))
        self.file_names = {
            f"{what}{number or ''}": part.file.name
            for what in NEEDED
            for number, part in enumerate(self._of(what))
        }
        names = [part.part.names_items for part in self.parts if part.part.names_items]
        self.names_items = names[0] if names else None
        self.ratings_size = self._size_of_ratings()
        self.keeps_highest = any(part.scale.keep_highest for part in self.parts)

    def digest(self) -> str:
        files = [(part.part.holds, part.file) for part in self.parts]
        parts = [part.part.model_dump(exclude={"file"}) for part in self.parts]
        return digest_of(
            files, parts=[{k: v for k, v in part.items() if k not in LATER or v} for part in parts]
        )

    def described(self) -> list[str]:
        return [part.described() for part in self.parts]

    def written(self, what: str) -> Iterator[tuple[int, str]]:
        for number, part in enumerate(self._of(what)):
            for line in part.sheet.records():
                if isinstance(line, Line):
                    yield number * FILE + line.number, line.written

    def movies(self) -> Iterator[Movie | Rejected]:
        self._note_unused()
        yield from self._rows("movies")

    def facts(self) -> Iterator[Movie | Rejected]:
        yield from self._rows("facts")

    def ratings(self) -> Iterator[RatingBlock]:
        for number, part in enumerate(self._of("ratings")):
            yield from part.ratings(number * FILE)

    def tags(self) -> Iterator[Tag | Rejected]:
        yield from self._rows("tags")

    def _rows(self, what: str) -> Iterator[Any]:
        """The rows of every file that holds such, by numbers of lines of their own."""
        for number, part in enumerate(self._of(what)):
            for row in part.rows():
                if isinstance(row, Rejected):
                    yield row
                else:
                    yield row._replace(line=row.line + number * FILE)

    def _size_of_ratings(self) -> int | None:
        sizes = [
            part.file.size if part.rating_columns().canonical else None
            for part in self._of("ratings")
        ]
        known = [size for size in sizes if size is not None]
        return sum(known) if len(known) == len(sizes) and sizes else None

    def _of(self, what: str) -> list[TablePart]:
        return [part for part in self.parts if part.part.holds == what]

    def _note_unused(self) -> None:
        for said in self._unread:
            self.notes.say(said)
        for part in self.parts:
            if part.part.kind in ("delimited", "json lines", "blocks") and part.file.is_cut:
                self.notes.cut(part.file.name)
            if part.part.holds == "ratings" and part.scale == STARS and part.is_up_to_one():
                self.notes.say(f"{part.file.name}: no rating is above 1: --scale 0-1 may be meant.")
            if unused := self._unused(part):
                self.notes.say(f"{part.file.name}: not used: {', '.join(unused)}.")

    def _unused(self, part: TablePart) -> list[str]:
        """The columns of a file that neither this part of it nor another is read from."""
        others = [set(other.columns.unused()) for other in self.parts if other.file == part.file]
        return [name for name in part.columns.unused() if all(name in one for one in others)]

    def _check_keys(self) -> None:
        """Films without an id of their own need a file that tells it."""
        linked = any(part.columns.find("movie_id") is not None for part in self._of("facts"))
        for part in self._of("movies"):
            if part.columns.find("movie_id") is None and not linked:
                raise missing_columns(
                    part.file.name, ["movie_id"], part.columns.header,
                    "Where it has another name, say so with --column movie_id=NAME.",
                )  # fmt: skip


def style_words(style: Format) -> str:
    """How a file is written, in words."""
    if style.kind != "delimited":
        return style.kind
    delimiters = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", "::": "::"}
    quotes = ", quotes" if style.quoted else ""
    escapes = " with backslashes" if style.escape else ""
    header = "a header" if style.header else "no header"
    return (
        f"{delimiters.get(style.delimiter, style.delimiter)}{quotes}{escapes}, {header}, "
        f"{style.encoding.upper().replace('_', '-')}"
    )


def spelt_out(file: DataFile, part: Part) -> Part:
    """The part with every column that it would find by itself."""
    columns = TablePart(file, part).columns
    found = {ours: columns.header[at] for ours, at in columns.found().items()}
    return part.model_copy(update={"columns": found})
