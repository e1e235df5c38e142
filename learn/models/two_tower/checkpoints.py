"""Where a training stands, in a file: tensors and plain values, never a pickled object."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from palate.errors import ConflictError, LoadError

State = dict[str, Any]


@dataclass(frozen=True)
class Checkpoint:
    """After an epoch: all that the next ones depend on. ``about`` says what is being trained."""

    about: str
    epoch: int
    network: State
    optimizer: State
    best: dict[str, Tensor]
    best_epoch: int
    best_score: float
    log: list[dict[str, float]]

    def save(self, path: Path) -> None:
        """Write it beside ``path`` and put it there in one step: a kill leaves the one before."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            torch.save(asdict(self), part)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def load_checkpoint(path: Path, about: str) -> Checkpoint | None:
    """What save() wrote, if there is any.

    Raises LoadError for a file that is none, ConflictError for that of another training.
    """
    if not path.is_file():
        return None
    try:
        found = Checkpoint(**torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:
        raise LoadError(
            f"{path} is no checkpoint of this Palate. Nothing was trained. "
            "Train without --resume, or delete the file."
        ) from error
    if found.about != about:
        raise ConflictError(
            f"{path} is of other ratings, films or parameters. Nothing was trained. "
            "Train without --resume to begin anew."
        )
    return found
