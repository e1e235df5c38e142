"""`palate ingest table` and `palate ingest inspect`: files of your own, in any common layout."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from ingest.arrivals import Arrivals, arrivals
from ingest.files import DataFile, open_files
from ingest.inspection import Inspection, inspect
from ingest.layouts import NAMES, Recognised, recognise
from ingest.mapping import Holds, Mapping, Part, read_mapping, write_mapping
from ingest.progress import watch
from ingest.sources.describing import describe
from ingest.sources.table import Table, spelt_out
from palate.errors import MisuseError, PalateError
from serve.cli.ingest_load import (
    Again,
    AtMost,
    DeleteMissing,
    DryRun,
    LoadOptions,
    OnErrorOption,
    OnlyOnce,
    RejectsFile,
    Replace,
    loading,
    print_load,
    run_load,
)
from serve.cli.options import Json
from serve.cli.output import err, examples, out, present, print_json, say, warn
from serve.cli.session import session
from serve.cli.tables import print_table
from sql.own_fields import Type, read_types

Places = Annotated[
    list[str] | None,
    typer.Argument(metavar="FILE", help="Files, folders, zip archives, URLs or - (a pipe)."),
]
LayoutName = Annotated[
    str | None, typer.Option("--layout", help=f"Only think of this one: {', '.join(NAMES)}.")
]
Owner = Annotated[
    str | None, typer.Option("--user", help="Whose ratings they are, where no column says.")
]

MoviesFiles = Annotated[
    list[str] | None, typer.Option(metavar="FILE", help="Films: movie_id, title, ...")
]
RatingsFiles = Annotated[
    list[str] | None, typer.Option(metavar="FILE", help="Ratings: user_id, movie_id, ...")
]
TagsFiles = Annotated[
    list[str] | None, typer.Option(metavar="FILE", help="Tags: user_id, movie_id, tag, ...")
]
FactsFiles = Annotated[
    list[str] | None,
    typer.Option(metavar="FILE", help="What completes films, by movie_id, imdb_id or tmdb_id."),
]
ColumnNames = Annotated[
    list[str] | None,
    typer.Option(
        metavar="OURS=YOURS",
        help="Where a column is called otherwise; ratings.OURS in one kind of file. Repeat.",
    ),
]
SeparatorOption = Annotated[
    str | None, typer.Option(help="What parts the items of genres, actors and keywords.")
]
ScaleOption = Annotated[
    str | None,
    typer.Option(
        help="1-10, 0-100, thumbs, counts, or events: view=3,cart=4,buy=5.",
        show_default="0.5-5, or what the layout says",
    ),
]
UnratedOption = Annotated[
    str | None, typer.Option(help="Scores that only say that somebody saw it: -1,0.")
]


@dataclass(frozen=True)
class Given:
    """Files that were named: to be recognised, or by what they hold."""

    files: list[str]
    movies: list[str]
    ratings: list[str]
    tags: list[str]
    facts: list[str]

    def by_kind(self) -> Iterator[tuple[Holds, list[str]]]:
        """What was named, kind by kind."""
        kinds: tuple[Holds, ...] = ("movies", "ratings", "tags", "facts")
        for kind in kinds:
            yield kind, getattr(self, kind)


def table(
    context: typer.Context,
    files: Places = None,
    movies: MoviesFiles = None,
    ratings: RatingsFiles = None,
    tags: TagsFiles = None,
    facts: FactsFiles = None,
    mapping: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What `palate ingest inspect` wrote.")
    ] = None,
    layout: LayoutName = None,
    column: ColumnNames = None,
    separator: SeparatorOption = None,
    scale: ScaleOption = None,
    unrated: UnratedOption = None,
    user: Owner = None,
    from_: Annotated[
        str | None,
        typer.Option("--from", metavar="URL", help="A PostgreSQL whose queries stand for files."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="What the database remembers having loaded.")
    ] = None,
    replace: Replace = False,
    on_error: OnErrorOption = "stop",
    rejects: RejectsFile = None,
    no_wait: OnlyOnce = False,
    again: Again = False,
    dry_run: DryRun = False,
    delete_missing: DeleteMissing = False,
    at_most: AtMost = 10,
    json: Json = False,
) -> None:
    """Load your own files: CSV and its kin, JSON, Parquet; packed, piped or from the web."""
    given = Given(files or [], movies or [], ratings or [], tags or [], facts or [])
    unread: list[str] = []
    with (
        loading(context) as database,
        watch(err()) as progress,
        arrivals(from_, progress) as arriving,
    ):
        own = read_types(database)
        if mapping is not None:
            if column:
                raise MisuseError(
                    f"{mapping} says what columns mean, and so does --column. Nothing was loaded. "
                    "Change the mapping, or leave it out."
                )
            read = read_mapping(mapping)
            parts, known = _mapped(read, files or [], mapping, arriving, own), read.name
        else:
            found = _made_out(given, arriving, layout, user, own, column, separator)
            parts, known = list(found.parts), _name_of(given.files, found) if files else None
            unread = _unread(given.files, found)
        parts = _as_said(parts, separator, scale, unrated, user)
        source = Table(name or known or "csv", parts=parts, unread=unread)
        options = LoadOptions(
            replace, on_error, rejects, no_wait, again, dry_run, delete_missing, at_most
        )
        report = run_load(database, source, options)
    present(report, print_load, json=json)


def show(
    context: typer.Context,
    files: Places = None,
    movies: MoviesFiles = None,
    ratings: RatingsFiles = None,
    tags: TagsFiles = None,
    facts: FactsFiles = None,
    layout: LayoutName = None,
    column: ColumnNames = None,
    separator: SeparatorOption = None,
    scale: ScaleOption = None,
    unrated: UnratedOption = None,
    user: Owner = None,
    write: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a mapping to change and to load by.")
    ] = None,
    json: Json = False,
) -> None:
    """Say what files hold, how they are written and how their columns would be read."""
    given = Given(files or [], movies or [], ratings or [], tags or [], facts or [])
    with arrivals() as arriving:
        found = _made_out(given, arriving, layout, user, _known_types(context), column, separator)
        parts = _as_said(list(found.parts), separator, scale, unrated, user)
        inspections = list(inspect(Recognised(parts, found.unread)))
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
        places = " ".join([*given.files, *(place for _, ones in given.by_kind() for place in ones)])
        say(f"{write}: change it, then `palate ingest table {places} --mapping {write}`.")


def _known_types(context: typer.Context) -> dict[str, Type]:
    """The fields of one's own that the database has, where there is one."""
    settings = session(context).settings
    if settings.database_url is None and not (settings.data_dir / "postgres").is_dir():
        return {}
    try:
        with session(context).database() as database:
            return read_types(database)
    except PalateError:
        return {}


