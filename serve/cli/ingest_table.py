"""`palate ingest table` and `palate ingest inspect`: files of your own, in any common layout."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from ingest.arrivals import Arrivals, arrivals
from ingest.files import DataFile, open_files
from ingest.inspection import Inspection, inspect
from ingest.layouts import NAMES, Recognised, recognise
from ingest.load import LoadReport
from ingest.mapping import Holds, Mapping, Part, read_mapping, write_mapping
from ingest.progress import watch
from ingest.sources.describing import describe
from ingest.sources.table import Table, spelt_out
from ingest.times import DateFormat
from palate.errors import MisuseError, PalateError
from serve.cli.command import command
from serve.cli.ingest_load import LoadOptions, loading, print_load, run_load
from serve.cli.options import Json
from serve.cli.output import err, out, print_json, say, warn
from serve.cli.session import Session
from serve.cli.tables import print_table
from sql.own_fields import Type, read_types

app = typer.Typer()

Files = list[str] | None
LayoutName = Annotated[
    str | None, Option("--layout", help=f"Only think of this one: {', '.join(NAMES)}.")
]
Columns = Annotated[
    list[str] | None,
    Option(
        metavar="OURS=YOURS",
        help="Where a column is called otherwise; ratings.OURS in one kind of file. Repeat.",
    ),
]
Owner = Annotated[
    str | None, Option("--user", help="Whose ratings they are, where no column says.")
]


@dataclass(frozen=True)
class Given:
    """Files to be recognised, or named by what they hold."""

    files: Annotated[
        Files,
        Argument(metavar="FILE", help="Files, folders, zip archives, URLs or - (a pipe)."),
    ] = None
    movies: Annotated[Files, Option(metavar="FILE", help="Films: movie_id, title, ...")] = None
    ratings: Annotated[Files, Option(metavar="FILE", help="Ratings: user_id, movie_id, ...")] = None
    tags: Annotated[Files, Option(metavar="FILE", help="Tags: user_id, movie_id, tag, ...")] = None
    facts: Annotated[
        Files,
        Option(metavar="FILE", help="What completes films, by movie_id, imdb_id or tmdb_id."),
    ] = None

    def by_kind(self) -> dict[Holds, list[str]]:
        """What was named, kind by kind."""
        kinds: tuple[Holds, ...] = ("movies", "ratings", "tags", "facts")
        return {kind: getattr(self, kind) for kind in kinds if getattr(self, kind)}


@dataclass(frozen=True)
class Reading:
    """How files are read."""

    layout: LayoutName = None
    column: Columns = None
    separator: Annotated[
        str | None,
        Option(help="What parts genres, actors and keywords; any: | and ; and , and ' / '."),
    ] = None
    scale: Annotated[
        str | None,
        Option(
            help="1-10, 0-100, thumbs, counts, or events: view=3,cart=4,buy=5.",
            show_default="0.5-5, or what the layout says",
        ),
    ] = None
    unrated: Annotated[
        str | None, Option(help="Scores that only say that somebody saw it: -1,0,empty.")
    ] = None
    date_format: Annotated[
        DateFormat | None, Option(help="How dates such as 05/06/2020 are meant.")
    ] = None
    user: Owner = None


@command(
    "palate ingest csv --movies films.csv --ratings stars.csv",
    name="csv",
    hidden=True,
    show=print_load,
)
@command(
    "palate ingest table reviews.jsonl.gz meta.jsonl.gz",
    "palate ingest table --movies films.csv --ratings stars.csv --column user_id=customer",
    "palate ingest table --ratings scores.csv --scale 1-10 --dry-run",
    "palate ingest table --from postgresql://host/shop --ratings 'SELECT * FROM stars'",
    show=print_load,
)
def table(
    session: Session,
    given: Given,
    reading: Reading,
    options: LoadOptions,
    mapping: Annotated[
        Path | None, Option(metavar="FILE", help="What `palate ingest inspect` wrote.")
    ] = None,
    from_: Annotated[
        str | None,
        Option("--from", metavar="URL", help="A PostgreSQL whose queries stand for files."),
    ] = None,
    name: Annotated[str | None, Option(help="What the database remembers having loaded.")] = None,
) -> LoadReport:
    """Load your own files: CSV and its kin, JSON, Parquet; packed, piped or from the web."""
    with (
        loading(session) as database,
        watch(err()) as progress,
        arrivals(from_, progress) as arriving,
    ):
        source = _source(given, reading, mapping, arriving, read_types(database))
        source.name = name or source.name
        return run_load(database, source, options)


def _source(
    given: Given, reading: Reading, mapping: Path | None, arriving: Arrivals, own: dict[str, Type]
) -> Table:
    """The files as a mapping, their names or what they hold say that they are read."""
    files = given.files or []
    if mapping is not None:
        if reading.column:
            raise MisuseError(
                f"{mapping} says what columns mean, and so does --column. Nothing was loaded. "
                "Change the mapping, or leave it out."
            )
        read = read_mapping(mapping)
        mapped = _mapped(read, files, mapping, arriving, own)
        return Table(read.name or "csv", parts=_as_said(mapped, reading))
    found = _made_out(given, reading, arriving, own)
    name = _name_of(files, found) if files else "csv"
    return Table(name, parts=_as_said(found.parts, reading), unread=_unread(files, found))


@command("palate ingest inspect films.csv stars.csv", name="inspect")
def show(
    session: Session,
    given: Given,
    reading: Reading,
    write: Annotated[
        Path | None, Option(metavar="FILE", help="Write a mapping to change and to load by.")
    ] = None,
    json: Json = False,
) -> None:
    """Say what files hold, how they are written and how their columns would be read."""
    with arrivals() as arriving:
        found = _made_out(given, reading, arriving, _known_types(session))
        parts = _as_said(found.parts, reading)
        inspections = [inspect(file, part) for file, part in parts]
    if write is not None:
        write_mapping(Mapping(parts=[spelt_out(file, part) for file, part in parts]), write)
    if json:
        print_json(inspections)
        return
    for one in inspections:
        _print_inspection(one)
    for file, reason in found.unread:
        say(f"{file.name}: not read: {reason}.")
    if write is not None:
        places = " ".join(itertools.chain(given.files or (), *given.by_kind().values()))
        say(f"{write}: change it, then `palate ingest table {places} --mapping {write}`.")


def _known_types(session: Session) -> dict[str, Type]:
    """The fields of one's own that the database has, where there is one."""
    settings = session.settings
    if settings.database_url is None and not (settings.data_dir / "postgres").is_dir():
        return {}
    try:
        with session.database() as database:
            return read_types(database)
    except PalateError:
        return {}


