"""The scheduler: holds back what waits in the tiers, and passes on what is due.

Within a partition of a tier the head is due first, so a partition whose head is not due is paused
until it is, and read again from there: nothing is held in memory. An offset is committed only when
the record stands on the topic it went to.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from typing import Final

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition

from agents import metrics
from agents.kafka.clients import on_producer_error, producer_config
from agents.kafka.group_consumer import GroupConsumer
from agents.kafka.groups import SCHEDULERS
from agents.kafka.outgoing import Received, dead_letter, received
from agents.kafka.producer import Outgoing
from agents.kafka.reachability import Reachability
from agents.lifecycle import end_process_on_failure, stop_on_signals
from agents.web import serve_health
from pipeline.assignments import Key, Place, Span
from pipeline.due import due_of
from pipeline.offsets import Position
from pipeline.settings import Settings
from schemas.codec import Malformed
from schemas.tiers import TIERS

# A record that was not acknowledged is written again after so long.
_AGAIN_S: Final = 1.0
# A revocation waits so long for reports; what has none by then is read again by its new owner.
_FLUSH_S: Final = 2.0

_TIERS: Final = {tier.topic: tier for tier in TIERS}

_log = structlog.get_logger()


async def run_scheduler(settings: Settings) -> None:
    """Run until a signal, then wait for outstanding reports, commit and leave the group.

    Raises `OperationError` when the broker or its topics are not there.
    """
    loop = asyncio.get_running_loop()
    stopping = stop_on_signals(loop)
    tiers = TierConsumer(settings)
    tiers.require_topics()
    broker = Reachability(settings)

    def readiness() -> Mapping[str, bool]:
        return {"assigned": tiers.was_assigned, "broker_answers": broker.is_reachable}

    health = await serve_health(settings, readiness)
    asking = end_process_on_failure(asyncio.create_task(broker.run(), name="reachability"))
    tiers.start_thread()
    await stopping.wait()
    asking.cancel()
    await loop.run_in_executor(None, tiers.stop)
    await health.cleanup()
    _log.info("scheduler.stopped")


class TierConsumer(GroupConsumer):
    """The one thread that reads all tiers and writes what is due."""

    def __init__(self, settings: Settings) -> None:
        """Create the clients; `start_thread` joins the group."""
        # A partition that is resumed waits for the fetch under way to come back.
        super().__init__(settings, SCHEDULERS, _TIERS, {"fetch.wait.max.ms": 100})
        self._producer = Producer(producer_config(settings) | {"error_cb": on_producer_error})
        self._due_at_ms: dict[Key, int] = {}
        self._again: deque[tuple[float, Outgoing, Place]] = deque()

    def take_in(self, key: Key, message: Message) -> None:
        """Pass a record on if it is due; if not, hold its partition back there."""
        if key in self._due_at_ms:  # behind a head that is not due: it comes again with it
            return
        record, now_ms = received(message), _now_ms()
        try:
            due = due_of(record.named)
        except Malformed as malformed:
            metrics.DEAD_LETTERS.labels(key[0]).inc()
            self._pass_on(key, record, dead_letter(record, malformed, now_ms))
            return
        if due.at_ms > now_ms:
            self._hold_back(key, record.offset, due.at_ms)
            return
        metrics.FORWARDED.labels(_TIERS[key[0]].name).inc()
        metrics.FORWARD_DELAY.observe((now_ms - due.at_ms) / 1_000)
        self._pass_on(key, record, Outgoing(due.to, record.key, record.value, record.named))

    def after_turn(self) -> None:
        """Take reports, write again what was refused, and wake the heads that have become due."""
        self._producer.poll(0)
        while self._again and self._again[0][0] <= time.monotonic():
            _, outgoing, place = self._again.popleft()
            self._write(outgoing, place)
        self._wake_due(_now_ms())

    def prepare(self, partitions: list[TopicPartition]) -> dict[int, Span]:  # noqa: ARG002 - nothing to read
        """Begin with new partitions at once."""
        return {}

    def release(self, keys: list[Key]) -> None:
        """Wait, for a bounded time, for the reports of what is on its way."""
        self._producer.flush(_FLUSH_S)
        for key in keys:
            self._due_at_ms.pop(key, None)

    def may_resume(self, key: Key) -> bool:
        """Leave a partition alone whose head is not due."""
        return key not in self._due_at_ms

    def metadata(self, position: Position) -> str:  # noqa: ARG002 - the offset says it all
        """Keep nothing beside an offset."""
        return ""

    def _hold_back(self, key: Key, offset: int, due_at_ms: int) -> None:
        """Pause a partition at its head until that is due."""
        head = self.place_of(key, offset)
        self.consumer.pause([head])
        self.consumer.seek(head)
        self._due_at_ms[key] = due_at_ms

    def _wake_due(self, now_ms: int) -> None:
        if self.is_standing_still:
            return
        for key in [key for key, due_ms in self._due_at_ms.items() if due_ms <= now_ms]:
            del self._due_at_ms[key]
            self.consumer.resume([self.place_of(key)])

    def _pass_on(self, key: Key, record: Received, outgoing: Outgoing) -> None:
        place = self.assignments.handed_out(key, record.offset, len(record.value or b""))
        if place is not None:
            self._write(outgoing, place)

    def _write(self, outgoing: Outgoing, place: Place) -> None:
        def on_report(error: KafkaError | None, _message: Message) -> None:
            if error is None:
                self.assignments.completed(place, None)
            else:
                self._write_later(outgoing, place, error.str())

        try:
            self._producer.produce(
                self.settings.topic(outgoing.topic),
                key=outgoing.key,
                value=outgoing.value,
                headers=dict(outgoing.headers),
                on_delivery=on_report,
            )
        except (BufferError, KafkaException) as error:
            self._write_later(outgoing, place, str(error))

    def _write_later(self, outgoing: Outgoing, place: Place, why: str) -> None:
        _log.error("record.not_written", topic=outgoing.topic, error=why, again_s=_AGAIN_S)
        self._again.append((time.monotonic() + _AGAIN_S, outgoing, place))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
