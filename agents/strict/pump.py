"""Adaptive batches: while one is worked on, what arrives meanwhile becomes the next.

Collecting for a fixed time costs that time at every rate (28 ms against 5 ms at the median); one
batch in flight costs nothing when it is quiet and grows by itself when it is not. What fails ends
the process before anything can take it for done.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice
from typing import Final, Generic, Protocol, TypeVar

from agents.lifecycle import abort

# Enough to keep the producer busy; times the fan-out it must stay below the producer's queue.
BATCH_EVENTS_MAX: Final = 500

# When this much waits, fetching pauses. A few batches: more would only delay a drain.
WAITING_EVENTS_MAX: Final = 2_000
WAITING_BYTES_MAX: Final = 32 * 1024 * 1024  # an event may be 1 MiB


class Weighed(Protocol):
    """What a batch is made of: anything that knows its size in bytes."""

    @property
    def serialized_value_size(self) -> int:
        """Bytes it takes up while it waits."""


T = TypeVar("T", bound=Weighed)
Work = Callable[[Sequence[T]], Awaitable[None]]
Done = Callable[[Sequence[T]], None]


class Batches(Generic[T]):
    """What waits, and the one task that works on it."""

    def __init__(self, work: Work[T]) -> None:
        """`work` is given each batch, and returns when everything it wrote is acknowledged."""
        self._work = work
        self._waiting: deque[T] = deque()
        self._waiting_bytes = 0
        self._arrived = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._holding = False
        self._epoch = 0

    @property
    def crowded(self) -> bool:
        """Whether so much waits that no more should be fetched."""
        return len(self._waiting) >= WAITING_EVENTS_MAX or self._waiting_bytes >= WAITING_BYTES_MAX

    @property
    def in_flight(self) -> bool:
        """Whether a batch is being worked on."""
        return not self._idle.is_set()

    def put(self, item: T) -> None:
        """Add one; while held back, what comes is dropped: it is uncommitted and read again."""
        if self._holding:
            return
        self._waiting.append(item)
        self._waiting_bytes += item.serialized_value_size
        self._arrived.set()

    def hold(self) -> None:
        """Drop what waits and take no more; the batch in flight goes on, and counts."""
        self._holding = True
        self._clear()

    def restart(self) -> None:
        """Begin anew, as after a seek: nothing waits, and a batch in flight no longer counts."""
        self.forget()
        self._holding = False

    def forget(self) -> None:
        """Drop what waits; the result of a batch in flight belongs to the past."""
        self._epoch += 1
        self._clear()

    async def idle(self, timeout_s: float) -> bool:
        """Wait until no batch is in flight; False when one still is after `timeout_s`."""
        try:
            await asyncio.wait_for(self._idle.wait(), timeout_s)
        except TimeoutError:
            return False
        return True

    async def run(self, done: Done[T]) -> None:
        """Work on batch after batch and report each to `done`; a failure ends the process."""
        while True:
            await self._arrived.wait()
            batch = self._take()
            if not batch:
                self._arrived.clear()
                continue
            epoch = self._epoch
            self._idle.clear()
            try:
                await self._work(batch)
            except Exception as error:  # noqa: BLE001 - whatever it is, going on could lose events
                abort("a batch could not be finished", error)
            if epoch == self._epoch:
                done(batch)
            self._idle.set()

    def _take(self) -> tuple[T, ...]:
        batch = tuple(islice(self._waiting, BATCH_EVENTS_MAX))
        for item in batch:
            self._waiting.popleft()
            self._waiting_bytes -= item.serialized_value_size
        return batch

    def _clear(self) -> None:
        self._waiting.clear()
        self._waiting_bytes = 0
