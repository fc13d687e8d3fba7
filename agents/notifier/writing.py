"""The notifier's records, each written until it is on its topic."""

from __future__ import annotations

from dataclasses import replace

import structlog

from agents import metrics
from agents.clock import now_ms
from agents.kafka.acknowledging import UnwritableError, acknowledged
from agents.kafka.outgoing import (
    Received,
    asked_record,
    attempt_record,
    bare_dead_letter,
    dead_letter,
    notice_record,
    parked,
    trace_of,
)
from agents.kafka.producer import Outgoing, Publisher
from pipeline.assignments import Place
from pipeline.notices import NoticeSettlement
from pipeline.trigger_actions import Asked
from schemas.codec import Malformed
from schemas.notice import Notice

_log = structlog.get_logger()


class Writer:
    """Everything but `bury` raises `UnwritableError` for a record too large for its topic."""

    def __init__(self, publisher: Publisher) -> None:
        """Write through a producer without linger."""
        self._publisher = publisher

    async def write(self, record: Outgoing) -> None:
        """Write any record."""
        await acknowledged(self._publisher, record)

    async def ask(self, asked: Asked, trace: str) -> None:
        """Write what a trigger asks for."""
        await self.write(asked_record(asked, trace))

    async def announce(self, notice: Notice) -> None:
        """Write a notice of our own."""
        await self.write(notice_record(notice, trace_of({})))

    async def settle(self, notice: Notice, end: NoticeSettlement, trace: str) -> None:
        """Write what follows from a try to send a notice: a later one, then the attempt."""
        later = end.parked
        if later is not None:
            waits = notice_record(later.notice, trace)
            await self.write(parked(waits, later.tier, later.due_at_ms))
        # Under the notice's key: whoever has its partition reads both.
        await self.write(replace(attempt_record(end.attempt, trace), key=notice.key))

    async def bury(self, place: Place, record: Received, faults: Malformed) -> None:
        """Put a record that nothing can be done with on the dead letters."""
        try:
            await self.write(dead_letter(record, faults, now_ms()))
        except UnwritableError:
            await self.write(bare_dead_letter(record, faults, now_ms()))
        metrics.DEAD_LETTERS.labels(place.topic).inc()
        _log.error(
            "notifier.dead_letter",
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            faults=[str(fault) for fault in faults.faults],
        )
