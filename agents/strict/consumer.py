"""The consumer that hands out every record in order and commits only what is finished.

Faust commits past records still being worked on, past records it dropped from a queue during a
rebalance, and, for a group that has committed nothing yet, never rewinds to them. Here the `Ledger`
knows what was handed out and what is finished; Faust's own acknowledgements decide nothing.
A fetched record is never dropped without seeking back to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

import structlog
import uvloop
from aiokafka.errors import IllegalStateError  # type: ignore[import-untyped]
from faust.transport.consumer import RecordMap, ensure_TP
from faust.transport.drivers.aiokafka import Consumer
from faust.types import TP, Message
from faust.types.transports import TPorTopicSet

from agents.strict.ledger import Ledger
from agents.strict.thread import QuickFetchThread

if TYPE_CHECKING:  # the application imports this module
    from agents.strict.app import StrictApp

# How long a revocation waits for the batch in flight. What it did not wait for is repeated.
DRAIN_S: Final = 5

# `commit()` does nothing while another commit runs, so the last one is tried again.
_FINAL_COMMITS: Final = 3

# A commit each second, and one after so many events: a killed worker that had just taken over from
# another, with all that waited, would have finished thousands in its first second.
COMMIT_EVENTS: Final = 500

# How soon fetching is tried again while only the table may be fetched.
_HELD_BACK_FETCH_S: Final = 0.02

_log = structlog.get_logger()


class StrictConsumer(Consumer):
    """aiokafka's consumer under a ledger."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as upstream
        """Own nothing yet."""
        super().__init__(*args, **kwargs)
        self.ledger = Ledger()
        self._batches = cast("StrictApp", self.app).batches
        self._is_behind = cast("StrictApp", self.app).is_behind
        self._seeking = asyncio.Lock()
        self._draining = 0
        self._uncommitted = 0
        self._revoked = False
        self._reread: dict[TP, int] = {}

    def _new_consumer_thread(self) -> QuickFetchThread:
        return QuickFetchThread(
            self, loop=self.loop, thread_loop=uvloop.new_event_loop(), beacon=self.beacon
        )

    # What is handed out

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Message]]:  # noqa: ASYNC109
        """Fetch records; those of acknowledged topics go on in unbroken offset order only."""
        is_ours = self.app.topics.acks_enabled_for
        sought_back: set[TP] = set()  # the rest of this fetch comes again
        async for tp, message in super().getmany(timeout):
            if not is_ours(tp.topic):
                yield tp, message
                continue
            offset = message.offset
            expected = self.ledger.expected(tp)
            if tp in sought_back or (expected is not None and offset < expected):
                continue
            if offset != expected and not await self._believes_gap(tp, expected):
                sought_back.add(tp)
                continue
            self._reread.pop(tp, None)
            self.ledger.hand_out(tp, offset)
            # Faust drops what lies below its read offset; the order is decided here instead.
            self._read_offset[tp] = offset
            yield tp, message

    async def _believes_gap(self, tp: TP, expected: int | None) -> bool:
        """Whether the offsets from `expected` on are really missing; reads them again if unsure.

        Compaction and transaction markers leave true gaps: they are there at the second look too.
        """
        if expected is not None and self._reread.get(tp) == expected:
            _log.info("matcher.gap", topic=tp.topic, partition=tp.partition, offset=expected)
            return True
        try:
            if expected is None:
                await self.perform_seek()
            else:
                self._reread[tp] = expected
                await self.seek_wait({tp: expected})
        except IllegalStateError:  # no longer assigned: the next assignment seeks
            _log.info("matcher.partition_left", topic=tp.topic, partition=tp.partition)
        return False

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> RecordMap:  # noqa: ASYNC109
        """Fetch only the table's records while enough waits, or while the table is behind.

        Waiting for room in a queue instead would hold up the table's records too, and a batch that
        waits for them would wait for ever.
        """
        if active_partitions and (self._batches.crowded or self._is_behind()):
            is_ours = self.app.topics.acks_enabled_for
            active_partitions = {tp for tp in active_partitions if not is_ours(tp.topic)}
            timeout = _HELD_BACK_FETCH_S
            if not active_partitions:  # an empty set would mean all
                await asyncio.sleep(timeout)
                return {}
        return await super()._getmany(active_partitions, timeout)

    # Where reading starts

    def owns(self, generation_id: int) -> bool:
        """Whether the assignment of this generation still holds."""
        is_current = generation_id == self.app.consumer_generation_id
        return is_current and not self._revoked and not self.app.should_stop

    @property
    def _is_ending(self) -> bool:
        return bool(self._draining) or self._revoked or self.app.should_stop

    async def perform_seek(self) -> None:
        """Position every acknowledged partition, also those with nothing committed.

        Not while an assignment ends: `getmany` asks for it when a fetch returns with the flow off,
        and would wipe the ledger before the last commit. One at a time: two that interleave can
        leave a new partition without a position.
        """
        if self._is_ending:
            return
        async with self._seeking:
            committed = await self._committed_offsets()
            positions = await self._positions(committed)
            if positions:
                await self.seek_wait(positions)
            if self._is_ending:
                return
            self._committed_offset.update(committed)
            self._reread.clear()
            self._batches.restart()
            self.ledger.restart(positions)

    async def _committed_offsets(self) -> dict[TP, int | None]:
        is_ours = self.app.topics.acks_enabled_for
        committed = await self.seek_to_committed()
        return {ensure_TP(tp): offset for tp, offset in committed.items() if is_ours(tp.topic)}

    async def _positions(self, committed: Mapping[TP, int | None]) -> dict[TP, int]:
        """The committed offset where the log still has it, else the earliest one."""
        if not committed:
            return {}
        first, end = await self.earliest_offsets(*committed), await self.highwaters(*committed)
        return {
            tp: offset if offset is not None and first[tp] <= offset <= end[tp] else first[tp]
            for tp, offset in committed.items()
        }

    # What is committed

    def done(self, messages: Sequence[Message]) -> None:
        """Take in a batch whose every consequence is written and acknowledged."""
        for message in messages:
            self.ledger.finish(message.tp, message.offset)
        self._uncommitted += len(messages)
        if self._uncommitted >= COMMIT_EVENTS:
            self._uncommitted = 0
            self.add_future(self.commit())

    def _filter_tps_with_pending_acks(self, topics: TPorTopicSet | None = None) -> Iterator[TP]:
        return (
            tp
            for tp in self.ledger.partitions
            if topics is None or tp in topics or tp.topic in topics
        )

    def _new_offset(self, tp: TP) -> int | None:
        """The end of the finished run. Faust's own acknowledgements are thrown away here."""
        self._acked[tp].clear()
        self._acked_index[tp].clear()
        return self.ledger.committable(tp)

    async def _commit_offsets(
        self,
        offsets: Mapping[TP, int],
        start_new_transaction: bool = True,  # noqa: ARG002, FBT001, FBT002 - as upstream
    ) -> bool:
        """Commit, and count as committed only what the broker took."""
        assigned = self.assignment()
        held = {tp: offset for tp, offset in offsets.items() if tp in assigned}
        if not held or not await self._commit(held):
            return False
        self._committed_offset.update(held)
        return True

    def _lacks_commit(self) -> bool:
        for tp in self.ledger.partitions:
            finished, committed = self.ledger.committable(tp), self._committed_offset[tp]
            if finished is not None and (committed is None or committed < finished):
                return True
        return False

    # How an assignment ends

    async def wait_empty(self) -> None:
        """Drop what waits (it is read again), finish the batch in flight, and commit it."""
        self._draining += 1
        try:
            self._batches.hold()
            if not await self._batches.idle(DRAIN_S):
                _log.warning("matcher.drain_timeout", waited_s=DRAIN_S)
            await super().wait_empty()
            for _ in range(_FINAL_COMMITS):
                if not self._lacks_commit():
                    break
                await self.commit()
        finally:
            self._draining -= 1

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Drain, commit and forget. A rebalance during shutdown does neither upstream."""
        self._revoked = True
        if self.app.should_stop:
            await self.wait_empty()
        await super().on_partitions_revoked(revoked)
        self._forget(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Begin a new assignment: nothing of it is handed out before it is positioned."""
        self._revoked = False
        await super().on_partitions_assigned(assigned, generation_id)

    def _forget(self, partitions: Iterable[TP]) -> None:
        self._batches.forget()
        self.ledger.forget(partitions)
