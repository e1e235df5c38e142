"""The `palate` command: its commands, its root options, and how it ends.

Exit codes: 0 done, 1 failed (or a check did not pass), 2 misused, 130 interrupted, 141 when
whoever read the output left.
"""

import importlib
import io
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException
from typer.main import get_group

import palate
from palate.errors import MisuseError, PalateError, RefusedByDatabaseError
from serve.cli.output import examples, say

_INTERRUPTED = 130
_BROKEN_PIPE = 141  # what a shell reports for a program that SIGPIPE ended

COMMANDS = {
    "Search": {
        "demo": "Load the sample and show what nobody, a fantasy lover and a fantasy hater see.",
        "search": "Find films by text and order them by a user's taste.",
        "movie": "Show what is known of one film.",
        "random": "Show films at random.",
        "similar": "Show the films most like one film, by the cosine of their texts' embeddings.",
        "ask": "Say what you look for in plain words: search, recommend, compare, predict, sum up.",
        "chat": 'Talk about films: each message goes on from the one before, "without the second", '
        '"why 3".',
        "recommend": "Recommend films that a user has neither seen nor turned away, from several "
        "sources.",
        "predict": "Predict what a user would give a film: stars, how sure that is, and what it "
        "rests on.",
        "preferences": "Sum up what a user likes: genres, decades, people, money, against what the "
        "crowd gives.",
        "compare": "Compare films: money, return, ratings, running time, and who leads in what.",
        "user": "Users: what they do and rate, and the taste made of it.",
    },
    "Data": {
        "fields": "Fields of your own: kept with each film, filtered, searched and counted.",
        "ingest": "Load films, ratings, tags and embeddings. All of a load, or nothing of it.",
        "sync": "Ask other services about films: facts, and where to watch them.",
        "embed": "Text embeddings of films: make them, count them, switch.",
        "enrich": "Tone, audience, money and effectiveness of films, to search and rank by.",
        "test-users": "Synthetic lovers and haters of fantasy, to see taste at work.",
    },
    "Learn": {
        "train": "Learn from the ratings in the database; the next search uses what was learned.",
        "tune": "Try parameters of a model, or tune the weights of searches or of recommendations.",
        "models": "Trained models: which there are and which one is used.",
        "evaluate": "Measure rankings on held-out ratings, with 95% intervals and every baseline "
        "beside them.",
        "features": "Features of users, films and ratings as Parquet files.",
    },
    "Run": {
        "serve": "Serve the HTTP API and the page until Ctrl-C; what runs is finished first.",
        "mcp": "Offer films and tastes to an assistant that speaks MCP, until it hangs up.",
        "keys": "API keys of the HTTP server.",
        "rules": "Synonyms, films pinned or hidden, and what rules recommendations.",
        "llm": "The language model: its calls, costs and answers.",
        "db": "The database: server, schema, psql, backups.",
        "k8s": "Palate on Kubernetes: psql, searches, logs, jobs.",
        "doctor": "Look at the server, its schema, index, vectors, statistics and disk, and the "
        "language model.",
        "bench": "Measure speed on this machine.",
    },
}
"""Panels of the help, with each command and its first line there.

A command is in the module of its name, with _ for -, and is imported when it is typed.
"""


def load_command(name: str) -> TyperCommand | TyperGroup:
    """Import a command, or a group of commands, with its options and its own help."""
    module = importlib.import_module(f"serve.cli.{name.replace('-', '_')}")
    group = get_group(module.app)
    group.help = group.help or next(own[name] for own in COMMANDS.values() if name in own)
    return group.commands.get(name, group)  # type: ignore[return-value]


class LazyGroup(TyperGroup):
    """Knows the first line of each command's help; what is typed is imported."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = {
            name: TyperCommand(name, help=line, rich_help_panel=panel, callback=None)
            for panel, commands in COMMANDS.items()
            for name, line in commands.items()
        }

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command that the first word names, imported."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command and load_command(str(name)), rest


app = typer.Typer(
    name="palate",
    cls=LazyGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """Search results, to taste: BM25 finds the films, each user's taste orders them.

    Start with [bold]palate demo[/bold].
    """
    from serve.cli.session import open_session  # not for help, which must come at once

    flags = {
        "database_url": database_url,
        "data_dir": data_dir,
        "engine": engine,
        "log_level": log_level,
    }
    context.obj = open_session(flags, context.invoked_subcommand)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; every error becomes one line on stderr."""
    try:
        typed = list(sys.argv[1:] if arguments is None else arguments)
        _check_letters(typed)
        ended = app(typed, prog_name="palate", standalone_mode=False)
        sys.stdout.flush()
        return ended if isinstance(ended, int) else 0
    except TyperException as error:
        return _misused(error)
    except typer.Abort:
        say("palate: stopped. Nothing was done.")
        return 1
    except RefusedByDatabaseError as error:
        said = f" PostgreSQL said: {error.said}." if error.said else ""
        return _failed(error, f"{error}{said}", error.exit_code)
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


def _check_letters(typed: Sequence[str]) -> None:
    """Bytes that are no text of the terminal's, in any argument. Raises MisuseError."""
    for argument in typed:
        if any("\ud800" <= letter <= "\udfff" for letter in argument):
            shown = ascii(argument if len(argument) <= 40 else argument[:37] + "...")
            raise MisuseError(
                f"the argument {shown} has bytes that are no UTF-8. Nothing was done. Type it as "
                "UTF-8; a file of such a name has to be renamed first."
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
