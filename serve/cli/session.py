"""What one command works with: the settings, and the database they name."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext

import typer

from llm import LanguageModel, open_llm
from llm.store import PostgresStore
from palate.errors import SchemaError
from palate.logs import set_up_logs
from palate.person import PERSON
from palate.settings import Settings, read_settings
from rerank.people import find_user
from sql.database import Database

_REPORTING = ("serve", "ingest", "embed", "enrich", "bench")
_SERVING = ("serve", "mcp")


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
        with Database.open(self.settings) as database:
            try:
                if migrate and database.server is not None:
                    from sql.migrate import migrate as bring_up  # alembic is slow, rarely needed

                    bring_up(database)
                yield database
            except SchemaError:  # where something is missing, say which version it is of
                from sql.migrate import check_schema

                check_schema(database)
                raise

    def language_model(
        self, database: Database, *, wanted: bool = True
    ) -> AbstractContextManager[LanguageModel | None]:
        """The language model that the settings name; None where they name none or it is not
        ``wanted``.

        Raises MisuseError and NotInstalledError, as `open_llm`.
        """
        model = open_llm(self.settings, PostgresStore(database)) if wanted else None
        return model or nullcontext()


def open_session(flags: Mapping[str, object], command: str | None) -> Session:
    """Settings with the flags on top, and logs as the command wants them. Raises MisuseError.

    Commands that answer at once are quiet unless told otherwise; long ones report.
    """
    settings = read_settings({name: value for name, value in flags.items() if value})
    quiet = command not in _REPORTING and "log_level" not in settings.model_fields_set
    told = settings.model_copy(update={"log_level": "warning"}) if quiet else settings
    set_up_logs(told, serving=command in _SERVING)
    return Session(settings)


def user_of(database: Database, who: str) -> int:
    """The user of a number or a name, of whom what follows tells.

    Raises NotFoundError and MisuseError.
    """
    found = find_user(database, who)
    PERSON.set(found)
    return found


def session(context: typer.Context) -> Session:
    """The session that the root command made."""
    made = context.find_object(Session)
    if made is None:
        raise RuntimeError("the root command makes the session")
    return made
