"""The sender's records: what follows an attempt first, the attempt last, each acknowledged.

A job stays open until its attempt's delivery report is there. What was not acknowledged is written
again for as long as it takes: the job is not done before. Only a record that is too large for its
topic, which no patience makes smaller, is an error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

import structlog
from confluent_kafka import Message

from agents import metrics
from agents.clock import now_ms
from agents.kafka.acknowledging import UnwritableError, acknowledged
from agents.kafka.outgoing import (
    Received,
    attempt_record,
    bare_dead_letter,
    dead_letter,
    failure_record,
    fault_of,
    parked_job,
)
from agents.kafka.producer import Publisher
from pipeline.assignments import Place
from pipeline.commands import OpenJob
from pipeline.settlement import Parked, Settlement
from schemas.attempt import Attempt
from schemas.codec import Malformed, encode
from schemas.failure import Failure

_log = structlog.get_logger()


class SettlementWriter:
    """Two producers: one sends at once, the other gathers attempts, which nobody waits for."""

    def __init__(
        self,
        prompt: Publisher,
        gathering: Publisher,
        prefixed: Callable[[str], str],
        watched: frozenset[str] = frozenset(),
    ) -> None:
        """`prompt` has no linger; `gathering` lingers a few milliseconds.

        `prefixed` gives the whole name of a topic.

        `watched` are the webhooks, as `account:webhook`, that have metrics of their own.
        """
        self._prompt = prompt
        self._gathering = gathering
        self._prefixed = prefixed
        self._watched = watched

    async def write(self, settlement: Settlement, trace: str) -> int:
        """Write all records of a settlement; the offset of its attempt's record.

        Raises `UnwritableError`.
        """
        offset = 0
        for stage in settlement.stages:
            writing = [self._acknowledged(it, trace) for it in stage]
            if len(writing) == 1:  # as most have, and it needs no task of its own
                reports = [await writing[0]]
            else:
                reports = await asyncio.gather(*writing)
            offset = max((int(report.offset() or 0) for report in reports), default=0)
        _count(settlement)
        name = f"{settlement.attempt.account_id}:{settlement.attempt.webhook_id}"
        if name in self._watched:
            metrics.WEBHOOK_ATTEMPTS.labels(name, settlement.attempt.outcome).inc()
        return offset

    def _acknowledged(
        self, record: Failure | Parked | Attempt, trace: str
    ) -> Coroutine[None, None, Message]:
        match record:
            case Failure():
                return acknowledged(self._prompt, failure_record(record, trace))
            case Parked(job, tier):
                return acknowledged(self._prompt, parked_job(job, tier, trace))
            case _:  # nobody waits for an attempt but the offsets
                return acknowledged(self._gathering, attempt_record(record, trace))

    async def write_faulty_job(self, faulty: OpenJob, fault: str) -> None:
        """Write a job that our own code failed on to the dead letters; `fault` is the traceback."""
        place, job = faulty.place, faulty.job
        headers = (("traceparent", faulty.trace.encode()),)
        topic = self._prefixed(place.topic)
        record = Received(topic, place.partition, place.offset, None, job.key, encode(job), headers)
        await self.write_dead_letter(place, record, fault_of(fault))

    async def write_dead_letter(self, place: Place, record: Received, faults: Malformed) -> None:
        """Write a job that nothing can be done with to the dead letters."""
        try:
            await acknowledged(self._prompt, dead_letter(record, faults, now_ms()))
        except UnwritableError:
            await acknowledged(self._prompt, bare_dead_letter(record, faults, now_ms()))
        metrics.DEAD_LETTERS.labels(place.topic).inc()
        _log.error(
            "job.dead_letter",
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            faults=[str(fault) for fault in faults.faults],
        )


def _count(settlement: Settlement) -> None:
    attempt = settlement.attempt
    metrics.ATTEMPTS.labels(attempt.lane, attempt.outcome, attempt.reason).inc()
    for failure in settlement.failures:
        metrics.FAILURES.labels(failure.stage).inc()
    if attempt.timings.queue_ms is not None:
        _count_times(attempt)
    if attempt.next.step == "defer":
        metrics.DEFERRALS.labels(attempt.reason).inc()
    elif attempt.next.step == "retry":
        metrics.RETRIES.labels(attempt.next.tier).inc()
    elif attempt.next.step == "late":
        metrics.LATE.inc()


def _count_times(attempt: Attempt) -> None:
    timings = attempt.timings
    metrics.QUEUE_WAIT.labels(attempt.lane).observe((timings.queue_ms or 0) / 1_000)
    if timings.total_ms is not None:
        metrics.REQUEST_TIME.labels(attempt.outcome).observe(timings.total_ms / 1_000)
    if attempt.outcome == "delivered" and attempt.attempt == 1:
        metrics.END_TO_END.observe((attempt.at_ms - attempt.first_queued_at_ms) / 1_000)
