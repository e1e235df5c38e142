"""`palate ingest follow`: a source that keeps coming."""

import time
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from ingest.follow import Followed, FollowOptions, following, take_new
from ingest.mapping import read_mapping
from ingest.progress import watch
from palate.errors import LoadError
from serve.cli.command import command
from serve.cli.ingest_load import OnErrorOption, RejectsFile, loading, print_load
from serve.cli.ingest_table import LayoutName, Owner
from serve.cli.options import Json
from serve.cli.output import err, print_json, say, warn
from serve.cli.session import Session

app = typer.Typer()


@command(
    "palate ingest follow /data/incoming",
    "palate ingest follow https://example.org/exports/ --once",
    "palate ingest follow /data/incoming --mapping shop.json --on-error skip --every 300",
)
def follow(
    session: Session,
    place: Annotated[str, Argument(help="A folder, or the URL of a file or a page of links.")],
    once: Annotated[
        bool, Option(help="Take what is new and end, with 1 where some was refused.")
    ] = False,
    every: Annotated[float, Option(min=1, help="Seconds from one look to the next.")] = 30,
    mapping: Annotated[
        Path | None, Option(metavar="FILE", help="How files are read, by their names or patterns.")
    ] = None,
    layout: LayoutName = None,
    user: Owner = None,
    name: Annotated[
        str | None, Option(help="What the database remembers: that of its source.")
    ] = None,
    on_error: OnErrorOption = "stop",
    rejects: RejectsFile = None,
    json: Json = False,
) -> None:
    """Take new files of a folder or a web address, each once; what is taken adds to what is there.

    Files are known by what they say. One that is refused is tried again when it changes, or when
    another one is taken.
    """
    known = read_mapping(mapping) if mapping is not None else None
    options = FollowOptions(
        name or (known.name if known else None), known, layout, user, on_error, rejects
    )
    with loading(session) as database, following(database):
        while True:
            with watch(err()) as progress:
                met = []
                for one in take_new(database, place, options, progress):
                    met.append(one)
                    if not json:
                        _print(one)
            if json and (met or once):
                print_json(met)
            if once:
                if not met and not json:
                    say("There is nothing new.")
                break
            time.sleep(every)
    if refused := [one.file for one in met if one.outcome == "refused"]:
        raise LoadError(
            f"{len(refused):,} of {len(met):,} new files were refused: {', '.join(refused)}. The "
            "others are loaded."
        )


def _print(one: Followed) -> None:
    if one.outcome == "refused":
        warn(f"{one.file}: refused: {one.reason}")
    elif one.report is None or one.outcome == "known":
        say(f"{one.file}: what it says was taken before; nothing was done.")
    else:
        say(f"{one.file}:")
        print_load(one.report)
