"""The event loop's side of a sender: carries out what `pipeline.sending` decides.

Each request and each write is a task of its own. What handling a job raises belongs to the job: it
is put off, and at the third time becomes a dead letter; the process goes on.
"""

from __future__ import annotations

import asyncio
import math
import random
import traceback
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Final

import structlog

from agents import metrics
from agents.clock import now_ms
from agents.configs.view import ConfigView
from agents.kafka.acknowledging import UnwritableError
from agents.kafka.outgoing import Received, received, trace_of
from agents.lifecycle import end_process_on_failure
from agents.sender.attempting import Attempter
from agents.sender.consumer import LANES, Fetched
from agents.sender.writer import SettlementWriter
from pipeline.assignments import Place
from pipeline.commands import Bury, Close, Command, OpenJob, Start, Write
from pipeline.sending import Sending
from pipeline.settlement import Settlement
from pipeline.suppression import Dropped, Noted
from pipeline.waiting import LIMITS
from schemas.codec import Malformed, decode
from schemas.job import Job

# How often jobs that wait too long are looked for.
_TICK_S: Final = 1.0
# Doubt about our partitions ends in the consuming thread, which turns each 20 ms.
_DOUBT_POLL_S: Final = 0.02

_log = structlog.get_logger()


class Worker:
    """All jobs of one sender, from being read to being settled."""

    def __init__(
        self,
        view: ConfigView,
        attempter: Attempter,
        writer: SettlementWriter,
        complete: Callable[[Place, int | None], None],
        is_certain: Callable[[], bool],
    ) -> None:
        """`complete` closes a job for good; it is given the offset of its attempt's record.

        While `is_certain()` is false this process may have been asleep, and its partitions may be
        somebody else's: nothing is begun then, and nothing decided but that a request was taken.
        """
        self._view = view
        self._attempter = attempter
        self._writer = writer
        self._complete = complete
        self._is_certain = is_certain
        self._sending = Sending(view.configs, random.random)
        self._tasks: dict[asyncio.Task[None], int] = {}
        self._arrived: list[Fetched] = []
        self._is_stopping = False
        self._wake_up: asyncio.TimerHandle | None = None
        self._wakes_at_ms: int | None = None
        self._publish_metrics()

    def on_read_back(self, noted: tuple[Noted, ...]) -> None:
        """Take in what is on record of the partitions that are about to be read."""
        self._sending.read_back(noted)

    def on_jobs(self, jobs: list[Fetched]) -> None:
        """Take in jobs and start what may start."""
        self._arrived += jobs
        self._go_on()

    def on_revoked(self, epochs: frozenset[int], released: Callable[[], None]) -> None:
        """Begin nothing more for these assignments; call `released` when the rest has ended."""
        self._leave_unread(epochs)
        self._sending.releasing(epochs)
        running = [task for task, epoch in self._tasks.items() if epoch in epochs]
        if not running:
            released()
            return
        waiting = asyncio.gather(*running, return_exceptions=True)
        waiting.add_done_callback(lambda _: released())

    def on_lost(self, epochs: frozenset[int]) -> None:
        """These assignments have ended, whatever is still in flight."""
        self._leave_unread(epochs)
        self._sending.revoked(epochs)

    @property
    def is_yielding(self) -> bool:
        """Whether retries and replays are held to a rate, for first attempts' sake."""
        return self._sending.waiting.yielding.per_s is not None

    async def tick(self) -> None:
        """Look at what waits: each second, with each configuration, and when a doubt has ended."""
        while True:
            with suppress(TimeoutError):
                newer = self._view.configs.offset + 1
                await asyncio.wait_for(self._view.reaches(newer), _TICK_S)
            await self._until_certain()
            self._do(self._sending.look(now_ms()))
            self._go_on()

    async def drain(self, timeout_s: float) -> None:
        """Start nothing more, and wait for what is under way."""
        self._is_stopping = True
        if self._tasks:
            _, left = await asyncio.wait(list(self._tasks), timeout=timeout_s)
            if left:
                _log.warning("sender.left_in_flight", jobs=len(left), waited_s=timeout_s)

    def _leave_unread(self, epochs: frozenset[int]) -> None:
        """Forget jobs that have arrived and were not taken in: whoever comes next reads them."""
        self._arrived = [it for it in self._arrived if it.place.epoch not in epochs]

    def _go_on(self) -> None:
        """Take in what has arrived, and start what may start; only while there is no doubt."""
        if not self._is_certain():
            return
        arrived, self._arrived = self._arrived, []
        for fetched in arrived:
            self._take_in(fetched.place, received(fetched.message))
        if not self._is_stopping:
            self._do(self._sending.start(now_ms()))
            self._wake_when_startable()

    def _wake_when_startable(self) -> None:
        """Go on when a rate limit next lets a job through: nothing else would tell."""
        at_ms = self._sending.waiting.wakes_at_ms
        if at_ms == self._wakes_at_ms:
            return
        if self._wake_up is not None:
            self._wake_up.cancel()
        self._wake_up, self._wakes_at_ms = None, at_ms
        if at_ms is not None:
            delay_s = max(at_ms - now_ms(), 0) / 1_000
            self._wake_up = asyncio.get_running_loop().call_later(delay_s, self._woken)

    def _woken(self) -> None:
        self._wake_up = self._wakes_at_ms = None
        self._go_on()

    def _take_in(self, place: Place, record: Received) -> None:
        try:
            job = decode(Job, record.value or b"")
        except Malformed as malformed:
            self._spawn(place, self._bury_unreadable(place, record, malformed))
            return
        lane = LANES[place.topic]
        if job.lane != lane:
            job = job.model_copy(update={"lane": lane})
        read = OpenJob(place, job, trace_of(record.named))
        try:
            commands = self._sending.take_in(read, now_ms=now_ms())
        except Exception:  # noqa: BLE001 - whatever it is, it is this job's alone
            commands = self._fault(read)
        self._do(commands)

    def _do(self, commands: Iterable[Command]) -> None:
        for command in commands:
            match command:
                case Start(started):
                    self._spawn(started.place, self._attempt(started))
                case Write(ended, settlement):
                    self._spawn(ended.place, self._write(ended, settlement))
                case Bury(buried, fault, settlement):
                    self._spawn(buried.place, self._bury(buried, fault, settlement))
                case Close(place, attempt_offset, dropped_as):
                    _count_dropped(place, dropped_as)
                    self._complete(place, attempt_offset)

    async def _attempt(self, started: OpenJob) -> None:
        """Make the job's attempt, and write what follows from it."""
        try:
            job, exchange = await self._attempter.attempt(started.job)
            started = replace(started, job=job)
            await self._until_certain()
            commands = self._sending.ended(started, exchange, now_ms=now_ms())
        except Exception:  # noqa: BLE001 - whatever it is, it is this job's alone
            commands = self._fault(started)
        self._go_on()
        await self._settle(started.place, commands)

    def _fault(self, faulty: OpenJob) -> list[Command]:
        """What to do after the exception that is being handled."""
        _log.exception("job.internal_fault", delivery=faulty.job.delivery_id)
        return self._sending.faulted(faulty, traceback.format_exc(), now_ms=now_ms())

    async def _settle(self, place: Place, commands: list[Command]) -> None:
        """Do in this task what is left of its job, so that its partition's end waits for it."""
        own = [it for it in commands if isinstance(it, Write | Bury) and it.open_job.place == place]
        self._do(command for command in commands if command not in own)
        for command in own:
            if isinstance(command, Bury):
                await self._bury(command.open_job, command.fault, command.settlement)
            else:
                await self._write(command.open_job, command.settlement)

    async def _write(self, ended: OpenJob, settlement: Settlement) -> None:
        """Write what follows, then the attempt; only then is the job done."""
        try:
            offset = await self._writer.write(settlement, ended.trace)
        except UnwritableError as error:
            end = self._sending.unwritable(ended, str(error), now_ms=now_ms())
            await self._settle(ended.place, end)
            return
        self._written(ended, settlement, offset)

    async def _bury(self, buried: OpenJob, fault: str, settlement: Settlement) -> None:
        """Put a job on the dead letters, then write its end."""
        offset: int | None = None
        await self._writer.write_faulty_job(buried, fault)
        try:
            offset = await self._writer.write(settlement, buried.trace)
        except UnwritableError:
            _log.exception("delivery.end_not_recorded", delivery=buried.job.delivery_id)
        self._written(buried, settlement, offset)

    def _written(self, ended: OpenJob, settlement: Settlement, offset: int | None) -> None:
        """Close a job whose records are acknowledged, and start what has waited for that."""
        self._do(self._sending.written(ended, settlement, offset, now_ms=now_ms()))
        self._go_on()

    async def _bury_unreadable(self, place: Place, record: Received, malformed: Malformed) -> None:
        await self._writer.write_dead_letter(place, record, malformed)
        self._complete(place, None)

    async def _until_certain(self) -> None:
        while not self._is_certain():  # noqa: ASYNC110 - another thread decides
            await asyncio.sleep(_DOUBT_POLL_S)

    def _spawn(self, place: Place, work: Coroutine[None, None, None]) -> None:
        task = end_process_on_failure(asyncio.create_task(work))
        self._tasks[task] = place.epoch
        task.add_done_callback(self._tasks.pop)

    def _publish_metrics(self) -> None:
        sending = self._sending
        waiting = sending.waiting
        metrics.IN_FLIGHT.set_function(lambda: waiting.in_flight)
        metrics.OPEN_BREAKERS.set_function(lambda: waiting.open_breakers)
        metrics.HELD_TO_PER_S.set_function(lambda: waiting.yielding.per_s or math.nan)
        metrics.UNRECORDED.set_function(lambda: sending.unrecorded)
        metrics.FORGOTTEN.set_function(lambda: sending.forgotten_too_soon)
        for lane in LANES.values():
            metrics.QUEUED.labels(lane).set_function(partial(waiting.queued, lane))
        for limit in LIMITS:
            metrics.HELD.labels(limit).set_function(partial(waiting.held, limit))


def _count_dropped(place: Place, dropped_as: Dropped | None) -> None:
    if dropped_as == "repeat":
        metrics.SUPPRESSED.inc()
    elif dropped_as == "superseded":
        metrics.SUPERSEDED.inc()
        coordinates = {"topic": place.topic, "partition": place.partition, "offset": place.offset}
        _log.info("job.superseded", **coordinates)
