"""The watchdog: assigned, work to do, and no progress for 30 seconds means exit.

Whatever stands still silently is read again by the next process, so a restart turns a stall, whose
cause we may not know, into a few repeats. Time counts only while the broker answers and no
rebalance is under way; a rebalance itself may not last for ever either.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from time import monotonic
from typing import TYPE_CHECKING, Final, cast

from faust.exceptions import ConsumerNotStarted
from faust.types import TP

from agents import metrics
from agents.lifecycle import abort
from pipeline.stalls import STALL_S, Progress, StallClock, waits_of
from schemas.topics import ACTIVITIES

if TYPE_CHECKING:  # only looked at
    from faust.tables.manager import TableManager
    from faust.tables.recovery import Recovery

    from agents.strict.app import StrictApp
    from agents.strict.consumer import StrictConsumer

# Joining a group takes a few seconds. Reading the table may take minutes, but never stands still.
REBALANCE_S: Final = 60

# The client reads partition after partition: while a backlog moves, one of them may rightly have to
# wait for the others. For how long is a matter of the machine; this is ten times the limit.
BACKLOG_S: Final = 10 * STALL_S

_EVERY_S: Final = 1

# The offset after the last record of each partition, or None when the broker does not answer.
LogEnds = Callable[[Iterable[TP]], Awaitable[Mapping[TP, int] | None]]


class Watchdog:
    """Looks each second, and ends the process."""

    def __init__(self, app: StrictApp, log_ends: LogEnds) -> None:
        """Watch `app`'s consumer against the broker's own answer."""
        self._app = app
        self._log_ends = log_ends
        self._clock = StallClock()
        self._settled_at_s = self._read_at_s = monotonic()
        self._read_to: dict[TP, int | None] = {}
        self._table_at: dict[TP, int] = {}

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(_EVERY_S)
            await self.look()

    async def look(self) -> None:
        """Look once; does not return when something has stood still for too long."""
        if self._app.rebalancing or not self._has_started():
            self._clock.reset()
            followed = TP(self._app.followed_topic, 0)
            if self._table_moved() or await self._log_ends([followed]) is None:
                self._settled_at_s = monotonic()
            elif monotonic() - self._settled_at_s > REBALANCE_S:
                abort(f"a rebalance has stood still for {REBALANCE_S} s")
            return
        self._settled_at_s = monotonic()
        places = await self._places()
        if places is None or self._app.rebalancing:
            self._clock.reset()
            return
        self._note_lag(places)
        unread_s = BACKLOG_S if self._has_read(places) else STALL_S
        waits: dict[str, float] = {}
        for tp, progress in places.items():
            name = f"{tp.topic}/{tp.partition}"
            waits |= waits_of(name, progress, STALL_S, unread_s=unread_s)
        reason = self._clock.stalled(monotonic(), waits)
        if reason is not None:
            abort(f"no progress: {reason}")

    def _has_started(self) -> bool:
        """Whether there is a consumer: on a busy machine it takes Faust a while to get there."""
        try:
            self._app.consumer.assignment()
        except ConsumerNotStarted:
            return False
        return True

    def _has_read(self, places: Mapping[TP, Progress]) -> bool:
        """Whether any partition was read from within the last `STALL_S`."""
        last, self._read_to = self._read_to, {tp: it.expected for tp, it in places.items()}
        if last != self._read_to:
            self._read_at_s = monotonic()
        return monotonic() - self._read_at_s < STALL_S

    def _note_lag(self, places: Mapping[TP, Progress]) -> None:
        """Set the lag: what is not finished, read or not."""
        records = 0
        for place in places.values():
            finished = place.expected if place.oldest_open is None else place.oldest_open
            records += max(0, (place.end or 0) - (finished or 0))
        metrics.LAG.labels(ACTIVITIES).set(records)

    def _table_moved(self) -> bool:
        """Whether more of the table has been read since the last look: that may take its time."""
        last, self._table_at = self._table_at, dict(_recovery(self._app).active_offsets)
        return last != self._table_at

    async def _places(self) -> dict[TP, Progress] | None:
        consumer = cast("StrictConsumer", self._app.consumer)
        is_ours = self._app.topics.acks_enabled_for
        ends = await self._log_ends(tp for tp in consumer.assignment() if is_ours(tp.topic))
        if ends is None:
            return None
        ledger = consumer.ledger
        return {tp: Progress(ledger.oldest_open(tp), ledger.expected(tp), ends[tp]) for tp in ends}


def _recovery(app: StrictApp) -> Recovery:
    return cast("TableManager", app.tables).recovery
