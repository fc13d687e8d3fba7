"""The arrivals of a case as they come in, told apart by load, and waited for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from agents.bench.children import ReceiverProcess
from agents.bench.tally import Tally

_POLL_S: Final = 0.1

# The loads of a case: the warm-up, jobs that were there before, and what is measured.
WARM_UP: Final = 0
PREPARED: Final = 1
MEASURED: Final = 2


class Watch:
    """What arrived so far."""

    def __init__(self, receiver: ReceiverProcess) -> None:
        """Watch `receiver`, expecting nothing yet."""
        self._receiver = receiver
        self._tallies: dict[int, Tally] = {}
        self.strays = 0

    def expect(self, load: int, measured: frozenset[int]) -> Tally:
        """Begin a load; its tally, which is filled by `look`."""
        self._tallies[load] = Tally(measured)
        return self._tallies[load]

    def tally(self, load: int) -> Tally:
        """The tally of a load that was begun."""
        return self._tallies[load]

    @property
    def requests(self) -> int:
        """Requests of all loads but the warm-up."""
        return sum(it.requests for load, it in self._tallies.items() if load != WARM_UP)

    def look(self) -> None:
        """Take in what is new."""
        for arrival in self._receiver.new_arrivals():
            tally = self._tallies.get(arrival.load)
            if tally is None:
                self.strays += 1
            else:
                tally.take(arrival)

    async def until(self, done: Callable[[], bool]) -> None:
        """Look until `done` says so."""
        self.look()
        while not done():
            await asyncio.sleep(_POLL_S)
            self.look()

    async def until_arrived(self, tally: Tally, owed: int, quiet_s: float) -> bool:
        """Look until all that is owed has arrived; False when nothing came for so long."""
        seen, heard_s = -1, time.monotonic()

        def is_over() -> bool:
            nonlocal seen, heard_s
            if tally.arrived > seen:
                seen, heard_s = tally.arrived, time.monotonic()
            return tally.arrived >= owed or time.monotonic() - heard_s > quiet_s

        await self.until(is_over)
        return tally.arrived >= owed

    async def for_s(self, seconds: float) -> None:
        """Look for so long."""
        deadline_s = time.monotonic() + seconds
        await self.until(lambda: time.monotonic() >= deadline_s)
