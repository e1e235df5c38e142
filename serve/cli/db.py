"""`palate db`: the embedded server, the schema, psql, backups."""

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from palate.errors import DatabaseUnavailableError, MisuseError, NewerSchemaError, NotInstalledError
from palate.settings import Settings
from serve.cli.options import Json, Yes
from serve.cli.output import confirm, examples, present, print_json, say, warn
from serve.cli.psql import find_psql, read_arguments, run_psql
from serve.cli.session import session
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

app = typer.Typer(no_args_is_help=True, help="The database: server, schema, psql, backups.")


@app.command(epilog=examples("palate db start"))
def start(context: typer.Context, json: Json = False) -> None:
    """Start the embedded server and keep it running until `palate db stop`.

    Other commands start it themselves and the last one stops it; a kept server answers at once.
    """
    settings = _embedded(session(context).settings)
    server = EmbeddedServer.start(settings.data_dir, keep=True)
    url = server.url
    server.leave()
    if json:
        print_json(EmbeddedServer.status(settings.data_dir))
    else:
        say(f"The embedded server runs: {url}")


@app.command(epilog=examples("palate db stop"))
def stop(
    context: typer.Context,
    force: Annotated[bool, typer.Option("--force", help="Stop it under its users.")] = False,
    json: Json = False,
) -> None:
    """Stop the embedded server, or, while it is used, when its last user leaves."""
    settings = _embedded(session(context).settings)
    down = EmbeddedServer.stop(settings.data_dir, force=force)
    if json:
        print_json({"stopped": down})
    elif down:
        say("The embedded server is down.")
    else:
        say("The embedded server is in use; it stops when its last user leaves.")


@app.command(epilog=examples("palate db status", "palate db status --json"))
def status(context: typer.Context, json: Json = False) -> None:
    """Show which database is used, and whether it runs; exits 1 when it does not."""
    settings = session(context).settings
    facts = _status_of_yours(settings) if settings.database_url else _status_embedded(settings)
    if json:
        print_json(facts)
    else:
        print_facts((name.replace("_", " "), value) for name, value in facts.items())
    raise typer.Exit(0 if facts["running"] else 1)


def _status_embedded(settings: "Settings") -> dict[str, object]:
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


def _status_of_yours(settings: "Settings") -> dict[str, object]:
    with Database.open(settings) as database:
        url = database.where
        try:
            engine = database.search_engine.name
        except DatabaseUnavailableError as error:
            return {"server": "yours", "running": False, "url": url, "reason": str(error)}
    return {"server": "yours", "running": True, "url": url, "engine": engine}


@app.command(epilog=examples("palate db migrate", "palate db migrate --wait 60"))
def migrate(
    context: typer.Context,
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds to wait for a server that does not answer yet.")
    ] = 0,
    allow_newer: Annotated[
        bool,
        typer.Option("--allow-newer", help="Leave a newer Palate's schema as it is: a rollback."),
    ] = False,
    json: Json = False,
) -> None:
    """Bring the schema to this Palate's. Many may run it at once: one works, the others wait."""
    with Database.open(session(context).settings) as database:
        try:
            applied = bring_up(database, wait)
        except NewerSchemaError as error:
            if not allow_newer:
                raise
            warn(str(error))
            applied = []
    present(
        {"applied": applied},
        f"Applied: {', '.join(applied)}." if applied else "The schema is up to date.",
        json=json,
    )


@app.command(epilog=examples("palate db refresh"))
def refresh(context: typer.Context, json: Json = False) -> None:
    """Count ratings and popularity again, and put back what a crash took from the search index.

    Single ratings leave the counting to be done now and then.
    """
    with session(context).database() as database:
        changed, missing = refresh_stats(database), repair(database)
    lacked = f" {missing:,} were missing from the search index, which was made again."
    said = f"Counted; {changed:,} films changed.{lacked if missing else ''}"
    present({"changed": changed, "put_back": missing}, said, json=json)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    epilog=examples("palate db psql", "palate db psql -- -c \"SELECT title FROM search('lord')\""),
)
def psql(context: typer.Context) -> None:
    """Open psql on the database; what follows is handed to it.

    Give its options after --, as in -- -c "SELECT 1"; a statement alone is handed over as -c.
    """
    with session(context).database() as database:
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
        code = run_psql(program, [address, *read_arguments(context.args)], environment)
    raise typer.Exit(code)


@app.command(
    epilog=examples("palate db backup palate.backup", "palate db backup --kind csv palate.zip")
)
def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="File to write.")],
    kind: Annotated[
        Literal["auto", "dump", "csv"],
        typer.Option(help="dump: by pg_dump. csv: a zip of tables. auto: dump where it can be."),
    ] = "auto",
    json: Json = False,
) -> None:
    """Write the whole database into one file."""
    with session(context).database() as database:
        written = write(database, file, kind)
    present(written, f"Wrote {file}.", json=json)


@app.command(
    epilog=examples("palate db restore palate.backup", "palate db restore --replace palate.backup")
)
def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="File to read.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Lose what the database holds.")
    ] = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Bring a backup back, all of it or nothing; it answers the same searches."""
    if replace:
        confirm("Replace everything in the database by the backup?", yes=yes)
    with session(context).database() as database:
        restored = read(database, file, replace=replace)
    present(restored, f"Restored {file}.", json=json)


def _embedded(settings: "Settings") -> "Settings":
    if settings.database_url is not None:
        raise MisuseError(
            "PALATE_DATABASE_URL names a server of yours, which Palate neither starts nor stops. "
            "Nothing was done. Unset it to use the embedded one."
        )
    return settings
