"""On which machine something was measured, and when."""

import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Machine:
    """What a measurement depends on."""

    date: str
    cpu: str
    cores: int
    memory_gb: float
    system: str
    python: str

    def __str__(self) -> str:
        return (
            f"{self.date}, {self.cpu}, {self.cores} cores, {self.memory_gb:.0f} GB, "
            f"{self.system}, Python {self.python}"
        )


def this_machine() -> Machine:
    """The machine we run on, now."""
    return Machine(
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        cpu=_cpu(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else _cores(),
        memory_gb=psutil.virtual_memory().total / 1e9,
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
    )


def _cores() -> int:
    return os.cpu_count() or 1


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
