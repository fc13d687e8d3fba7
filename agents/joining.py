"""The matcher's work on a batch: read each event, decide, write what follows, wait for the reports.

An event that cannot be read becomes a dead letter, which is awaited like everything else. The
decision is pure (`pipeline.matching`); here it only gets the time and goes out as records.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable, Iterable, Sequence
from time import time_ns
from typing import Final, Protocol

import structlog

from agents import metrics
from agents.producer import Outgoing, Report
from pipeline.configs import Configs
from pipeline.matching import Delay, deliveries_for
from schemas.codec import Malformed, encode
from schemas.dead_letter import DeadLetter, as_base64, dead_letter_faults
from schemas.event import read_event
from schemas.job import Job
from schemas.tiers import TIER_BY_NAME
from schemas.topics import ACTIVITIES, DEAD_LETTERS, JOBS

_TRACEPARENT: Final = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")

_log = structlog.get_logger()


class Received(Protocol):
    """A record as read: what both Faust's and anyone else's messages have."""

    @property
    def topic(self) -> str:
        """Its topic, with prefix."""

    @property
    def partition(self) -> int:
        """Its partition."""

    @property
    def offset(self) -> int:
        """Its offset."""

    @property
    def timestamp(self) -> float:
        """When it was produced, in seconds."""

    @property
    def key(self) -> bytes | None:
        """Its key."""

    @property
    def value(self) -> bytes | None:
        """Its value."""

    @property
    def headers(self) -> Iterable[tuple[str, bytes]] | None:
        """Its headers."""


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
        reports = [self._send(record) for message in batch for record in self.records(message)]
        await asyncio.gather(*reports)

    def records(self, message: Received) -> list[Outgoing]:
        """What one record of `activities` asks for."""
        now_ms = time_ns() // 1_000_000
        try:
            event = read_event(message.value or b"")
        except Malformed as malformed:
            return [_dead_letter(message, malformed, now_ms)]
        trace = _traceparent(message)
        decided = deliveries_for(
            event, self._configs, now_ms=now_ms, end_delayed_tier=self._end_delayed_tier
        )
        _count(decided)
        return [
            _job(it, now_ms, trace) if isinstance(it, Job) else _delay(it, trace) for it in decided
        ]


def _count(decided: tuple[Job | Delay, ...]) -> None:
    jobs = sum(isinstance(it, Job) for it in decided)
    result = "matched" if jobs else "delayed" if decided else "unmatched"
    metrics.EVENTS.labels(result).inc()
    if jobs:
        metrics.JOBS.labels(JOBS).inc(jobs)


def _job(job: Job, now_ms: int, trace: str) -> Outgoing:
    headers = {
        "id": job.delivery_id,
        "due-at": str(job.due_at_ms or now_ms),
        "attempt": str(job.attempt),
        "lane": job.lane,
        "traceparent": trace,
    }
    return Outgoing(JOBS, job.key, encode(job), headers)


def _delay(delay: Delay, trace: str) -> Outgoing:
    """The event itself, to be put back on `activities` by the scheduler when it is due."""
    headers = {
        "id": delay.event.event_id,
        "due-at": str(delay.due_at_ms),
        "attempt": "1",
        "lane": "new",
        "to": ACTIVITIES,
        "traceparent": trace,
    }
    topic = TIER_BY_NAME[delay.tier].topic
    return Outgoing(topic, delay.event.key, encode(delay.event), headers)


def _dead_letter(message: Received, malformed: Malformed, now_ms: int) -> Outgoing:
    _log.warning(
        "event.undecodable",
        partition=message.partition,
        offset=message.offset,
        faults=[str(fault) for fault in malformed.faults],
    )
    metrics.EVENTS.labels("undecodable").inc()
    metrics.DEAD_LETTERS.labels(ACTIVITIES).inc()
    letter = DeadLetter(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        timestamp_ms=round(message.timestamp * 1_000) if message.timestamp else None,
        at_ms=now_ms,
        faults=dead_letter_faults(malformed.faults),
        key=as_base64(message.key),
        value=as_base64(message.value),
        headers=tuple(
            (name, value.decode(errors="replace")) for name, value in message.headers or ()
        ),
    )
    return Outgoing(DEAD_LETTERS, message.key, encode(letter))


def _traceparent(message: Received) -> str:
    """The trace that the event came with; a new one when it has none."""
    for name, value in message.headers or ():
        if name == "traceparent" and _TRACEPARENT.fullmatch(value.decode(errors="replace")):
            return value.decode()
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
