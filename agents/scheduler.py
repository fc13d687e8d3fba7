"""The scheduler: holds back what waits in the tiers, and passes on what is due.

Within a partition of a tier the head is due first, so a partition whose head is not due is paused
until it is, and read again from there: nothing is held in memory. An offset is committed only when
the record stands on the topic it went to.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import Final

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from agents import metrics
from agents.assignments import Assignments, Key, Place
from agents.kafka import (
    consumer_config,
    on_consumer_error,
    on_producer_error,
    producer_config,
)
from agents.lifecycle import abort, stop_on_signals
from agents.outgoing import Received, dead_letter, received
from agents.producer import Outgoing
from agents.web import serve_health
from pipeline.due import Due, due_of
from pipeline.settings import Settings
from schemas.codec import Malformed
from schemas.tiers import TIERS

GROUP: Final = "hookline-schedulers"

# Also the precision with which a head that has become due is noticed.
_POLL_S: Final = 0.02
_BATCH: Final = 500
_COMMIT_EVERY_S: Final = 1.0
# A record that was not acknowledged is written again after so long.
_AGAIN_S: Final = 1.0
# A revocation waits so long for reports; what has none by then is read again by its new owner.
_FLUSH_S: Final = 2.0

_log = structlog.get_logger()


async def run_scheduler(settings: Settings) -> None:
    """Run until a signal, then wait for outstanding reports, commit and leave the group."""
    loop = asyncio.get_running_loop()
    stopping = stop_on_signals(loop)
    tiers = TierConsumer(settings)

    def readiness() -> Mapping[str, bool]:
        return {"assigned": tiers.was_assigned}

    health = await serve_health(settings, readiness)
    tiers.start()
    await stopping.wait()
    await loop.run_in_executor(None, tiers.stop)
    await health.cleanup()
    _log.info("scheduler.stopped")


class TierConsumer:
    """The one thread that reads all tiers and writes what is due."""

    def __init__(self, settings: Settings) -> None:
        """Create the clients; `start` joins the group."""
        self._settings = settings
        self._tiers = {settings.topic(tier.topic): tier for tier in TIERS}
        self._consumer = Consumer(
            consumer_config(settings, GROUP)
            | {
                "enable.auto.commit": False,
                "on_commit": self._on_commit,
                # A partition that was resumed waits for the fetch under way to come back.
                "fetch.wait.max.ms": 100,
            }
        )
        self._producer = Producer(producer_config(settings) | {"error_cb": on_producer_error})
        self._assignments = Assignments()
        self._due_at_ms: dict[Key, int] = {}
        self._again: deque[tuple[float, Outgoing, Place]] = deque()
        self._is_full = False
        self._committed_at_s = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tiers", daemon=True)
        self.was_assigned = False

    def start(self) -> None:
        """Join the group and start polling."""
        self._consumer.subscribe(
            list(self._tiers),
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_lost,
        )
        self._thread.start()

    def stop(self) -> None:
        """Commit what has gone out and leave the group; returns when that is done."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._turn()
            self._producer.flush(_FLUSH_S)
            self._commit(self._assignments.keys)
            self._consumer.close()
        except Exception as error:  # noqa: BLE001 - a thread that dies must take the process along
            abort("the tiers can no longer be read", error)

    def _turn(self) -> None:
        first = self._consumer.poll(_POLL_S)
        if first is not None:
            for message in [first, *self._consumer.consume(_BATCH, 0)]:
                self._take_in(message)
        self._producer.poll(0)
        self._write_again()
        self._bound_window()
        self._resume_due(_now_ms())
        if time.monotonic() - self._committed_at_s >= _COMMIT_EVERY_S:
            self._committed_at_s = time.monotonic()
            places = self._uncommitted(self._assignments.keys)
            if places:
                self._consumer.commit(offsets=places, asynchronous=True)

    def _take_in(self, message: Message) -> None:
        error = message.error()
        if error is not None:
            on_consumer_error(error)
            return
        record = received(message)
        key = (record.topic, record.partition)
        if key in self._due_at_ms:  # behind a head that is not due: it comes again with it
            return
        now_ms = _now_ms()
        try:
            due = due_of(record.named)
        except Malformed as malformed:
            metrics.DEAD_LETTERS.labels(record.topic).inc()
            self._pass_on(record, dead_letter(record, malformed, now_ms))
            return
        if due.at_ms > now_ms:
            self._hold_back(record, due)
            return
        metrics.FORWARDED.labels(self._tiers[record.topic].name).inc()
        metrics.FORWARD_DELAY.observe((now_ms - due.at_ms) / 1_000)
        self._pass_on(record, Outgoing(due.to, record.key, record.value, record.named))

    def _hold_back(self, record: Received, due: Due) -> None:
        """Pause a partition at its head until that is due."""
        head = TopicPartition(record.topic, record.partition, record.offset)
        self._consumer.pause([head])
        self._consumer.seek(head)
        self._due_at_ms[record.topic, record.partition] = due.at_ms

    def _resume_due(self, now_ms: int) -> None:
        if self._is_full:
            return
        for key in [key for key, due_ms in self._due_at_ms.items() if due_ms <= now_ms]:
            del self._due_at_ms[key]
            self._consumer.resume([TopicPartition(*key)])

    def _bound_window(self) -> None:
        """Stand still while too much is on its way, but go on polling."""
        is_full = self._assignments.wants_pause(is_paused=self._is_full)
        if is_full != self._is_full:
            moving = [TopicPartition(*key) for key in self._assignments.keys]
            if is_full:
                self._consumer.pause(moving)
            else:
                self._consumer.resume([it for it in moving if _key(it) not in self._due_at_ms])
            self._is_full = is_full

    def _pass_on(self, record: Received, outgoing: Outgoing) -> None:
        size_bytes = len(record.value or b"")
        key = (record.topic, record.partition)
        place = self._assignments.handed_out(key, record.offset, size_bytes)
        if place is not None:
            self._write(outgoing, place)

    def _write(self, outgoing: Outgoing, place: Place) -> None:
        def on_report(error: KafkaError | None, _message: Message) -> None:
            if error is None:
                self._assignments.completed(place, None)
            else:
                _log.error("record.not_written", topic=outgoing.topic, error=error.str())
                self._again.append((time.monotonic() + _AGAIN_S, outgoing, place))

        try:
            self._producer.produce(
                self._settings.topic(outgoing.topic),
                key=outgoing.key,
                value=outgoing.value,
                headers=dict(outgoing.headers),
                on_delivery=on_report,
            )
        except (BufferError, KafkaException) as error:
            _log.error("record.not_written", topic=outgoing.topic, error=str(error))
            self._again.append((time.monotonic() + _AGAIN_S, outgoing, place))

    def _write_again(self) -> None:
        while self._again and self._again[0][0] <= time.monotonic():
            _, outgoing, place = self._again.popleft()
            self._write(outgoing, place)

    def _uncommitted(self, keys: list[Key]) -> list[TopicPartition]:
        moved = self._assignments.uncommitted(keys)
        return [TopicPartition(*key, position.offset) for key, position in moved.items()]

    def _commit(self, keys: list[Key]) -> None:
        places = self._uncommitted(keys)
        if not places:
            return
        try:
            self._consumer.commit(offsets=places, asynchronous=False)
        except KafkaException as error:  # read again by the next owner; senders drop the repeats
            _log.warning("offsets.commit_failed", error=str(error.args[0]))

    def _on_commit(self, error: KafkaError | None, _places: list[TopicPartition]) -> None:
        if error is not None:
            _log.warning("offsets.commit_failed", error=error.str())
            self._assignments.distrust_commits()

    # Rebalancing: librdkafka calls these from within poll, consume and close.

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._assignments.assign([_key(place) for place in partitions], {})
        consumer.incremental_assign(partitions)
        if self._is_full:
            consumer.pause(partitions)
        self.was_assigned = True

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        keys = [_key(place) for place in partitions]
        self._producer.flush(_FLUSH_S)
        self._commit(keys)
        self._forget(keys)
        consumer.incremental_unassign(partitions)

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._forget([_key(place) for place in partitions])
        consumer.incremental_unassign(partitions)

    def _forget(self, keys: list[Key]) -> None:
        self._assignments.forget(keys)
        for key in keys:
            self._due_at_ms.pop(key, None)


def _key(place: TopicPartition) -> Key:
    return place.topic, place.partition


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
