"""What `palate train two-tower` does beyond the other models: a device, checkpoints, vectors."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from typer import Option

from learn.models.factors import FactorModel
from learn.models.two_tower.model import TwoTower
from learn.tower_vectors import write_vectors
from palate.errors import MisuseError
from palate.settings import Settings
from serve.cli.output import say, warn


@dataclass(frozen=True)
class Towers:
    """How two towers are trained."""

    device: Annotated[str, Option(help="two-tower: cpu, cuda; auto: a GPU where there is one.")] = (
        "auto"
    )
    resume: Annotated[bool, Option(help="two-tower: go on where training was stopped.")] = False
    vectors: Annotated[
        Path | None, Option(metavar="FOLDER", help="two-tower: write the vectors there, too.")
    ] = None

    def chosen(self, model: FactorModel | None, settings: Settings) -> TwoTower | None:
        """The model, ready to train, if it is two-tower.

        Raises MisuseError for an option of two-tower's with another model, a device that is not
        there or a folder that cannot be made; NotInstalledError without PyTorch.
        """
        if not isinstance(model, TwoTower):
            if self != Towers():
                raise MisuseError(
                    "--device, --resume and --vectors belong to two-tower. Nothing was trained."
                )
            return None
        model.device, model.resume = self.device, self.resume
        model.checkpoints = settings.data_dir / "checkpoints"
        model.check_device()
        if self.vectors is not None:
            _make(self.vectors)
        if self.resume and not list(model.checkpoints.glob("two-tower-*.pt")):
            warn(f"Nothing was stopped in {model.checkpoints}: training begins anew.")
        return model

    def finish(self, model: TwoTower) -> None:
        """After training: write the vectors where they are wanted, drop the checkpoints."""
        if self.vectors is not None:
            write_vectors(model, self.vectors)
            say(f"Wrote the vectors of {len(model.movie_ids):,} films to {self.vectors}.")
        model.forget_checkpoints()


def epoch_line(epoch: int, reached: Mapping[str, float]) -> str:
    """What an epoch reached, on one line."""
    return f"epoch {epoch}: " + ", ".join(f"{name} {v:.4f}" for name, v in reached.items())


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MisuseError(
            f"{folder} cannot be made: {error.strerror}. Nothing was trained."
        ) from error
