"""The matcher's records on their way: bounded while unacknowledged, and every report awaited.

A record that is too large for its topic will be too large at every restart as well, so what it came
of becomes a dead letter; any other refusal is an exception, which ends the process. A dead letter
that is too large itself is written without the record's bytes, which stand where it says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import structlog
from confluent_kafka import KafkaException

from agents import metrics
from agents.clock import now_ms
from agents.kafka.outgoing import Received, bare_dead_letter, dead_letter
from agents.kafka.producer import Outgoing, Report, is_too_large
from schemas.codec import FAULTS_MAX, Fault, Malformed
from schemas.topics import ACTIVITIES

# What may be written and not yet acknowledged. A batch holds 32 MiB of events, and each becomes as
# many jobs as it has webhooks: without a bound a fan-out of fifty would take gigabytes.
UNACKNOWLEDGED_BYTES_MAX: Final = 64 * 1024 * 1024
# The producer's queue holds 100,000 records, of which a batch must not want all.
UNACKNOWLEDGED_RECORDS_MAX: Final = 25_000

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Written:
    """A record, what it came of, and its delivery report to come."""

    source: Received
    record: Outgoing
    report: Awaitable[object]


class BatchWriter:
    """Writes what follows from one batch."""

    def __init__(self, send: Callable[[Outgoing], Report]) -> None:
        """Have written nothing."""
        self._send = send
        self._written: list[_Written] = []
        self._buried: list[Awaitable[None]] = []
        self._bytes = 0

    @property
    def is_full(self) -> bool:
        """Whether `finish` should be awaited before anything more is written."""
        return (
            self._bytes >= UNACKNOWLEDGED_BYTES_MAX
            or len(self._written) + len(self._buried) >= UNACKNOWLEDGED_RECORDS_MAX
        )

    def write(self, source: Received, record: Outgoing) -> None:
        """Write a record that follows from `source`."""
        self._written.append(_Written(source, record, self._send(record)))
        self._bytes += len(record.value or b"")

    def bury(self, source: Received, malformed: Malformed) -> None:
        """Write `source` itself to the dead letters."""
        self._buried.append(asyncio.ensure_future(self._bury(source, malformed)))
        self._bytes += len(source.value or b"")

    async def finish(self) -> None:
        """Return when all is acknowledged; raises when the broker refused a record for good."""
        written, self._written = self._written, []
        buried, self._buried = self._buried, []
        self._bytes = 0
        results = await asyncio.gather(*(it.report for it in written), return_exceptions=True)
        refused = [it for it, result in zip(written, results, strict=True) if _is_refusal(result)]
        await asyncio.gather(*buried)
        await self._write_alone(refused)

    async def _write_alone(self, refused: list[_Written]) -> None:
        """Write each once more: the request that was refused may have held smaller ones as well."""
        sources: dict[tuple[int, int], Received] = {}
        faults: dict[tuple[int, int], list[Fault]] = {}
        for it in refused:
            if not await _is_refused(self._send(it.record)):
                continue
            place = (it.source.partition, it.source.offset)
            sources[place] = it.source
            faults.setdefault(place, []).append(_too_large(it.record))
        for place, source in sources.items():
            metrics.EVENTS.labels("too_large").inc()
            _log.error(
                "event.too_large",
                partition=source.partition,
                offset=source.offset,
                records=len(faults[place]),
                faults=[str(fault) for fault in faults[place][:FAULTS_MAX]],
            )
            await self._bury(source, Malformed(tuple(faults[place][:FAULTS_MAX])))

    async def _bury(self, source: Received, malformed: Malformed) -> None:
        metrics.DEAD_LETTERS.labels(ACTIVITIES).inc()
        if await _is_refused(self._send(dead_letter(source, malformed, now_ms()))):
            await self._send(bare_dead_letter(source, malformed, now_ms()))


async def _is_refused(report: Awaitable[object]) -> bool:
    """Whether the topic does not take records so large; any other refusal is raised."""
    (result,) = await asyncio.gather(report, return_exceptions=True)
    return _is_refusal(result)


def _is_refusal(result: object) -> bool:
    if not isinstance(result, BaseException):
        return False
    if isinstance(result, KafkaException) and is_too_large(result.args[0]):
        return True
    raise result


def _too_large(record: Outgoing) -> Fault:
    key = (record.key or b"").decode(errors="replace")
    size_bytes = len(record.value or b"")
    return Fault("", f"what it asks of {key} has {size_bytes} bytes: too many for {record.topic}")
