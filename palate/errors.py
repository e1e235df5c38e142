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

    def __str__(self) -> str:
        return neutral(super().__str__())


class MisuseError(PalateError):
    """The request itself is wrong: nothing was done."""

    exit_code = 2
    status = 400
    title = "Bad request"


class NotFoundError(PalateError):
    """What was named does not exist."""

    status = 404
    title = "Not found"


class MissingFileError(NotFoundError):
    """A file or folder that was named is not there."""

    exit_code = 2
    title = "No such file"


class ListenError(PalateError):
    """An address to listen on cannot be had: nothing was started."""

    title = "Address unavailable"


class ConflictError(PalateError):
    """The request contradicts what the database holds: nothing was changed."""

    status = 409
    title = "Conflict"


class DatabaseUnavailableError(PalateError):
    """The database cannot be reached or does not answer in time."""

    status = 503
    title = "Database unavailable"


class RefusedByDatabaseError(PalateError):
    """PostgreSQL refused a statement. ``said`` is its reason, for the operator's eyes."""

    status = 503
    title = "Refused by the database"

    def __init__(self, message: str, said: str = "") -> None:
        super().__init__(message)
        self.said = said


class PrivilegeError(RefusedByDatabaseError):
    """The role that Palate connects as may not do this."""

    status = 500
    title = "Missing privilege"


class ReadOnlyError(RefusedByDatabaseError):
    """The server only reads: a standby, or set so."""

    title = "Read-only database"


class DiskFullError(RefusedByDatabaseError):
    """The server has no room to write."""

    title = "Disk full"


class StatementCancelledError(RefusedByDatabaseError):
    """Somebody else cancelled the statement."""

    title = "Statement cancelled"


class DeadlockError(RefusedByDatabaseError):
    """Two writers waited for each other, and this one was ended."""

    title = "Deadlock"


class SerializationError(RefusedByDatabaseError):
    """Somebody else changed the same rows first."""

    title = "Changed meanwhile"


class BusyError(RefusedByDatabaseError):
    """What was needed stayed locked for as long as it was waited for."""

    title = "Database busy"


class SchemaError(PalateError):
    """The database's schema is missing, older or newer than this Palate."""

    status = 503
    title = "Schema mismatch"


class NewerSchemaError(SchemaError):
    """A newer Palate has migrated the database; what this one needs may still be there."""


class EmbeddedServerError(PalateError):
    """The embedded server cannot be used here."""

    status = 503
    title = "Embedded server unavailable"


class NotInstalledError(PalateError):
    """An optional part is not installed."""

    status = 501
    title = "Not installed"


class QuerySyntaxError(MisuseError):
    """A strict query cannot be parsed; ``position`` counts characters from 0."""

    title = "Query syntax"

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


class LoadError(PalateError):
    """Data cannot be loaded: the tables are as they were."""

    status = 422
    title = "Load refused"


class EmbeddingError(PalateError):
    """Embeddings cannot be made or loaded."""

    status = 422
    title = "Embedding refused"


class LanguageModelError(PalateError):
    """The language model gave no answer that can be used."""

    status = 502
    title = "Language model failed"


class LanguageModelUnavailableError(LanguageModelError):
    """The language model cannot be reached, is overloaded or too slow: try again later."""

    status = 503
    title = "Language model unavailable"


class LanguageModelRefusedError(LanguageModelError):
    """The endpoint refuses the key, the model's name or the account: it will answer nothing."""

    title = "Language model refused"


class NoCreditError(LanguageModelRefusedError):
    """The account at the endpoint has nothing left to pay with."""

    title = "No credit for the language model"


class UnusableAnswerError(LanguageModelError):
    """The model answered twice, and neither answer can be used.

    ``of_form``: the last one had its form, and was refused for what it says.
    """

    def __init__(self, message: str, *, of_form: bool) -> None:
        super().__init__(message)
        self.of_form = of_form


class UnrecordedError(LanguageModelRefusedError):
    """A question cannot be recorded, so that no budget would count it: it was not asked."""

    status = 503
    title = "Language model not recorded"


class BudgetError(LanguageModelError):
    """A question would have cost more than the budget leaves: it was not asked."""

    status = 429
    title = "Language model budget spent"


class BackupError(PalateError):
    """A backup cannot be made, or not be restored: the database is as it was."""

    status = 422
    title = "Backup failed"


class ClusterError(PalateError):
    """A Kubernetes cluster does not answer, or what is needed in it is not ready."""

    status = 502
    title = "Cluster"


class ClusterForbiddenError(ClusterError):
    """The cluster does not let this person do it: trying again changes nothing."""

    title = "Forbidden by the cluster"
