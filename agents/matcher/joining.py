"""The matcher's work on a batch: read each event, decide, write what follows, wait for the reports.

The decisions are pure (`pipeline.matching` for webhooks, `pipeline.triggering` for triggers); here
they only get the time and go out as records. An
event that cannot be read, or that our own code fails on, becomes a dead letter: to try it again
would fail again, and hold up every event behind it.
"""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable, Iterator, Sequence

import structlog

from agents import metrics
from agents.clock import now_ms
from agents.kafka.outgoing import (
    Received,
    asked_record,
    fault_of,
    new_job,
    parked_event,
    trace_of,
)
from agents.kafka.producer import Outgoing, Report
from agents.matcher.writer import BatchWriter
from agents.triggered import note_judged
from pipeline.configs import Configs
from pipeline.matching import Delay, deliveries_for
from pipeline.triggering import judged_event
from schemas.codec import Malformed
from schemas.event import read_event
from schemas.job import Job
from schemas.tiers import TIER_BY_NAME
from schemas.topics import JOBS

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
        writer = BatchWriter(self._send)
        for received in batch:
            for it in self._join(received):
                if isinstance(it, Malformed):
                    writer.bury(received, it)
                else:
                    writer.write(received, it)
                if writer.is_full:
                    await writer.finish()
                    await self._until_fresh()
        await writer.finish()

    def _join(self, received: Received) -> Iterator[Outgoing | Malformed]:
        """What one record of `activities` asks for, one at a time, or what is wrong with it."""
        try:
            yield from self._decide(received)
        except Malformed as malformed:
            _note_undecodable(received, malformed)
            yield malformed
        except MemoryError:  # no fault of the event: another process may have the room
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it would be the same next time
            yield _note_fault(received, error)

    def _decide(self, received: Received) -> Iterator[Outgoing]:
        event = read_event(received.value or b"")
        decided_ms = now_ms()
        decided = deliveries_for(
            event,
            self._configs,
            now_ms=decided_ms,
            end_delayed_tier=self._end_delayed_tier,
        )
        judged = judged_event(
            event, self._configs, now_ms=decided_ms, came_ms=received.timestamp_ms
        )
        trace = trace_of(received.named)
        for it in decided:
            yield _outgoing(it, trace)
        for judgement in judged:
            yield from (asked_record(asked, trace) for asked in judgement.asked)
            note_judged(judgement, event.account_id, event.event_id)
        _note_decided(decided)


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
    _log.warning(
        "event.undecodable",
        partition=received.partition,
        offset=received.offset,
        faults=[str(fault) for fault in malformed.faults],
    )


def _note_fault(received: Received, error: Exception) -> Malformed:
    """What to put into the dead letter of an event that our own code failed on."""
    metrics.EVENTS.labels("internal_fault").inc()
    _log.error(
        "event.internal_fault",
        partition=received.partition,
        offset=received.offset,
        exc_info=error,
    )
    return fault_of("".join(traceback.format_exception(error)))
