"""The watchdog of a group's member: behind, and no progress for 30 seconds, means exit.

What stands still silently is read again by the next process. Time counts only while the broker
answers for every partition held, and not while new ones are being prepared; what is rightly held
back (too much is open, a tier's head is not due) is not behind.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from typing import TypeAlias

from agents.kafka.group_consumer import GroupConsumer
from agents.kafka.log_ends import LogEnds, Place
from agents.lifecycle import abort, end_process_on_failure
from pipeline.assignments import Key
from pipeline.stalls import STALL_S, StallClock, waits_of

# The offset of something in each of the partitions, or None when the broker does not answer.
Ask: TypeAlias = Callable[[Iterable[Place]], Awaitable[Mapping[Place, int] | None]]


def watch(consumer: GroupConsumer, is_stopping: Callable[[], bool]) -> asyncio.Task[None]:
    """Have a watchdog look after a consumer until the task is cancelled."""
    log_ends = LogEnds(consumer.settings)
    watchdog = Watchdog(consumer, log_ends.ends, log_ends.beginnings, is_stopping)
    return end_process_on_failure(asyncio.create_task(watchdog.run(), name="watchdog"))


class Watchdog:
    """Looks each second, in the event loop, and ends the process."""

    def __init__(
        self,
        consumer: GroupConsumer,
        ends: Ask,
        beginnings: Ask,
        is_stopping: Callable[[], bool],
        stall_s: float | None = None,
    ) -> None:
        """Watch a consumer against the broker's own answers, until it is told to stop."""
        self._consumer = consumer
        self._ends, self._beginnings = ends, beginnings
        self._is_stopping = is_stopping
        self._stall_s = STALL_S if stall_s is None else stall_s
        self._clock = StallClock()

    async def run(self) -> None:
        """Look until cancelled."""
        await self._consumer.turning.each_second(self.look)

    async def look(self) -> None:
        """Look once; does not return when something has stood still for too long."""
        waits = await self._waits()
        if waits is None or self._consumer.turning.in_callback or self._is_stopping():
            self._clock.reset()
            return
        reason = self._clock.stalled(time.monotonic(), waits)
        if reason is not None:
            abort(f"no progress: {reason}")

    async def _waits(self) -> dict[str, float] | None:
        """All that is waited for; None when the broker does not answer."""
        seen = {self._place(key): progress for key, progress in self._consumer.progress.items()}
        waits = {
            f"not ours, and not given up: {key[0]}/{key[1]}": self._stall_s
            for key in self._consumer.fenced
        }
        ends = await self._ends(seen)
        if ends is None:
            return None
        behind = [
            place
            for place, progress in seen.items()
            if progress.end is not None and ends[place] > (progress.expected or 0)
        ]
        # What was removed before it was read is nothing to wait for.
        beginnings = await self._beginnings(behind)
        if beginnings is None:
            return None
        for place, progress in seen.items():
            has_more = place in beginnings and ends[place] > beginnings[place]
            found = replace(progress, end=ends[place] if has_more else None)
            name = f"{place[0]}/{place[1]}"
            waits |= waits_of(name, found, self._stall_s, self._consumer.open_s_max)
        return waits

    def _place(self, key: Key) -> Place:
        return self._consumer.settings.topic(key[0]), key[1]