def _made_out(
    given: Given, reading: Reading, arriving: Arrivals, own: dict[str, Type]
) -> Recognised:
    """The files as their kinds were said, or as they are recognised."""
    columns = parse_columns(reading.column or ())
    if given.by_kind():
        if given.files:
            raise MisuseError(
                "Name files by what they hold (--movies, --ratings, --tags, --facts) or let "
                "them be recognised, not both. Nothing was loaded."
            )
        opened = {
            kind: [file for place in places for file in open_files(arriving.take(place, kind))]
            for kind, places in given.by_kind().items()
        }
        return Recognised(describe(opened, columns, reading.separator, own=own), ())
    if not given.files:
        raise MisuseError("No file was named. Nothing was loaded. `palate ingest table --help`.")
    files = [file for place in given.files for file in open_files(arriving.take(place, "rows"))]
    found = recognise(files, reading.layout, reading.user, own, columns)
    if not found.parts:
        reasons = "; ".join(f"{file.name}: {reason}" for file, reason in found.unread)
        raise MisuseError(
            f"What the files hold was not made out ({reasons}). Nothing was loaded. Say it with "
            "--movies, --ratings or --tags (one file may be several), and --column OURS=YOURS."
        )
    return found


def _unread(places: list[str], found: Recognised) -> list[str]:
    """What to say of files beside those that are loaded. Raises MisuseError for one that was named
    itself: what somebody names is loaded, or nothing is. Of an archive some files will do."""
    said = [f"{file.name}: not read: {reason}." for file, reason in found.unread]
    others = set(places) - {str(file.path) for file, _ in found.parts}
    if named := [file.name for file, _ in found.unread if str(file.path) in others]:
        raise MisuseError(
            f"{' '.join(said)} Nothing was loaded. Leave {', '.join(named)} out, or say what it "
            "holds with --movies, --ratings or --tags, and --column OURS=YOURS."
        )
    return said


def _name_of(places: list[str], found: Recognised) -> str:
    """What a source is called that has no name: as its layout, else as its folder or file."""
    layouts = {part.layout for _, part in found.parts}
    (layout, *others) = layouts
    if layout is not None and not others and layout != "movielens":
        return layout
    return Path(places[0].rstrip("/")).name.partition(".")[0].lower() or "csv"


def _mapped(
    mapping: Mapping, places: list[str], path: Path, arriving: Arrivals, own: dict[str, Type]
) -> list[tuple[DataFile, Part]]:
    """The files that a mapping is about: those that were named, or beside it."""
    files = [
        file
        for place in places or [str(path.parent / part.file) for part in mapping.parts]
        for file in open_files(arriving.take(place, "rows"))
    ]
    by_name = {file.name: file for file in files}
    if absent := [part.file for part in mapping.parts if part.file not in by_name]:
        raise MisuseError(
            f"{path} is about {', '.join(absent)}, which was not named. Nothing was loaded. Name "
            "it, or correct the mapping."
        )
    return [(by_name[part.file], part.with_own(own)) for part in mapping.parts]


def _as_said(
    parts: Sequence[tuple[DataFile, Part]], reading: Reading
) -> list[tuple[DataFile, Part]]:
    """The files as the options say, which go before what was found out or a mapping says."""
    of_ratings = ("scale", "unrated", "user", "date_format")
    of_others = ("separator", "date_format")
    said = {name: value for name, value in vars(reading).items() if value is not None}
    return [
        (file, part.model_copy(update={name: said[name] for name in names if name in said}))
        for file, part in parts
        for names in (of_ratings if part.holds == "ratings" else of_others,)
    ]


def parse_columns(pairs: Iterable[str]) -> dict[str, str]:
    """``user_id=customer`` as a mapping. Raises MisuseError."""
    columns = {}
    for pair in pairs:
        ours, equals, yours = (part.strip() for part in pair.partition("="))
        if not (ours and equals and yours):
            raise MisuseError(
                f"--column: {pair!r} is no mapping. Nothing was loaded. "
                "Write OURS=YOURS, for example user_id=customer."
            )
        columns[ours] = yours
    return columns


def _print_inspection(one: Inspection) -> None:
    known = f" ({one.layout})" if one.layout else ""
    print_table(
        one.columns,
        "column=name",
        "looks like=looks",
        ("examples", lambda each: " · ".join(each.examples)),
        ("becomes", lambda each: each.becomes or "(not used)"),
        title=f"{one.file}: {one.holds}{known}; {one.written}",
    )
    if one.scale:
        say(f"scale {one.scale}")
    say(f"of the first {one.lines:,} lines {one.good:,} would be loaded")
    for sentence in one.refused:
        warn(sentence)
    for sentence in one.notes:
        say(sentence)
    out().print()
