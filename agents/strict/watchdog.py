"""The watchdog: assigned, work to do, and no progress for 20 seconds means exit.

Whatever stands still silently is read again by the next process, so a restart turns a stall, whose
cause we may not know, into a few repeats. Time counts only while the broker answers and no
rebalance is under way; a rebalance itself may not last for ever either.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Final, cast

from faust.types import TP

from agents import metrics
from agents.lifecycle import abort

if TYPE_CHECKING:  # only looked at
    from faust.tables.manager import TableManager
    from faust.tables.recovery import Recovery

    from agents.strict.app import StrictApp
    from agents.strict.consumer import StrictConsumer

# Twice the longest pause that a healthy worker was seen to make after a broker's restart.
STALL_S: Final = 20

# Joining a group takes a few seconds. Reading the table may take minutes, but never stands still.
REBALANCE_S: Final = 60

_EVERY_S: Final = 1

# Between two looks; an answer takes a second at the most.
_FROZEN_S: Final = 5

# The offset after the last record of each partition, or None when the broker does not answer.
LogEnds = Callable[[Iterable[TP]], Awaitable[Mapping[TP, int] | None]]


@dataclass(frozen=True, slots=True)
class Place:
    """How far a partition has come. `expected` is None when it was never positioned."""

    oldest_open: int | None
    expected: int | None
    end: int


class StallClock:
    """Says which partition has stood still for `STALL_S`, given what is seen and when."""

    def __init__(self) -> None:
        """Have seen nothing."""
        self._since: dict[tuple[TP, str, int | None], float] = {}

    def reset(self) -> None:
        """Count from anew: what was seen last is no measure for what comes."""
        self._since = {}

    def stalled(self, now_s: float, places: Mapping[TP, Place]) -> str | None:
        """Why the process should end, or None."""
        waits = [
            (tp, what, offset) for tp, place in places.items() for what, offset in _waits(place)
        ]
        self._since = {wait: self._since.get(wait, now_s) for wait in waits}
        for (tp, what, offset), since_s in self._since.items():
            if now_s - since_s >= STALL_S:
                return f"{what} {offset} of {tp.topic}/{tp.partition} for {STALL_S} s"
        return None


def _waits(place: Place) -> list[tuple[str, int | None]]:
    waits: list[tuple[str, int | None]] = []
    if place.oldest_open is not None:
        waits.append(("unfinished: offset", place.oldest_open))
    if place.end > (place.expected or 0):
        waits.append(("unread: offset", place.expected))
    return waits


class Watchdog:
    """Looks each second, and ends the process."""

    def __init__(self, app: StrictApp, log_ends: LogEnds) -> None:
        """Watch `app`'s consumer against the broker's own answer."""
        self._app = app
        self._log_ends = log_ends
        self._clock = StallClock()
        self._settled_at_s = self._looked_at_s = monotonic()
        self._table_at: dict[TP, int] = {}

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(_EVERY_S)
            await self.look()

    async def look(self) -> None:
        """Look once; does not return when something has stood still for too long."""
        if self._app.rebalancing:
            self._clock.reset()
            if not self._table_moved() and monotonic() - self._settled_at_s > REBALANCE_S:
                abort(f"a rebalance has stood still for {REBALANCE_S} s")
            return
        self._settled_at_s = monotonic()
        places = await self._places()
        if places is None or self._app.rebalancing or self._was_frozen():
            self._clock.reset()
            return
        _note_lag(places)
        reason = self._clock.stalled(monotonic(), places)
        if reason is not None:
            abort(f"no progress: {reason}")

    def _table_moved(self) -> bool:
        """Whether more of the table has been read since the last look: that may take its time."""
        last, self._table_at = self._table_at, dict(_recovery(self._app).active_offsets)
        if last != self._table_at:
            self._settled_at_s = monotonic()
        return last != self._table_at

    def _was_frozen(self) -> bool:
        """Whether this process did not run for a while: that is no fault of any partition."""
        last_s, self._looked_at_s = self._looked_at_s, monotonic()
        return self._looked_at_s - last_s > _FROZEN_S

    async def _places(self) -> dict[TP, Place] | None:
        consumer = cast("StrictConsumer", self._app.consumer)
        is_ours = self._app.topics.acks_enabled_for
        ends = await self._log_ends(tp for tp in consumer.assignment() if is_ours(tp.topic))
        if ends is None:
            return None
        ledger = consumer.ledger
        return {tp: Place(ledger.oldest_open(tp), ledger.expected(tp), ends[tp]) for tp in ends}


def _recovery(app: StrictApp) -> Recovery:
    return cast("TableManager", app.tables).recovery


def _note_lag(places: Mapping[TP, Place]) -> None:
    """Set the lag: what is not finished, read or not."""
    lag: Counter[str] = Counter()
    for tp, place in places.items():
        finished = place.expected if place.oldest_open is None else place.oldest_open
        lag[tp.topic] += max(0, place.end - (finished or 0))
    for topic, records in lag.items():
        metrics.LAG.labels(topic).set(records)
