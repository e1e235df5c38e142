"""Requests wait in line, as long as it is of use."""

import asyncio
from typing import Any

import pytest

from serve.api.lines import Line
from serve.api.problems import OverloadedError


def test_whose_turn_does_not_come_in_time_is_told_to_retry() -> None:
    """Rather than begun, only to be stopped, or told of a limit that it never met."""
    asyncio.run(_wait_in_vain())


async def _wait_in_vain() -> None:
    line, over = Line(width=1, seconds=30.0, longest=5), asyncio.Event()
    begun: list[str] = []

    async def work(name: str) -> None:
        begun.append(name)
        await over.wait()

    async def stay() -> Any:
        await asyncio.Event().wait()

    first = asyncio.create_task(line.serve(stay, lambda: work("first")))
    second = asyncio.create_task(line.serve(stay, lambda: work("second")))
    await asyncio.sleep(0.3)
    line._mean = 60.0  # requests took long lately
    over.set()
    await first
    with pytest.raises(OverloadedError, match="waited in line too long") as refused:
        await second
    assert begun == ["first"]
    assert int(refused.value.headers["Retry-After"]) >= 1
