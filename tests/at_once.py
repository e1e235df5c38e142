"""Processes that do the same at once."""

import subprocess
import sys
from collections.abc import Sequence


def run_at_once(program: str, arguments: Sequence[str], processes: int) -> list[str]:
    """What each says of several that go on together.

    The program prints ``ready`` when it has imported what it needs, and goes on at the end of its
    input.
    """
    several = [
        subprocess.Popen(
            [sys.executable, "-c", program, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(processes)
    ]
    for process in several:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in several:
        assert process.stdin is not None
        process.stdin.close()
    said = []
    for process in several:
        assert process.stdout is not None
        with process:
            said.append(process.stdout.read())
    return said
