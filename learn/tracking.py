"""Runs of training, kept by MLflow: parameters, metrics, epochs, artefacts, revision, data.

A thread of its own writes them, so that training never waits for a store or a server, and never
fails with one. https://mlflow.org/docs/latest/ml/tracking
"""

import io
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from textwrap import shorten
from typing import TYPE_CHECKING, Any

import numpy as np

from learn.models.epochs import listening
from learn.models.interface import Ids
from learn.registry import Factors, StoredModel, read_body, read_factors
from learn.stores import opened_by_one
from palate.settings import Settings
from sql.database import Database
from sql.migrate import ALEMBIC

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

EXPERIMENT = "palate"
OFF = "off"

_FILE = "sqlite:///"
_ROOT = Path(__file__).parents[2]
_PATIENCE = 30.0  # seconds that the end of a run waits for what is still to be written
_LONGEST = 120  # characters of a reason
_MOST_AT_ONCE = 900  # metrics; MLflow takes a thousand
_TOGETHER = 1.0  # seconds that metrics wait for more: each writing costs as much as many epochs
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}
"""What MLflow is told unless the environment says otherwise: nothing is sent home, and a server
that does not answer is given up soon."""

Write = Callable[["MlflowClient", str], None]
Measured = tuple[str, float, int, int]  # name, value, milliseconds since 1970, step
Said = Write | list[Measured] | None


@dataclass
class Run:
    """One run. Nothing here waits or fails; one that is not kept takes everything alike."""

    kept: bool
    begin: Callable[[], None] = field(default=lambda: None, repr=False)
    begun: bool = field(default=False, init=False)
    _writes: SimpleQueue[Said] = field(default_factory=SimpleQueue, repr=False)
    _fits: int = field(default=0, init=False, repr=False)
    _epoch: int = field(default=0, init=False, repr=False)

    def parameters(self, values: Mapping[str, Any]) -> None:
        """What was chosen before: each name once."""
        from_names = {_rename(name): str(value) for name, value in values.items()}

        def write(client: "MlflowClient", run: str) -> None:
            for name, value in from_names.items():
                client.log_param(run, name, value)

        self._put(write)

    def metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        """Numbers that were measured; ``@`` in a name becomes ``_at_``, which MLflow allows."""
        now = int(time.time() * 1000)
        self._put([(_rename(name), float(value), now, step) for name, value in values.items()])

    def tags(self, values: Mapping[str, str]) -> None:
        """Words to find the run by."""
        copied = dict(values)

        def write(client: "MlflowClient", run: str) -> None:
            for name, value in copied.items():
                client.set_tag(run, name, value)

        self._put(write)

    def artefact(self, name: str, content: bytes) -> None:
        """A file of the run."""

        def write(client: "MlflowClient", run: str) -> None:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / name
                path.write_bytes(content)
                client.log_artifact(run, str(path))

        self._put(write)

    def epoch(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """What a model says as it learns; each time one starts again is a fit of its own."""
        if epoch <= self._epoch or not self._fits:
            self._fits += 1
        self._epoch = epoch
        self.metrics({f"fit {self._fits}/{name}": v for name, v in metrics.items()}, epoch)

    def _put(self, said: Write | list[Measured]) -> None:
        if not self.kept:
            return
        self._writes.put(said)
        if not self.begun:
            self.begun = True
            self.begin()


@contextmanager
def tracked(
    settings: Settings,
    name: str,
    warn: Callable[[str], None] = lambda _: None,
    *,
    epochs: bool = True,
) -> Iterator[Run]:
    """A run that ends with the context and, unless told otherwise, hears every epoch of models
    that learn in it.

    It begins with the first thing that is said: nothing is kept of what was refused before.
    ``warn`` is told, once and at the end, when it could not be kept.
    """
    uri = tracking_uri(settings)
    run = Run(kept=uri is not None)
    if uri is None:
        yield run
        return
    writer = _Writer(settings, uri, name, run._writes)
    run.begin = writer.start
    status = "FAILED"
    try:
        with listening(run.epoch) if epochs else nullcontext():
            yield run
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:
        if run.begun or status != "FAILED":
            _end(run, writer, status)
            if reason := "no answer" if writer.is_alive() else writer.failure:
                warn(
                    f"This run is not kept at {_hide_password(uri)} ({reason}); what was learned "
                    "is. PALATE_MLFLOW_TRACKING_URI=off keeps none."
                )


def _end(run: Run, writer: "_Writer", status: str) -> None:
    run._put(lambda client, run_id: client.set_terminated(run_id, status))
    run._writes.put(None)
    writer.join(_PATIENCE)


def keep_models(run: Run, database: Database, models: Sequence[StoredModel]) -> None:
    """Add stored models to a run: parameters, metrics, data, and the models themselves."""
    if not run.kept:
        return
    for model in models:
        run.parameters({f"{model.kind}.{name}": v for name, v in model.parameters.items()})
        run.metrics({f"{model.kind}/{name}": v for name, v in model.metrics.items()})
        run.tags({f"palate.{model.kind}": f"{model} (id {model.id}, {model.state})"})
        if model.fingerprint is not None:
            run.tags({"palate.fingerprint": model.fingerprint})
        if model.kind != "order":
            run.artefact(f"{model.kind}.npz", _npz(*read_factors(database, model.id)))
        if (body := read_body(database, model.id)) is not None:
            run.artefact(f"{model.kind}.txt", body.encode())


def _npz(movie_ids: Ids, factors_in: Factors, factors_out: Factors) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, movie_ids=movie_ids, factors_in=factors_in, factors_out=factors_out)
    return buffer.getvalue()


