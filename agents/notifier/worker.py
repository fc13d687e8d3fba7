"""The event loop's side of a notifier: each failure and each notice from being read to being done.

What follows is written first: what a trigger asks for, what is remembered, a later try; a notice's
record on `attempts` comes last. Only then is it done. Notices are judged in the order in which they
were read, and sent side by side.
"""

from __future__ import annotations

import asyncio
import random
import traceback
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Final, Protocol

import structlog

from agents import metrics
from agents.clock import now_ms
from agents.configs.view import ConfigView
from agents.kafka.acknowledging import UnwritableError
from agents.kafka.outgoing import Received, fault_of, received, trace_of
from agents.lifecycle import end_process_on_failure
from agents.notifier.carrying import Carrier
from agents.notifier.consumer import SENDING_MAX, Fetched
from agents.notifier.memory import Key, Memory
from agents.notifier.readback import Known
from agents.notifier.writing import Writer
from agents.triggered import note_judged
from pipeline.assignments import Place
from pipeline.notices import Carried, settled
from pipeline.repeats import Repeats, identity_of
from pipeline.throttling import ended, is_throttled, judged, told
from pipeline.triggering import judged_failure
from schemas.attempt import Position
from schemas.codec import Malformed, decode
from schemas.failure import Failure
from schemas.notice import Notice
from schemas.topics import FAILURE_TRIGGERS

# A view that is further behind decides by what it has: a trigger that is minutes old will do.
_CONFIG_S_MAX: Final = 5.0
# How late a summary may be.
_TICK_S: Final = 0.25
_DOUBT_POLL_S: Final = 0.02
_DETAIL_CHARACTERS_MAX: Final = 500

_log = structlog.get_logger()


class Source(Protocol):
    """Where records are read."""

    @property
    def is_certain(self) -> bool:
        """Whether nothing speaks against our having the partitions that were handed out."""

    def complete(self, place: Place) -> None:
        """A record is done with."""


