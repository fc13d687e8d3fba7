"""The event loop's side of a sender: take jobs in, start what may start, settle what has ended.

A job is completed when everything that follows from it is acknowledged, never before. Each request
is a task of its own; its slot is free as soon as the endpoint has answered.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Final

import structlog

from agents import metrics
from agents.configs.view import ConfigView
from agents.kafka.outgoing import Received, received, trace_of
from agents.lifecycle import end_process_on_failure
from agents.sender.consumer import LANES, Fetched
from agents.sender.http import HttpClient
from agents.sender.preparer import Preparer
from agents.sender.writer import SettlementWriter
from pipeline.assignments import Place
from pipeline.dispatch import WAIT_MS_MAX, Dispatcher, Queued, Sign
from pipeline.outcomes import Exchange, NotAnswered, Outcome, outcome_of
from pipeline.refusals import refusal
from pipeline.requests import Request, as_recorded
from pipeline.retries import next_step
from pipeline.settlement import Settlement, Taken, after_attempt, deferred, without_attempt
from pipeline.suppression import Noted, Suppression
from schemas.attempt import Position, Timings
from schemas.codec import Malformed, decode
from schemas.job import Job
from schemas.webhook import Webhook

# A job matched with a configuration that this process has not read yet waits so long for it.
CONFIG_WAIT_S: Final = 10.0
# How often jobs that wait too long are looked for, and the gauges set.
TICK_S: Final = 1.0

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class OpenJob:
    """A job in this sender's hands."""

    place: Place
    job: Job
    trace: str

    @property
    def webhook(self) -> str:
        """What its queue and its endpoint's limits are kept under."""
        return f"{self.job.account_id}:{self.job.webhook_id}"