def tracking_uri(settings: Settings) -> str | None:
    """Where runs are kept; None when nowhere."""
    chosen = settings.mlflow_tracking_uri
    if chosen == OFF:
        return None
    return chosen or f"{_FILE}{_find_folder(settings) / 'runs.db'}"


def git_revision(folder: Path = _ROOT) -> str | None:
    """The revision of Palate's own folder, ``-dirty`` when changed since; None without one."""
    git = shutil.which("git")
    if git is None or not (folder / ".git").exists():
        return None
    command = [git, "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=40",
               "--exclude=*"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return done.stdout.strip() or None


class _Writer(threading.Thread):
    """Writes one run, in the order in which things were said."""

    def __init__(self, settings: Settings, uri: str, name: str, writes: SimpleQueue[Said]) -> None:
        super().__init__(name="mlflow", daemon=True)
        self.failure = ""
        self._settings, self._uri, self._name, self._writes = settings, uri, name, writes

    def run(self) -> None:
        try:
            client, run = self._begin()
            self._write(client, run)
        except ImportError:
            self.failure = "MLflow is not installed"
        except Exception as error:  # whatever a store or a server does, training goes on
            self.failure = _explain(error).replace(self._uri, _hide_password(self._uri))

    def _write(self, client: "MlflowClient", run: str) -> None:
        """Everything that is said until the end; metrics that come in a row go together."""
        from mlflow.entities import Metric

        measured: list[Measured] = []
        while True:
            try:
                said = self._writes.get(timeout=_TOGETHER)
            except Empty:
                said = []
            if said and isinstance(said, list) and len(measured) < _MOST_AT_ONCE:
                measured += said
                continue
            if measured:
                client.log_batch(run, [Metric(*each) for each in measured])
            measured = said if isinstance(said, list) else []
            if said is None:
                return
            if callable(said):
                said(client, run)

    def _begin(self) -> tuple["MlflowClient", str]:
        for name, value in _QUIET.items():
            os.environ.setdefault(name, value)
        from mlflow.tracking import MlflowClient

        tags = {"mlflow.source.name": f"palate {self._name}", "mlflow.source.type": "LOCAL"}
        if (revision := git_revision()) is not None:
            tags["mlflow.source.git.commit"] = revision
        with self._alone():
            client = MlflowClient(tracking_uri=self._uri)
            experiment = self._experiment(client)
        made = client.create_run(experiment, tags=tags, run_name=self._name)
        return client, str(made.info.run_id)

    def _alone(self) -> AbstractContextManager[object]:
        """While a store is opened, which makes its tables where there are none yet."""
        if self._uri.startswith(_FILE):
            return opened_by_one(Path(self._uri.removeprefix(_FILE)))
        return nullcontext() if self._uri.startswith("http") else ALEMBIC

    def _experiment(self, client: "MlflowClient") -> str:
        from mlflow.exceptions import MlflowException

        local = self._settings.mlflow_tracking_uri is None
        place = (_find_folder(self._settings) / "artefacts").as_uri() if local else None
        found = client.get_experiment_by_name(EXPERIMENT)
        if found is None:
            try:
                return str(client.create_experiment(EXPERIMENT, artifact_location=place))
            except MlflowException:  # another training made it since
                found = client.get_experiment_by_name(EXPERIMENT)
                if found is None:
                    raise
        return str(found.experiment_id)


def _explain(error: BaseException) -> str:
    """What went wrong, in a few words: MLflow quotes whole requests and advises at length."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError):  # no connection, no right to write
            return cause.strerror or "no answer"
        cause = cause.__cause__ or cause.__context__
    return shorten(str(error).partition(". ")[0] or type(error).__name__, _LONGEST)


def _find_folder(settings: Settings) -> Path:
    return settings.data_dir.absolute() / "mlflow"


def _hide_password(uri: str) -> str:
    """The address without what stands before ``@``."""
    scheme, separator, rest = uri.partition("://")
    return scheme + separator + rest.rpartition("@")[2]


def _rename(name: str) -> str:
    return name.replace("@", "_at_")
