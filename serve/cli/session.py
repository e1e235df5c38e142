"""What one command works with: the settings, and the database they name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from palate.contract import LARGEST_ID as LARGEST_ID
from palate.contract import PROFILE_PATTERN
from palate.errors import SchemaError

if TYPE_CHECKING:
    from llm import LanguageModel
    from palate.settings import Settings
    from rerank.search import Searcher
    from sql.database import Database


Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Rerank = Annotated[
    Literal["none", "llm", "small"],
    typer.Option(help="Judge the first 40 again: by the language model, or a small local one."),
]
Words = Annotated[
    Literal["template", "llm"],
    typer.Option(help="llm: the language model words the summary, from its facts only."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def _profile(value: str) -> str:
    if not re.fullmatch(PROFILE_PATTERN, value):
        raise typer.BadParameter("a profile is made of a-z, 0-9, - and _, at most 40 of them.")
    return value


Profile = Annotated[str, typer.Option(help="Which of the user's profiles.", callback=_profile)]
UserId = Annotated[int, typer.Argument(min=0, max=LARGEST_ID, help="The user's id.")]
MovieId = Annotated[int, typer.Argument(min=0, max=LARGEST_ID, help="The film's movie_id.")]


def examples(*commands: str) -> str:
    """The end of a command's help: what to type, a line each."""
    return "Examples:\n" + "\n".join(f"    {command}" for command in commands)


class Session:
    """The settings of this run: flags before PALATE_* variables before the .env file."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @contextmanager
    def database(self, *, migrate: bool = False) -> Iterator[Database]:
        """The database, started if it is the embedded one.

        ``migrate`` brings an embedded database to this schema first; another server's schema
        changes only on `palate db migrate`. Raises SchemaError when the schema does not fit.
        """
        from sql.database import Database

        with Database.open(self.settings) as database, _fitting_schema():
            if migrate and database.server is not None:
                from sql.migrate import migrate as bring_up

                bring_up(database)
            yield database

    @contextmanager
    def language_model(
        self, database: Database, *, wanted: bool = True, kept: bool = True
    ) -> Iterator[LanguageModel | None]:
        """The language model that the settings name; None where they name none or it is not
        ``wanted``. ``kept``: kept answers are used.

        Raises MisuseError and NotInstalledError, as `open_llm`.
        """
        if not wanted:
            yield None
            return
        from llm import open_llm
        from llm.store import PostgresStore, UnkeptStore

        store = PostgresStore(database) if kept else UnkeptStore(database)
        model = open_llm(self.settings, store)
        try:
            yield model
        finally:
            if model is not None:
                model.close()

    @contextmanager
    def searcher(self) -> Iterator[Searcher]:
        """Search over the database."""
        from rerank.search import Searcher

        with self.database() as database:
            yield Searcher(database, self.settings)


def session(context: typer.Context) -> Session:
    """The session that the root command made."""
    made = context.find_object(Session)
    if made is None:
        raise RuntimeError("the root command makes the session")
    return made


@contextmanager
def _fitting_schema() -> Iterator[None]:
    """Turn the database's word for a missing table or function into what to do."""
    import psycopg
    import sqlalchemy

    try:
        yield
    except sqlalchemy.exc.ProgrammingError as error:
        if isinstance(
            error.orig,
            psycopg.errors.UndefinedTable
            | psycopg.errors.UndefinedFunction
            | psycopg.errors.UndefinedColumn
            | psycopg.errors.UndefinedObject,
        ):
            raise SchemaError(
                "The database has no schema that fits this Palate. Nothing was done. "
                "Run `palate db migrate`; `palate demo` fills an empty one with the sample."
            ) from error
        raise
