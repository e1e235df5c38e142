"""The `palate` command: its groups, its root options, and how it ends.

Exit codes: 0 done, 1 failed (or a check did not pass), 2 misused, 130 interrupted, 141 when
whoever read the output left.
"""

import io
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.exceptions import TyperException

import palate
from palate.errors import MisuseError, PalateError, RefusedByDatabaseError
from serve.cli import (
    analysis,
    ask,
    bench,
    db,
    demo,
    doctor,
    embed,
    enrich,
    evaluate,
    features,
    ingest,
    k8s,
    keys,
    llm,
    models,
    movies,
    search,
    server,
    test_users,
    train,
    tune,
    user,
)
from serve.cli.output import say
from serve.cli.session import Session, examples

if TYPE_CHECKING:
    from palate.settings import Settings

_INTERRUPTED = 130
_REPORTING = ("serve", "ingest", "embed", "enrich", "bench")
_BROKEN_PIPE = 141  # what a shell reports for a program that SIGPIPE ended

app = typer.Typer(
    name="palate",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
_SEARCH, _DATA, _LEARN, _RUN = "Search", "Data", "Learn", "Run"
app.command("demo", rich_help_panel=_SEARCH, epilog=demo.EXAMPLES)(demo.demo)
app.command("search", rich_help_panel=_SEARCH, epilog=search.EXAMPLES)(search.search)
app.command("movie", rich_help_panel=_SEARCH, epilog=movies.MOVIE_EXAMPLES)(movies.movie)
app.command("random", rich_help_panel=_SEARCH, epilog=movies.RANDOM_EXAMPLES)(movies.random)
app.command("similar", rich_help_panel=_SEARCH, epilog=movies.SIMILAR_EXAMPLES)(movies.similar)
app.command("ask", rich_help_panel=_SEARCH, epilog=ask.EXAMPLES)(ask.ask)
app.command("recommend", rich_help_panel=_SEARCH, epilog=analysis.RECOMMEND_EXAMPLES)(
    analysis.recommend
)
app.command("predict", rich_help_panel=_SEARCH, epilog=analysis.PREDICT_EXAMPLES)(analysis.predict)
app.command("preferences", rich_help_panel=_SEARCH, epilog=analysis.PREFERENCES_EXAMPLES)(
    analysis.preferences
)
app.command("compare", rich_help_panel=_SEARCH, epilog=analysis.COMPARE_EXAMPLES)(analysis.compare)
app.add_typer(user.app, name="user", rich_help_panel=_SEARCH)
app.add_typer(ingest.app, name="ingest", rich_help_panel=_DATA)
app.add_typer(embed.app, name="embed", rich_help_panel=_DATA)
app.add_typer(enrich.app, name="enrich", rich_help_panel=_DATA)
app.add_typer(test_users.app, name="test-users", rich_help_panel=_DATA)
app.command("train", rich_help_panel=_LEARN, epilog=train.EXAMPLES)(train.train)
app.command("tune", rich_help_panel=_LEARN, epilog=tune.EXAMPLES)(tune.tune)
app.add_typer(models.app, name="models", rich_help_panel=_LEARN)
app.add_typer(evaluate.app, name="evaluate", rich_help_panel=_LEARN)
app.add_typer(features.app, name="features", rich_help_panel=_LEARN)
app.command("serve", rich_help_panel=_RUN, epilog=server.EXAMPLES)(server.serve)
app.add_typer(keys.app, name="keys", rich_help_panel=_RUN)
app.add_typer(llm.app, name="llm", rich_help_panel=_RUN)
app.add_typer(db.app, name="db", rich_help_panel=_RUN)
app.add_typer(k8s.app, name="k8s", rich_help_panel=_RUN)
app.command("doctor", rich_help_panel=_RUN, epilog=doctor.EXAMPLES)(doctor.doctor)
app.add_typer(bench.app, name="bench", rich_help_panel=_RUN)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"palate {palate.__version__}")
        raise typer.Exit