class Worker:
    """All records of one notifier."""

    def __init__(
        self, view: ConfigView, carrier: Carrier, writer: Writer, source: Source, throttle_ms: int
    ) -> None:
        """Records come from `source`, and are closed there.

        While that is not certain of its partitions they may be somebody else's: nothing is sent.
        """
        self._view = view
        self._carrier = carrier
        self._writer = writer
        self._source = source
        self._throttle_ms = throttle_ms
        self.memory = Memory(writer.write, self.until_certain)
        self._repeats = Repeats()
        self._turns = asyncio.Semaphore(SENDING_MAX)
        self._tasks: dict[asyncio.Task[None], int] = {}
        self._sending: set[asyncio.Task[None]] = set()
        self._telling: dict[asyncio.Task[None], Key] = {}

    def on_known(self, known: Known) -> None:
        """Begin with partitions by what is known of them."""
        self.memory.know(known.states)
        self._repeats.done(known.done)

    def on_records(self, records: list[Fetched]) -> None:
        """Take in failures and notices, in the order of each partition."""
        for fetched in records:
            record = received(fetched.message)
            if fetched.place.topic == FAILURE_TRIGGERS:
                self._spawn(fetched.place, self._run_trigger(fetched.place, record))
            else:
                self._take_in(fetched.place, record)

    def on_revoked(self, epochs: frozenset[int], released: Callable[[], None]) -> None:
        """Begin nothing more for these assignments; call `released` when the rest has ended."""
        own = [task for task, epoch in self._tasks.items() if epoch in epochs]
        for task in own:
            if task not in self._sending:
                task.cancel()
        waiting = asyncio.gather(*own, return_exceptions=True)
        waiting.add_done_callback(lambda _: released())

    def on_gone(self, epochs: frozenset[int], partitions: frozenset[int]) -> None:
        """These assignments have ended: what is in flight is done again by whoever has them now."""
        for task, epoch in list(self._tasks.items()):
            if epoch in epochs:
                task.cancel()
        self._repeats.let_go(epochs)
        self.memory.forget(partitions)  # whoever waits for it to be kept is cancelled

    async def run(self) -> None:
        """Write what is remembered, and summaries when they are due, until cancelled."""
        saving = asyncio.create_task(self.memory.run(), name="memory")
        try:
            while not saving.done():
                await asyncio.wait([saving], timeout=_TICK_S)
                await self.until_certain()
                for number, key in self.memory.due(now_ms()):
                    self._tell_summaries(number, key)
                metrics.WINDOWS.set(len(self.memory))
            await saving
        finally:
            saving.cancel()

    async def drain(self, timeout_s: float) -> None:
        """Begin nothing more, and wait for what is being sent."""
        for task in list(self._tasks):
            if task not in self._sending:
                task.cancel()
        if self._sending:
            _, left = await asyncio.wait(list(self._sending), timeout=timeout_s)
            if left:
                _log.warning("notifier.left_in_flight", notices=len(left), waited_s=timeout_s)

    async def until_certain(self) -> None:
        """Wait until nothing speaks against our being a member."""
        while not self._source.is_certain:  # noqa: ASYNC110 - another thread decides
            await asyncio.sleep(_DOUBT_POLL_S)

    # Failures

    async def _run_trigger(self, place: Place, record: Received) -> None:
        """Write what the failing webhook's trigger asks for."""
        try:
            failure = decode(Failure, record.value or b"")
        except Malformed as malformed:
            await self._bury(place, record, malformed)
            return
        with suppress(TimeoutError):
            reached = self._view.reaches(failure.job.config_offset)
            await asyncio.wait_for(reached, _CONFIG_S_MAX)
        trace = trace_of(record.named)
        try:
            judgement = judged_failure(failure, self._view.configs, now_ms=now_ms())
            asked = () if judgement is None else judgement.asked
            await asyncio.gather(*(self._writer.ask(each, trace) for each in asked))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this failure's alone
            await self._bury_faulty(place, record, error)
            return
        if judgement is not None:
            note_judged(judgement, failure.job.account_id, failure.job.delivery_id)
        self._source.complete(place)

    # Notices

    def _take_in(self, place: Place, record: Received) -> None:
        """Judge a notice, in its turn; what follows is a task."""
        try:
            notice = decode(Notice, record.value or b"")
        except Malformed as malformed:
            self._spawn(place, self._bury(place, record, malformed))
            return
        if not self._repeats.admits(identity_of(notice), place.epoch):
            metrics.NOTICES.labels(notice.action.type, "repeat").inc()
            self._source.complete(place)
            return
        if not is_throttled(notice):
            self._spawn(place, self._send(place, record, notice))
            return
        key = (notice.account_id, notice.webhook_id or "")
        found = judged(
            self.memory.of(key),
            notice,
            offset=place.offset,
            now_ms=now_ms(),
            throttle_ms=self._throttle_ms,
        )
        saved = self.memory.change(place.partition, found.state)
        if found.verdict == "send":
            self._spawn(place, self._send(place, record, notice, saved))
        else:
            self._spawn(place, self._count(place, notice, saved))

    async def _count(self, place: Place, notice: Notice, saved: asyncio.Future[None]) -> None:
        """One more of what is told of later."""
        await saved
        metrics.NOTICES.labels(notice.action.type, "throttled").inc()
        self._done(place, notice)

    async def _send(
        self,
        place: Place,
        record: Received,
        notice: Notice,
        saved: asyncio.Future[None] | None = None,
    ) -> None:
        """Send a notice, and write what follows."""
        if saved is not None:
            await saved
        async with self._turns:
            await self.until_certain()
            task = asyncio.current_task()
            assert task is not None  # noqa: S101 - we are one
            self._sending.add(task)
            try:
                carried = await self._carried(notice)
                await self.until_certain()
                await self._settle(place, record, notice, carried)
            finally:
                self._sending.discard(task)

    async def _carried(self, notice: Notice) -> Carried:
        try:
            return await self._carrier.carry(notice)
        except Exception as error:  # noqa: BLE001 - a fault of ours costs this try, no more
            _log.exception("notice.internal_fault", notice=notice.notice_id)
            detail = f"{type(error).__name__}: {error}"[:_DETAIL_CHARACTERS_MAX]
            return Carried("failed", "internal", detail, again=notice.action.to)

    async def _settle(
        self, place: Place, record: Received, notice: Notice, carried: Carried
    ) -> None:
        source = Position(topic=place.topic, partition=place.partition, offset=place.offset)
        draw = random.random()  # noqa: S311 - no secret
        end = settled(notice, carried, source=source, now_ms=now_ms(), draw=draw)
        try:
            await self._writer.settle(notice, end, trace_of(record.named))
        except UnwritableError as error:
            await self._bury(place, record, fault_of(str(error)))
            return
        metrics.NOTICES.labels(notice.action.type, carried.kind).inc()
        if carried.kind != "delivered":
            _log.warning(
                "notice.not_sent",
                notice=notice.notice_id,
                account=notice.account_id,
                trigger=notice.trigger_id,
                reason=carried.reason,
                detail=carried.detail,
                next=end.attempt.next.step,
            )
        self._done(place, notice)

    def _done(self, place: Place, notice: Notice) -> None:
        self._repeats.done([identity_of(notice)])
        self._source.complete(place)

    # Summaries

    def _tell_summaries(self, number: int, key: Key) -> None:
        """Close the windows whose time is over, and tell of what was counted in them."""
        if key in self._telling.values():
            return
        end = ended(self.memory.of(key), now_ms=now_ms(), throttle_ms=self._throttle_ms)
        saved = self.memory.change(number, end.state)
        task = asyncio.create_task(self._summarise(number, key, end.summaries, saved))
        self._telling[end_process_on_failure(task)] = key
        task.add_done_callback(self._telling.pop)

    async def _summarise(
        self, number: int, key: Key, summaries: tuple[Notice, ...], saved: asyncio.Future[None]
    ) -> None:
        """Write summaries once they are remembered, so that whoever comes next writes the same."""
        await saved
        for summary in summaries:
            await self._writer.announce(summary)
        if summaries:
            await self.memory.change(number, told(self.memory.of(key), summaries))

    # What both have in common

    async def _bury_faulty(self, place: Place, record: Received, error: Exception) -> None:
        _log.exception("failure.internal_fault", partition=place.partition, offset=place.offset)
        await self._bury(place, record, fault_of("".join(traceback.format_exception(error))))

    async def _bury(self, place: Place, record: Received, faults: Malformed) -> None:
        await self._writer.bury(place, record, faults)
        self._source.complete(place)

    def _spawn(self, place: Place, work: Coroutine[None, None, None]) -> None:
        task = end_process_on_failure(asyncio.create_task(work))
        self._tasks[task] = place.epoch
        task.add_done_callback(self._tasks.pop)
