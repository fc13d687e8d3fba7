"""The one way records are written: a producer whose delivery reports are awaited.

A record is not written until the broker has acknowledged it. A full queue is back-pressure: the
record waits here and goes out in its turn. A report that failed is an exception in its future.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from agents.kafka.clients import on_producer_error, producer_config
from pipeline.settings import Settings

# Reports wake the thread at once; this only bounds how late it notices that it was closed.
_POLL_S: Final = 0.2

Report: TypeAlias = "asyncio.Future[Message]"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record to write. `topic` is without prefix; a `value` of None is a tombstone."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, str] = field(default_factory=dict)


def is_too_large(error: KafkaError) -> bool:
    """Whether a topic takes no records so large, or none of those in the request were so small."""
    return bool(error.code() == KafkaError.MSG_SIZE_TOO_LARGE)


class Publisher:
    """A producer for one event loop; its delivery reports come back to that loop in batches."""

    def __init__(
        self,
        settings: Settings,
        loop: asyncio.AbstractEventLoop,
        *,
        linger_ms: int = 0,
        delivery_timeout_ms: int | None = None,
        on_error: Callable[[KafkaError], None] = on_producer_error,
    ) -> None:
        """Start the producer and the thread that serves its reports.

        A record not acknowledged within `delivery_timeout_ms` has failed; unset, that is longer
        than any broker is away. `on_error` hears of the producer's own errors.
        """
        self._prefixed = settings.topic
        self._loop = loop
        config = producer_config(settings, linger_ms=linger_ms) | {"error_cb": on_error}
        if delivery_timeout_ms is not None:
            config["delivery.timeout.ms"] = delivery_timeout_ms
        self._producer = Producer(config)
        self._waiting: deque[tuple[Outgoing, Report]] = deque()
        self._reported: deque[tuple[KafkaError | None, Message, Report]] = deque()
        self._wake_scheduled = False
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._serve_reports, name="reports", daemon=True)
        self._thread.start()

    def send(self, record: Outgoing) -> Report:
        """Queue a record; its future has the delivery report, or raises `KafkaException`."""
        report: Report = self._loop.create_future()
        if self._waiting or not self._produced(record, report):
            self._waiting.append((record, report))
        return report

    @property
    def queued(self) -> int:
        """Records that the broker has not acknowledged yet."""
        return len(self._producer) + len(self._waiting)

    def close(self, timeout_s: float) -> int:
        """Wait for outstanding records; how many of them were not acknowledged in time."""
        self._producer.flush(timeout_s)
        self._closed.set()
        self._thread.join(_POLL_S * 5)
        return self.queued

    def _produced(self, record: Outgoing, report: Report) -> bool:
        """Hand a record to librdkafka; False when its queue is full."""
        try:
            self._producer.produce(
                self._prefixed(record.topic),
                value=record.value,
                key=record.key,
                headers=dict(record.headers),
                on_delivery=lambda error, message: self._on_report(error, message, report),
            )
        except BufferError:
            return False
        except KafkaException as error:  # too large, or a topic that cannot be
            report.set_exception(error)
        return True

    def _serve_reports(self) -> None:
        while not self._closed.is_set():
            self._producer.poll(_POLL_S)

    def _on_report(self, error: KafkaError | None, message: Message, report: Report) -> None:
        """Run in the reports' thread: collect, and wake the loop once for all that came."""
        self._reported.append((error, message, report))
        if not self._wake_scheduled:
            self._wake_scheduled = True
            # A closed loop has nobody left who waits for a report.
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._resolve)

    def _resolve(self) -> None:
        self._wake_scheduled = False  # before reading, so a report appended now wakes us again
        while self._reported:
            error, message, report = self._reported.popleft()
            if report.done():  # whoever waited was cancelled
                continue
            if error is None:
                report.set_result(message)
            else:
                report.set_exception(KafkaException(error))
        while self._waiting and self._produced(*self._waiting[0]):
            self._waiting.popleft()