def _made_out(
    given: Given,
    arriving: Arrivals,
    layout: str | None,
    user: str | None,
    own: dict[str, Type],
    column: list[str] | None,
    separator: str | None,
) -> Recognised:
    """The files as their kinds were said, or as they are recognised."""
    columns = parse_columns(column or ())
    if any(ones for _, ones in given.by_kind()):
        if given.files:
            raise MisuseError(
                "Name files by what they hold (--movies, --ratings, --tags, --facts) or let "
                "them be recognised, not both. Nothing was loaded."
            )
        return Recognised(describe(_opened(given, arriving), columns, separator, own=own), ())
    if not given.files:
        raise MisuseError("No file was named. Nothing was loaded. `palate ingest table --help`.")
    files = [file for place in given.files for file in open_files(arriving.take(place, "rows"))]
    found = recognise(files, layout, user, own, columns)
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
    loaded = {file.path for file, _ in found.parts}
    named = [
        file.name
        for file, _ in found.unread
        if str(file.path) in places and file.path not in loaded
    ]
    if named:
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
    absent = [part.file for part in mapping.parts if part.file not in by_name]
    if absent:
        raise MisuseError(
            f"{path} is about {', '.join(absent)}, which was not named. Nothing was loaded. Name "
            "it, or correct the mapping."
        )
    return [
        (by_name[part.file], part.model_copy(update={"own": own}))
        if part.holds in ("movies", "facts")
        else (by_name[part.file], part)
        for part in mapping.parts
    ]


def _opened(given: Given, arriving: Arrivals) -> dict[Holds, list[DataFile]]:
    return {
        kind: [file for place in places for file in open_files(arriving.take(place, kind))]
        for kind, places in given.by_kind()
        if places
    }


def _as_said(
    parts: list[tuple[DataFile, Part]],
    separator: str | None,
    scale: str | None,
    unrated: str | None,
    user: str | None,
) -> list[tuple[DataFile, Part]]:
    """The files as the options say, which go before what was found out or a mapping says."""
    ratings = {"scale": scale, "unrated": unrated, "user": user}
    others = {"separator": separator}
    return [
        (file, part.model_copy(update={name: said for name, said in update.items()
                                       if said is not None}))
        for file, part in parts
        for update in (ratings if part.holds == "ratings" else others,)
    ]  # fmt: skip


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
        ("column", lambda each: each.name),
        ("looks like", lambda each: each.looks),
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


def add_commands(app: typer.Typer) -> None:
    """The commands of this file."""
    shown = examples(
        "palate ingest table reviews.jsonl.gz meta.jsonl.gz",
        "palate ingest table --movies films.csv --ratings stars.csv --column user_id=customer",
        "palate ingest table --ratings scores.csv --scale 1-10 --dry-run",
        "palate ingest table --from postgresql://host/shop --ratings 'SELECT * FROM stars'",
    )
    app.command("table", epilog=shown)(table)
    former = examples("palate ingest csv --movies films.csv --ratings stars.csv")
    app.command("csv", hidden=True, epilog=former)(table)
    app.command("inspect", epilog=examples("palate ingest inspect films.csv stars.csv"))(show)