class Worker:
    """All jobs of one sender, from being read to being settled."""

    def __init__(
        self,
        view: ConfigView,
        http: HttpClient,
        writer: SettlementWriter,
        preparer: Preparer,
        complete: Callable[[Place, int | None], None],
    ) -> None:
        """`complete` closes a job for good; it is given the offset of its attempt's record."""
        self._view = view
        self._http = http
        self._writer = writer
        self._preparer = preparer
        self._complete = complete
        self._dispatcher: Dispatcher[OpenJob] = Dispatcher()
        self._suppression = Suppression()
        self._tasks: dict[asyncio.Task[None], int] = {}
        self._ended_epochs: frozenset[int] = frozenset()
        self._is_stopping = False

    def on_read_back(self, noted: tuple[Noted, ...]) -> None:
        """Take in what is on record of the partitions that are about to be read."""
        for each in noted:
            self._suppression.note(each)

    def on_jobs(self, jobs: list[Fetched]) -> None:
        """Take in jobs and start what may start."""
        for fetched in jobs:
            self._take_in(fetched.place, received(fetched.message))
        self._start_jobs()

    def on_revoked(self, epochs: frozenset[int], released: Callable[[], None]) -> None:
        """Let go of what has not started, and call `released` when the rest has ended."""
        self._ended_epochs |= epochs
        self._dispatcher.drop(lambda waiting: waiting.place.epoch in epochs)
        # What is in flight too: if it comes back here, the new copy must not count on the old one.
        self._suppression.let_go(epochs)
        running = [task for task, epoch in self._tasks.items() if epoch in epochs]
        if not running:
            released()
            return
        waiting = asyncio.gather(*running, return_exceptions=True)
        waiting.add_done_callback(lambda _: released())

    async def tick(self) -> None:
        """Put off, each second, the jobs that have waited too long; runs until cancelled."""
        while True:
            await asyncio.sleep(TICK_S)
            for queued in self._dispatcher.overdue(_now_ms()):
                detail = f"its endpoint had no free place for {WAIT_MS_MAX / 1_000:g} s"
                self._defer(queued.job, "endpoint_busy", detail)
            metrics.IN_FLIGHT.set(self._dispatcher.in_flight)
            for lane in LANES.values():
                metrics.QUEUED.labels(lane).set(self._dispatcher.queued(lane))

    async def drain(self, timeout_s: float) -> None:
        """Start nothing more, and wait for what is under way."""
        self._is_stopping = True
        if self._tasks:
            _, left = await asyncio.wait(list(self._tasks), timeout=timeout_s)
            if left:
                _log.warning("sender.left_in_flight", jobs=len(left), waited_s=timeout_s)

    def _take_in(self, place: Place, record: Received) -> None:
        try:
            job = decode(Job, record.value or b"")
        except Malformed as malformed:
            self._spawn(place, self._bury(place, record, malformed))
            return
        admission = self._suppression.admission(job, place.epoch)
        if admission == "repeat":
            metrics.SUPPRESSED.inc()
            self._complete(place, None)
            return
        lane = LANES[place.topic]
        if job.lane != lane:
            job = job.model_copy(update={"lane": lane})
        waiting = OpenJob(place, job, trace_of(record.named))
        if admission == "too_early":
            detail = "an earlier job of the delivery is not on record yet"
            self._defer(waiting, "delivery_under_way", detail)
        elif job.config_offset > self._view.configs.offset:
            self._spawn(place, self._enqueue_when_configured(waiting))
        else:
            self._enqueue(waiting)

    async def _enqueue_when_configured(self, waiting: OpenJob) -> None:
        wanted = waiting.job.config_offset
        try:
            await asyncio.wait_for(self._view.reaches(wanted), CONFIG_WAIT_S)
        except TimeoutError:
            detail = f"configuration {wanted} was not here within {CONFIG_WAIT_S:g} s"
            self._defer(waiting, "config_behind", detail)
            return
        self._enqueue(waiting)
        self._start_jobs()

    def _enqueue(self, waiting: OpenJob) -> None:
        if waiting.place.epoch in self._ended_epochs:
            return  # its partition was lost while it waited: the new owner has it
        now_ms = _now_ms()
        refused = refusal(waiting.job, self._view.configs, now_ms=now_ms)
        if refused is not None:
            self._settle_soon(
                waiting, without_attempt(self._taken(waiting), refused, now_ms=now_ms)
            )
            return
        webhook = self._webhook(waiting.job)
        queued = Queued(waiting.webhook, waiting.job.lane, now_ms, waiting)
        if not self._dispatcher.add(queued, concurrency_max=webhook.concurrency_max):
            self._defer(waiting, "endpoint_queue_full", "too many jobs wait for its endpoint")

    def _start_jobs(self) -> None:
        while not self._is_stopping and (queued := self._dispatcher.take()) is not None:
            self._spawn(queued.job.place, self._attempt(queued.job))

    async def _attempt(self, started: OpenJob) -> None:
        """Make the job's attempt, unless the configuration has changed while it waited."""
        job, now_ms = started.job, _now_ms()
        refused = refusal(job, self._view.configs, now_ms=now_ms)
        if refused is not None:
            self._dispatcher.finished(started.webhook, "none")
            settlement = without_attempt(self._taken(started), refused, now_ms=now_ms)
            await self._settle(started, settlement)
            return
        webhook = self._webhook(job)
        prepared = await self._preparer.prepare(job, self._view.configs, now_ms=now_ms)
        job = job.model_copy(update={"body": prepared.body})  # a later attempt sends the same
        if isinstance(prepared.request, Request):
            exchange = await self._exchange(prepared.request, webhook)
        else:
            exchange = Exchange(None, prepared.request, Timings())
        exchange = _with_queue_time(job, now_ms, exchange)
        ended_ms = _now_ms()
        outcome = outcome_of(exchange.result, now_ms=ended_ms)
        _measure(job, outcome, exchange, ended_ms)
        self._dispatcher.finished(started.webhook, _sign(exchange, outcome))
        self._start_jobs()
        step = next_step(
            job,
            outcome,
            webhook.retry,
            now_ms=ended_ms,
            draw=random.random(),  # noqa: S311 - jitter, no secret
        )
        taken = replace(self._taken(started), job=job)
        settlement = after_attempt(taken, exchange, outcome, step, now_ms=ended_ms)
        await self._settle(started, settlement)

    async def _exchange(self, request: Request, webhook: Webhook) -> Exchange:
        try:
            return await self._http.exchange(request, webhook.timeout_s)
        except Exception as error:  # noqa: BLE001 - see below
            # A fault of ours costs this attempt, which is recorded and retried, not the process.
            _log.exception("attempt.internal_fault", webhook=webhook.id)
            failed = NotAnswered("internal", f"{type(error).__name__}: {error}"[:500])
            return Exchange(as_recorded(request), failed, Timings())

    def _defer(self, waiting: OpenJob, reason: str, detail: str) -> None:
        settlement = deferred(
            self._taken(waiting),
            reason,
            detail,
            now_ms=_now_ms(),
            draw=random.random(),  # noqa: S311 - jitter, no secret
        )
        self._settle_soon(waiting, settlement)

    def _settle_soon(self, ended: OpenJob, settlement: Settlement) -> None:
        self._spawn(ended.place, self._settle(ended, settlement))

    async def _settle(self, ended: OpenJob, settlement: Settlement) -> None:
        """Write what follows, then the attempt; only then is the job done."""
        offset = await self._writer.write(settlement, ended.trace)
        record = settlement.attempt
        noted = Noted(record.delivery_id, record.attempt, record.deferrals, record.next.step)
        self._suppression.settled(noted, ended.place.epoch)
        self._complete(ended.place, offset)

    async def _bury(self, place: Place, record: Received, malformed: Malformed) -> None:
        await self._writer.write_dead_letter(record, malformed, _now_ms())
        self._complete(place, None)

    def _taken(self, waiting: OpenJob) -> Taken:
        place = waiting.place
        source = Position(topic=place.topic, partition=place.partition, offset=place.offset)
        job = waiting.job
        return Taken(job, source, self._view.configs.webhook(job.account_id, job.webhook_id))

    def _webhook(self, job: Job) -> Webhook:
        webhook = self._view.configs.webhook(job.account_id, job.webhook_id)
        assert webhook is not None, "a deleted webhook is a refusal"  # noqa: S101
        return webhook

    def _spawn(self, place: Place, work: Coroutine[None, None, None]) -> None:
        task = end_process_on_failure(asyncio.create_task(work))
        self._tasks[task] = place.epoch
        task.add_done_callback(self._tasks.pop)


def _sign(exchange: Exchange, outcome: Outcome) -> Sign:
    """What an attempt says of its endpoint: nothing when that was not asked."""
    if exchange.request is None:
        return "none"
    return "overloaded" if outcome.is_overload else "answered"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _with_queue_time(job: Job, started_ms: int, exchange: Exchange) -> Exchange:
    waited_ms = max(started_ms - (job.due_at_ms or job.first_queued_at_ms), 0)
    metrics.QUEUE_WAIT.labels(job.lane).observe(waited_ms / 1_000)
    timings = exchange.timings.model_copy(update={"queue_ms": float(waited_ms)})
    return replace(exchange, timings=timings)


def _measure(job: Job, outcome: Outcome, exchange: Exchange, ended_ms: int) -> None:
    total_ms = exchange.timings.total_ms
    if total_ms is not None:
        metrics.REQUEST_TIME.labels(outcome.kind).observe(total_ms / 1_000)
    if outcome.kind == "delivered" and job.attempt == 1:
        metrics.END_TO_END.observe((ended_ms - job.first_queued_at_ms) / 1_000)
