"""An agent's two threads of work, each of which sees whether the other still turns.

The consuming thread counts its turns, the event loop its beats. Whoever finds that the other has
not moved for too long writes down where it stands and ends the process: a thread that hangs is a
silence that nobody else would notice.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

import structlog

from agents.lifecycle import abort
from pipeline.stalls import STALL_S, StallClock

# A callback waits for the broker, and reads attempts back: 30 and 20 s at most, and some more.
CALLBACK_S_MAX: Final = 120

_LOOK_EVERY_S: Final = 1.0

_log = structlog.get_logger()


class Turning:
    """Written by the two, each its own part, and read by both."""

    def __init__(self, stall_s: float | None = None) -> None:
        """`stall_s` is how long either may stand still."""
        self.stall_s = STALL_S if stall_s is None else stall_s
        self.in_callback = False
        self._turns = self._beats = 0
        self._thread: int | None = None
        self._loop_thread: int | None = None
        self._thread_clock, self._loop_clock = StallClock(), StallClock()
        self._looked_at_s = 0.0

    # The consuming thread's side

    def turned(self, thread: int | None) -> None:
        """The consuming thread has made a turn: look whether the event loop does."""
        self._turns += 1
        self._thread = thread
        now_s = time.monotonic()
        if now_s - self._looked_at_s < _LOOK_EVERY_S:
            return
        self._looked_at_s = now_s
        waits = {} if self._loop_thread is None else {f"beat {self._beats}": self.stall_s}
        if self._loop_clock.stalled(now_s, waits) is not None:
            end_with_stack(
                f"no progress: the event loop has hung for {self.stall_s:g} s", self._loop_thread
            )

    @contextmanager
    def callback(self) -> Iterator[None]:
        """While this lasts the consuming thread makes no turns, and has more time."""
        outer, self.in_callback = self.in_callback, True
        try:
            yield
        finally:
            self._turns += 1
            self.in_callback = outer

    # The event loop's side

    async def each_second(self, look: Callable[[], Awaitable[None]]) -> None:
        """Beat, and look at something else as well, until cancelled."""
        try:
            while True:
                self.beat(threading.get_ident())
                await asyncio.sleep(_LOOK_EVERY_S)
                await look()
        finally:
            self.beat(None)

    def beat(self, thread: int | None) -> None:
        """The event loop turns: look whether the consuming thread does. None: the last beat."""
        self._loop_thread = thread
        self._beats += 1
        limit_s = CALLBACK_S_MAX if self.in_callback else self.stall_s
        waits = {f"turn {self._turns}, {self.in_callback}": limit_s} if self._turns else {}
        if self._thread_clock.stalled(time.monotonic(), waits) is not None:
            end_with_stack(
                f"no progress: the consuming thread has hung for {limit_s:g} s", self._thread
            )


def end_with_stack(reason: str, thread: int | None) -> NoReturn:
    """End the process, with what another thread is doing in the log."""
    frame = sys._current_frames().get(thread or 0)  # noqa: SLF001 - its public name
    stack = "it has ended" if frame is None else "".join(traceback.format_stack(frame))
    _log.critical("thread.hangs", reason=reason, stack=stack)
    abort(reason)
