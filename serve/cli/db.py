"""`palate db`: the embedded server, the schema, psql, backups."""

import os
from pathlib import Path
from typing import Annotated, Literal

import typer
from typer import Argument, Option

from palate.errors import DatabaseUnavailableError, MisuseError, NewerSchemaError, NotInstalledError
from palate.settings import Settings
from serve.cli.command import TAKES_ALL, command
from serve.cli.options import Yes
from serve.cli.output import Done, confirm, warn
from serve.cli.psql import find_psql, read_arguments, run_psql
from serve.cli.session import Session
from serve.cli.tables import print_facts
from sql.address import split_secrets
from sql.backup import backup as write
from sql.backup import restore as read
from sql.completeness import repair
from sql.database import Database
from sql.embedded import EmbeddedServer
from sql.home import require_folder
from sql.migrate import migrate as bring_up
from sql.stats import refresh_stats


@command("palate db start")
def start(session: Session) -> Done:
    """Start the embedded server and keep it running until `palate db stop`.

    Other commands start it themselves and the last one stops it; a kept server answers at once.
    """
    settings = _embedded(session.settings)
    server = EmbeddedServer.start(settings.data_dir, keep=True)
    server.leave()
    said = f"The embedded server runs: {server.url}"
    return Done(EmbeddedServer.status(settings.data_dir), said)


@command("palate db stop")
def stop(
    session: Session,
    force: Annotated[bool, Option(help="Stop it under its users.")] = False,
) -> Done:
    """Stop the embedded server, or, while it is used, when its last user leaves."""
    settings = _embedded(session.settings)
    down = EmbeddedServer.stop(settings.data_dir, force=force)
    used = "is in use; it stops when its last user leaves."
    return Done({"stopped": down}, f"The embedded server {'is down.' if down else used}")


def _print(facts: dict[str, object]) -> None:
    print_facts(*((name.replace("_", " "), value) for name, value in facts.items()))


@command(
    "palate db status",
    "palate db status --json",
    show=_print,
    failed=lambda facts: not facts["running"],
)
def status(session: Session) -> dict[str, object]:
    """Show which database is used, and whether it runs; exits 1 when it does not."""
    settings = session.settings
    return _status_of_yours(settings) if settings.database_url else _status_embedded(settings)


def _status_embedded(settings: Settings) -> dict[str, object]:
    require_folder(settings.data_dir.absolute())
    found = EmbeddedServer.status(settings.data_dir)
    return {
        "server": "embedded",
        "running": found.running,
        "in_use": found.in_use,
        "kept": found.kept,
        "pid": found.pid,
        "url": found.url,
        "files": str(found.data_dir),
    }


def _status_of_yours(settings: Settings) -> dict[str, object]:
    with Database.open(settings) as database:
        url = database.where
        try:
            engine = database.search_engine.name
        except DatabaseUnavailableError as error:
            return {"server": "yours", "running": False, "url": url, "reason": str(error)}
    return {"server": "yours", "running": True, "url": url, "engine": engine}


@command("palate db migrate", "palate db migrate --wait 60")
def migrate(
    session: Session,
    wait: Annotated[
        float, Option(min=0, help="Seconds to wait for a server that does not answer yet.")
    ] = 0,
    allow_newer: Annotated[
        bool,
        Option(help="Leave a newer Palate's schema as it is: a rollback."),
    ] = False,
) -> Done:
    """Bring the schema to this Palate's. Many may run it at once: one works, the others wait."""
    with Database.open(session.settings) as database:
        try:
            applied = bring_up(database, wait)
        except NewerSchemaError as error:
            if not allow_newer:
                raise
            warn(str(error))
            applied = []
    said = f"Applied: {', '.join(applied)}." if applied else "The schema is up to date."
    return Done({"applied": applied}, said)


@command("palate db refresh")
def refresh(database: Database) -> Done:
    """Count ratings and popularity again, and put back what a crash took from the search index.

    Single ratings leave the counting to be done now and then.
    """
    changed, missing = refresh_stats(database), repair(database)
    lacked = f" {missing:,} were missing from the search index, which was made again."
    said = f"Counted; {changed:,} films changed.{lacked if missing else ''}"
    return Done({"changed": changed, "put_back": missing}, said)


@command(
    "palate db psql",
    "palate db psql -- -c \"SELECT title FROM search('lord')\"",
    context_settings=TAKES_ALL,
)
def psql(context: typer.Context, database: Database) -> None:
    """Open psql on the database; what follows is handed to it.

    Give its options after --, as in -- -c "SELECT 1"; a statement alone is handed over as -c.
    """
    bundled = database.server.bin_dir / "psql" if database.server else None
    program = bundled if bundled and bundled.exists() else find_psql()
    if program is None:
        raise NotInstalledError(
            "There is no psql here. Nothing was started. Install PostgreSQL's client tools."
        )
    # The password goes through the environment: a command line can be read by others.
    address, secrets = split_secrets(database.url)
    environment = os.environ | secrets
    path = f"-c search_path={database.search_path.replace(' ', '')}"
    environment["PGOPTIONS"] = f"{os.environ.get('PGOPTIONS', '')} {path}"
    raise typer.Exit(run_psql(program, [address, *read_arguments(context.args)], environment))


@command("palate db backup palate.backup", "palate db backup --kind csv palate.zip")
def backup(
    database: Database,
    file: Annotated[Path, Argument(help="File to write.")],
    kind: Annotated[
        Literal["auto", "dump", "csv"],
        Option(help="dump: by pg_dump. csv: a zip of tables. auto: dump where it can be."),
    ] = "auto",
) -> Done:
    """Write the whole database into one file."""
    return Done(write(database, file, kind), f"Wrote {file}.")


@command("palate db restore palate.backup", "palate db restore --replace palate.backup")
def restore(
    session: Session,
    file: Annotated[Path, Argument(exists=True, dir_okay=False, help="File to read.")],
    replace: Annotated[bool, Option(help="Lose what the database holds.")] = False,
    yes: Yes = False,
) -> Done:
    """Bring a backup back, all of it or nothing; it answers the same searches."""
    if replace:
        confirm("Replace everything in the database by the backup?", yes=yes)
    with session.database() as database:
        return Done(read(database, file, replace=replace), f"Restored {file}.")


def _embedded(settings: Settings) -> Settings:
    if settings.database_url is not None:
        raise MisuseError(
            "PALATE_DATABASE_URL names a server of yours, which Palate neither starts nor stops. "
            "Nothing was done. Unset it to use the embedded one."
        )
    return settings
