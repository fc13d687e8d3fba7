"""Write events to `activities` and know which of them are there: each report is waited for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from agents.errors import OperationError
from agents.kafka.clients import BROKER_TIMEOUT_S, on_producer_error, producer_config
from pipeline.settings import Settings
from schemas.event import Event
from schemas.topics import ACTIVITIES

# A person waits: a broker that acknowledges nothing for so long is called away.
SILENCE_S_MAX: Final = 15

# Reports are served in slices, which keeps Ctrl-C quick.
_SLICE_S: Final = 0.2

# Where nobody said how fast, batches may fill for a moment.
_BULK_LINGER_MS: Final = 5


@dataclass(slots=True)
class Written:
    """What became of the events so far: `sent` to the broker, of these `written` or `failed`."""

    sent: int = 0
    written: int = 0
    failed: int = 0
    error: KafkaError | None = None


class EventWriter:
    """A producer for the time of one command. `so_far` counts while it works."""

    def __init__(
        self,
        settings: Settings,
        *,
        per_second: float | None = None,
        on_written: Callable[[], None] = lambda: None,
    ) -> None:
        """Raises `OperationError` when the broker is away or has no topic for events.

        With `per_second`, events are sent at that rate, evenly. `on_written` is told of each.
        """
        self.so_far = Written()
        self._topic = settings.topic(ACTIVITIES)
        self._interval_s = 0.0 if per_second is None else 1 / per_second
        self._on_written = on_written
        linger_ms = _BULK_LINGER_MS if per_second is None else 0
        self._producer = Producer(
            producer_config(settings, linger_ms=linger_ms)
            | {"delivery.timeout.ms": SILENCE_S_MAX * 1_000, "error_cb": on_producer_error}
        )
        _check_topic(self._producer, self._topic)

    def write(self, events: Iterable[tuple[Event, bytes]]) -> Written:
        """Send each event's bytes when its time comes, and wait for all reports.

        An event is taken from `events` only then, so that it can tell when it was sent.
        """
        due_s = time.monotonic()
        iterator = iter(events)
        while True:
            self._serve_until(due_s)
            try:
                event, data = next(iterator)
            except StopIteration:
                break
            self._send(event, data)
            due_s += self._interval_s
        return self.finish()

    def finish(self) -> Written:
        """Wait until every event that was sent is written or has failed."""
        while len(self._producer):
            self._producer.poll(_SLICE_S)
        return self.so_far

    def _serve_until(self, due_s: float) -> None:
        """Serve reports until it is time; at least those that are there."""
        self._producer.poll(0)
        while (left_s := due_s - time.monotonic()) > 0:
            self._producer.poll(min(left_s, _SLICE_S))

    def _send(self, event: Event, data: bytes) -> None:
        headers: dict[str, str | bytes | None] = {"id": event.event_id}
        while True:
            try:
                self._producer.produce(
                    self._topic, data, event.key, headers=headers, on_delivery=self._take_report
                )
            except BufferError:
                self._producer.poll(_SLICE_S)
            else:
                self.so_far.sent += 1
                return

    def _take_report(self, error: KafkaError | None, _message: Message) -> None:
        if error is None:
            self.so_far.written += 1
            self._on_written()
        else:
            self.so_far.failed += 1
            self.so_far.error = error


def _check_topic(producer: Producer, topic: str) -> None:
    try:
        found = producer.list_topics(topic, timeout=BROKER_TIMEOUT_S).topics[topic]
    except KafkaException as error:
        raise OperationError(f"cannot reach the broker: {error.args[0].str()}") from None
    if found.error is not None:
        raise OperationError(
            f"cannot write to {topic}: {found.error.str()}; were the topics created "
            "(`hookline topics create`)?"
        )
