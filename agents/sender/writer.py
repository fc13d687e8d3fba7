"""The sender's records: what follows an attempt first, the attempt last, each acknowledged.

A job stays open until its attempt's delivery report is there. A report that failed is written again
for as long as it takes: the job is not done before.
"""

from __future__ import annotations

import asyncio
from typing import Final

import structlog
from confluent_kafka import KafkaException, Message

from agents import metrics
from agents.kafka.outgoing import (
    Received,
    attempt_record,
    dead_letter,
    failure_record,
    parked_job,
)
from agents.kafka.producer import Outgoing, Publisher
from pipeline.settlement import Settlement
from schemas.codec import Malformed

_BACKOFF_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)

_log = structlog.get_logger()


class SettlementWriter:
    """Two producers: one sends at once, the other gathers attempts, which nobody waits for."""

    def __init__(
        self, prompt: Publisher, gathering: Publisher, watched: frozenset[str] = frozenset()
    ) -> None:
        """`prompt` has no linger; `gathering` lingers a few milliseconds.

        `watched` are the webhooks, as `account:webhook`, that have metrics of their own.
        """
        self._prompt = prompt
        self._gathering = gathering
        self._watched = watched

    async def write(self, settlement: Settlement, trace: str) -> int:
        """Write all records of a settlement; the offset of its attempt's record."""
        # Failures first: a retry that is found after a crash shows that they need no repetition.
        failures = [failure_record(failure, trace) for failure in settlement.failures]
        await asyncio.gather(*(_acknowledged(self._prompt, record) for record in failures))
        if settlement.parked is not None:
            parked = parked_job(settlement.parked.job, settlement.parked.tier, trace)
            await _acknowledged(self._prompt, parked)
        message = await _acknowledged(self._gathering, attempt_record(settlement.attempt, trace))
        _count(settlement)
        name = f"{settlement.attempt.account_id}:{settlement.attempt.webhook_id}"
        if name in self._watched:
            metrics.WEBHOOK_ATTEMPTS.labels(name, settlement.attempt.outcome).inc()
        return int(message.offset() or 0)

    async def write_dead_letter(self, record: Received, faults: Malformed, now_ms: int) -> None:
        """Write a job that could not be read to the dead letters."""
        await _acknowledged(self._prompt, dead_letter(record, faults, now_ms))
        metrics.DEAD_LETTERS.labels(record.topic).inc()
        _log.error(
            "job.undecodable",
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            faults=[str(fault) for fault in faults.faults],
        )


async def _acknowledged(publisher: Publisher, record: Outgoing) -> Message:
    """Write a record, again and again if need be, until the broker has it."""
    tries = 0
    while True:
        try:
            return await publisher.send(record)
        except KafkaException as error:
            wait_s = _BACKOFF_S[min(tries, len(_BACKOFF_S) - 1)]
            _log.error("record.not_written", topic=record.topic, error=str(error), again_s=wait_s)
            tries += 1
            await asyncio.sleep(wait_s)


def _count(settlement: Settlement) -> None:
    attempt = settlement.attempt
    metrics.ATTEMPTS.labels(attempt.lane, attempt.outcome, attempt.reason).inc()
    for failure in settlement.failures:
        metrics.FAILURES.labels(failure.stage).inc()
    if attempt.next.step == "defer":
        metrics.DEFERRALS.labels(attempt.reason).inc()
    elif attempt.next.step == "retry":
        metrics.RETRIES.labels(attempt.next.tier).inc()
