"""The matcher's work on a batch: read each event, decide, write what follows, wait for the reports.

An event that cannot be read becomes a dead letter, which is awaited like everything else. The
decision is pure (`pipeline.matching`); here it only gets the time and goes out as records.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import time_ns

import structlog

from agents import metrics
from agents.kafka.outgoing import Received, dead_letter, new_job, parked_event, trace_of
from agents.kafka.producer import Outgoing, Report
from pipeline.configs import Configs
from pipeline.matching import Delay, deliveries_for
from schemas.codec import Malformed
from schemas.event import read_event
from schemas.job import Job
from schemas.tiers import TIER_BY_NAME
from schemas.topics import ACTIVITIES, JOBS

_log = structlog.get_logger()


class Joiner:
    """Joins events with the configuration, and writes the jobs that come of it."""

    def __init__(
        self,
        configs: Configs,
        *,
        send: Callable[[Outgoing], Report],
        until_fresh: Callable[[], Awaitable[None]],
        end_delayed_tier: str,
    ) -> None:
        """`until_fresh()` returns once `configs` may be decided on."""
        self._configs = configs
        self._send = send
        self._until_fresh = until_fresh
        self._end_delayed_tier = end_delayed_tier

    async def join(self, batch: Sequence[Received]) -> None:
        """Return when the broker has acknowledged everything; raises when it refused a record."""
        await self._until_fresh()
        metrics.BATCH_SIZE.observe(len(batch))
        await asyncio.gather(*(self._send(it) for received in batch for it in self._join(received)))

    def _join(self, received: Received) -> list[Outgoing]:
        """What one record of `activities` asks for."""
        now_ms = time_ns() // 1_000_000
        try:
            event = read_event(received.value or b"")
        except Malformed as malformed:
            _note_undecodable(received, malformed)
            return [dead_letter(received, malformed, now_ms)]
        decided = deliveries_for(
            event, self._configs, now_ms=now_ms, end_delayed_tier=self._end_delayed_tier
        )
        _note_decided(decided)
        trace = trace_of(received.named)
        return [_outgoing(it, trace) for it in decided]


def _outgoing(decided: Job | Delay, trace: str) -> Outgoing:
    if isinstance(decided, Job):
        return new_job(decided, trace)
    tier = TIER_BY_NAME[decided.tier]
    return parked_event(decided.event, tier, decided.due_at_ms, trace)


def _note_decided(decided: tuple[Job | Delay, ...]) -> None:
    jobs = sum(isinstance(it, Job) for it in decided)
    result = "matched" if jobs else "delayed" if decided else "unmatched"
    metrics.EVENTS.labels(result).inc()
    if jobs:
        metrics.JOBS.labels(JOBS).inc(jobs)


def _note_undecodable(received: Received, malformed: Malformed) -> None:
    metrics.EVENTS.labels("undecodable").inc()
    metrics.DEAD_LETTERS.labels(ACTIVITIES).inc()
    _log.warning(
        "event.undecodable",
        partition=received.partition,
        offset=received.offset,
        faults=[str(fault) for fault in malformed.faults],
    )