@app.callback(
    epilog=examples("palate demo", "palate search lord --user 20001 --user 20002", "palate serve")
)
def root(
    context: typer.Context,
    database_url: Annotated[
        str | None,
        typer.Option(
            envvar="PALATE_DATABASE_URL",
            metavar="URL",
            help="PostgreSQL or ParadeDB to use. Without it: the embedded server.",
        ),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(envvar="PALATE_DATA_DIR", help="Where the server, runs and studies are kept."),
    ] = None,
    engine: Annotated[
        Literal["auto", "paradedb", "postgres"] | None,
        typer.Option(envvar="PALATE_ENGINE", help="Search engine."),
    ] = None,
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"] | None,
        typer.Option(envvar="PALATE_LOG_LEVEL", help="Least severity that is logged."),
    ] = None,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print it."),
    ] = False,
) -> None:
    """Search results, to taste: BM25 finds the films, each user's taste orders them.

    Start with [bold]palate demo[/bold].
    """
    flags = {
        "database_url": database_url or None,
        "data_dir": data_dir,
        "engine": engine,
        "log_level": log_level,
    }
    settings = _settings({name: value for name, value in flags.items() if value})
    _set_up_logs(settings, context.invoked_subcommand)
    context.obj = Session(settings)


def _set_up_logs(settings: "Settings", command: str | None) -> None:
    """Commands that answer at once are quiet unless told otherwise; long ones report."""
    from palate.logs import set_up_logs

    if command not in _REPORTING and "log_level" not in settings.model_fields_set:
        settings = settings.model_copy(update={"log_level": "warning"})
    set_up_logs(settings)


def _settings(flags: dict[str, Any]) -> "Settings":
    """Settings with the flags on top. Raises MisuseError."""
    from pydantic import ValidationError

    from palate.settings import Settings

    try:
        return Settings(**flags)
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper().removeprefix("PALATE_")
        raise MisuseError(
            f"PALATE_{name}: {first['msg']}. Nothing was done. Correct it."
        ) from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; every error becomes one line on stderr."""
    try:
        ended = app(arguments, prog_name="palate", standalone_mode=False)
        sys.stdout.flush()
        return ended if isinstance(ended, int) else 0
    except TyperException as error:
        return _misused(error)
    except typer.Abort:
        say("palate: stopped. Nothing was done.")
        return 1
    except RefusedByDatabaseError as error:
        return _failed(error, f"{error} PostgreSQL said: {error.said}.", error.exit_code)
    except PalateError as error:
        return _failed(error, str(error), error.exit_code)
    except BrokenPipeError:
        return _reader_left()
    except SystemExit as error:
        # rich and typer turn a closed pipe into an exit of their own.
        if isinstance(error.__context__, BrokenPipeError):
            return _reader_left()
        raise
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Exception as error:
        return _failed(
            error,
            f"an error nobody expected: {type(error).__name__}: {_first_line(error)}. "
            "`palate --log-level debug ...` shows where.",
            1,
        )


def _reader_left() -> int:
    """Whoever read us has gone: the interpreter's last flush must not complain either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return _BROKEN_PIPE


def run() -> None:
    """The entry point."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    sys.exit(main())


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "no message").rstrip(".")


def _failed(error: Exception, message: str, exit_code: int) -> int:
    if logging.getLogger().isEnabledFor(logging.DEBUG):
        sys.stderr.write("".join(traceback.format_exception(error)))
    say("palate: " + " ".join(message.split()))
    return exit_code


def _misused(error: TyperException) -> int:
    """Say what was wrong with the words typed; an empty message means that help was shown."""
    if error.format_message():
        context = getattr(error, "ctx", None)
        path = context.command_path if context else "palate"
        message = " ".join(error.format_message().split())
        message += "" if message[-1] in ".?!" else "."
        if message.startswith("No such option"):
            message += " Words that begin with - go after --."
        say(f"{path}: {message} Try `{path} --help`.")
    return error.exit_code
