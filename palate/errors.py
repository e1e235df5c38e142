"""Errors people meet: each says what happened, what is unchanged and what to do.

One class a cause. The command line prints ``str(error)`` on one line and exits with
``exit_code``; the HTTP API turns the same error into a problem document with ``status``.
"""

from palate.text import neutral


class PalateError(Exception):
    """Any error with a message meant for the user."""

    exit_code = 1
    status = 500
    title = "Palate failed"

    def __init_subclass__(
        cls, *, status: int | None = None, title: str | None = None, exit_code: int | None = None
    ) -> None:
        """What is not said of a cause is as it is of the wider one."""
        cls.status, cls.title = status or cls.status, title or cls.title
        cls.exit_code = exit_code or cls.exit_code

    def __str__(self) -> str:
        return neutral(super().__str__())


class MisuseError(PalateError, exit_code=2, status=400, title="Bad request"):
    """The request itself is wrong: nothing was done."""


class NotFoundError(PalateError, status=404, title="Not found"):
    """What was named does not exist."""


class MissingFileError(NotFoundError, exit_code=2, title="No such file"):
    """A file or folder that was named is not there."""


class ListenError(PalateError, title="Address unavailable"):
    """An address to listen on cannot be had: nothing was started."""


class ConflictError(PalateError, status=409, title="Conflict"):
    """The request contradicts what the database holds: nothing was changed."""


class DatabaseUnavailableError(PalateError, status=503, title="Database unavailable"):
    """The database cannot be reached or does not answer in time."""


class RefusedByDatabaseError(PalateError, status=503, title="Refused by the database"):
    """PostgreSQL refused a statement. ``said`` is its reason, for the operator's eyes."""

    def __init__(self, message: str, said: str = "") -> None:
        super().__init__(message)
        self.said = said


class PrivilegeError(RefusedByDatabaseError, status=500, title="Missing privilege"):
    """The role that Palate connects as may not do this."""


class ReadOnlyError(RefusedByDatabaseError, title="Read-only database"):
    """The server only reads: a standby, or set so."""


class DiskFullError(RefusedByDatabaseError, title="Disk full"):
    """The server has no room to write."""


class StatementCancelledError(RefusedByDatabaseError, title="Statement cancelled"):
    """Somebody else cancelled the statement."""


class DeadlockError(RefusedByDatabaseError, title="Deadlock"):
    """Two writers waited for each other, and this one was ended."""


class SerializationError(RefusedByDatabaseError, title="Changed meanwhile"):
    """Somebody else changed the same rows first."""


class BusyError(RefusedByDatabaseError, title="Database busy"):
    """What was needed stayed locked for as long as it was waited for."""


class SchemaError(PalateError, status=503, title="Schema mismatch"):
    """The database's schema is missing, older or newer than this Palate."""


class NewerSchemaError(SchemaError):
    """A newer Palate has migrated the database; what this one needs may still be there."""


class EmbeddedServerError(PalateError, status=503, title="Embedded server unavailable"):
    """The embedded server cannot be used here."""


class NotInstalledError(PalateError, status=501, title="Not installed"):
    """An optional part is not installed."""


class QuerySyntaxError(MisuseError, title="Query syntax"):
    """A strict query cannot be parsed; ``position`` counts characters from 0."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


class LoadError(PalateError, status=422, title="Load refused"):
    """Data cannot be loaded: the tables are as they were."""


class EmbeddingError(PalateError, status=422, title="Embedding refused"):
    """Embeddings cannot be made or loaded."""


class LanguageModelError(PalateError, status=502, title="Language model failed"):
    """The language model gave no answer that can be used."""


class LanguageModelUnavailableError(
    LanguageModelError, status=503, title="Language model unavailable"
):
    """The language model cannot be reached, is overloaded or too slow: try again later."""


class LanguageModelRefusedError(LanguageModelError, title="Language model refused"):
    """The endpoint refuses the key, the model's name or the account: it will answer nothing."""


class NoCreditError(LanguageModelRefusedError, title="No credit for the language model"):
    """The account at the endpoint has nothing left to pay with."""


class UnusableAnswerError(LanguageModelError):
    """The model answered twice, and neither answer can be used.

    ``of_form``: the last one had its form, and was refused for what it says.
    """

    def __init__(self, message: str, *, of_form: bool) -> None:
        super().__init__(message)
        self.of_form = of_form


class UnrecordedError(LanguageModelRefusedError, status=503, title="Language model not recorded"):
    """A question cannot be recorded, so that no budget would count it: it was not asked."""


class BudgetError(LanguageModelError, status=429, title="Language model budget spent"):
    """A question would have cost more than the budget leaves: it was not asked."""


class BackupError(PalateError, status=422, title="Backup failed"):
    """A backup cannot be made, or not be restored: the database is as it was."""


class ClusterError(PalateError, status=502, title="Cluster"):
    """A Kubernetes cluster does not answer, or what is needed in it is not ready."""


class ClusterForbiddenError(ClusterError, title="Forbidden by the cluster"):
    """The cluster does not let this person do it: trying again changes nothing."""
