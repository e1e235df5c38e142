"""What questions may still cost: room is held for each before it is asked, and given back after.

A question that is asked alone may cost what it costs: the budget is passed by one answer at most.
Others go beside it only where the budget would hold if each cost ten times what is held for it,
and, until a first answer has come, not at all. Those that wait go as soon as room comes back.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace

from llm.answers import AnswerStore, Budget, Call, CallEnd, Room, Usage
from palate.errors import BudgetError, LanguageModelUnavailableError
from palate.settings import Settings

_LOOK_AGAIN = 0.2  # seconds: another process may have given room back


@dataclass(frozen=True, slots=True)
class Held:
    """Room for one call, and what it was estimated at."""

    number: int
    room: Usage
    estimate: Usage


class Reservations:
    """The budgets of this process and of the day, for one event loop."""

    def __init__(self, settings: Settings, store: AnswerStore) -> None:
        self.spent = Usage()
        self._held = Usage()
        self._store = store
        self._run = Budget(settings.llm_run_tokens, settings.llm_run_cost)
        self._day = Budget(settings.llm_day_tokens, settings.llm_day_cost)
        self._worst: float | None = None
        """The most that an answer came to, of its estimate, and 1 at least; None: none came yet."""
        self._given_back = asyncio.Event()

    async def hold(self, call: Call, until: float) -> Held:
        """Room for a call, waited for until the loop's time ``until``.

        Raises BudgetError where what was spent leaves none, and LanguageModelUnavailableError where
        other questions held it for too long.
        """
        clock = asyncio.get_running_loop().time
        while True:
            room = call.estimate.times(self._worst or 1.0)
            self._given_back.clear()
            found: int | Room = self._look(room)
            scope = "RUN"
            if found == "go":
                scope, found = "DAY", await self._hold_for_the_day(replace(call, estimate=room))
            if isinstance(found, int):
                return Held(found, room, call.estimate)
            if found == "spent":
                raise _over(call.model, scope)
            left = until - clock()
            if left <= 0:
                raise LanguageModelUnavailableError(
                    f"Other questions to {call.model} held what is left of its budget for too "
                    "long. It was not asked. Ask again."
                )
            with suppress(TimeoutError):
                await asyncio.wait_for(self._given_back.wait(), min(left, _LOOK_AGAIN))

    async def settle(self, held: Held, end: CallEnd) -> None:
        """Give room back for what was spent instead."""
        self.spent += end.usage
        if end.usage.tokens:
            self._worst = max(self._worst or 1.0, end.usage.share_of(held.estimate))
        try:
            await asyncio.shield(asyncio.to_thread(self._store.settle, held.number, end))
        finally:
            self._free(held.room)

    def _look(self, room: Usage) -> Room:
        limited = self._run != Budget() or self._day != Budget()
        if limited and self._worst is None and self._held.tokens:
            return "wait"
        return self._run.room(self.spent, self._held, room)

    async def _hold_for_the_day(self, call: Call) -> int | Room:
        self._held += call.estimate
        found: int | Room = "wait"
        try:
            found = await asyncio.to_thread(self._store.reserve, call, self._day)
        finally:
            if not isinstance(found, int):
                self._free(call.estimate)
        return found

    def _free(self, room: Usage) -> None:
        self._held -= room
        self._given_back.set()


def _over(model: str, scope: str) -> BudgetError:
    whose = "this process" if scope == "RUN" else "24 hours"
    return BudgetError(
        f"The next question to {model} might go beyond the budget of {whose}. "
        "It was not asked; what was answered before is kept. "
        f"Raise PALATE_LLM_{scope}_TOKENS or PALATE_LLM_{scope}_COST, or wait."
    )
