"""Bounded staleness: a decision is made only on a view that lately was the whole of the topic.

The view is fresh while a question for the topic's end, begun no more than
`CONFIG_STALENESS_MS_MAX` ago, has been answered and the view had reached that end. Whoever writes a
configuration waits for twice as long after it is readable; an event published after that can only
be decided on with a view that holds it, on every matcher.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from math import inf
from time import monotonic
from typing import Final

from agents.lifecycle import abort
from pipeline.configs import CONFIG_STALENESS_MS_MAX

# Half the bound: a decision seldom has to wait, and the cost is ten small requests a second.
_EVERY_S: Final = CONFIG_STALENESS_MS_MAX / 2_000
_STALENESS_S: Final = CONFIG_STALENESS_MS_MAX / 1_000

# Where the topic ends now (its next offset); None when the broker does not answer.
AskEnd = Callable[[], Awaitable[int | None]]


class Freshness:
    """Keeps verifying that a view has reached its topic's end."""

    def __init__(self, ask_end: AskEnd, next_offset: Callable[[], int]) -> None:
        """`next_offset()` is the offset after the newest record that the view holds."""
        self._ask_end = ask_end
        self._next_offset = next_offset
        self._verified_at_s = -inf
        self._verified = asyncio.Event()
        self._advanced = asyncio.Event()
        self._is_behind = False

    @property
    def is_fresh(self) -> bool:
        """Whether a decision may be made now."""
        return monotonic() - self._verified_at_s <= _STALENESS_S

    @property
    def is_behind(self) -> bool:
        """Whether the topic is known to hold records that the view has not."""
        return self._is_behind

    def advanced(self) -> None:
        """The view has taken in a record."""
        self._advanced.set()

    async def wait(self) -> None:
        """Return as soon as the view is fresh: as a rule at once."""
        while not self.is_fresh:
            self._verified.clear()
            await self._verified.wait()

    async def run(self) -> None:
        """Verify again and again until cancelled."""
        while True:
            began_s = monotonic()
            await self.verify()
            await asyncio.sleep(max(0.0, began_s + _EVERY_S - monotonic()))

    async def verify(self) -> None:
        """Ask for the end, wait until the view is there, and count from the asking."""
        began_s, held = monotonic(), self._next_offset()
        end = await self._ask_end()
        if end is None:
            return
        if end < held:
            abort(f"the configs topic ends at {end}, but was read up to {held}: made anew?")
        await self._reach(end)
        self._verified_at_s = began_s
        self._verified.set()

    async def _reach(self, end: int) -> None:
        try:
            while self._next_offset() < end:
                self._is_behind = True
                self._advanced.clear()
                await self._advanced.wait()
        finally:
            self._is_behind = False
