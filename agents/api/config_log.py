"""The configs topic for one who writes to it while a client waits: short waits, and clear refusals.

Its calls block and are made by one thread at a time. A broker that does not answer is no reason to
end the process: the next call tries again, with a new producer where the old one cannot go on.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from agents.configs.view import ConfigRecord
from agents.kafka.clients import producer_config, reader_config
from agents.kafka.producer import is_too_large
from pipeline.settings import Settings
from schemas.topics import CONFIGS

# A client is answered within five seconds, and asking for the topic's end comes before.
_WRITE_S_MAX: Final = 2.0
# Timeouts are looked at once a second by librdkafka, so a report may come so much later.
_REPORT_S_MAX: Final = _WRITE_S_MAX + 1.0
_READ_S_MAX: Final = 1.0
_SLICE_S: Final = 0.1
_BATCH: Final = 500

KeyValue = tuple[bytes, bytes | None]


class NotWritten(Exception):  # noqa: N818 - it says what became of the write
    """Some of the records may not be on the topic; `is_too_large` when one can never be."""

    def __init__(self, why: str, *, is_too_large: bool = False) -> None:
        """Hold why."""
        super().__init__(why)
        self.is_too_large = is_too_large


class ConfigLog:
    """A producer of records on the configs topic, and a reader of what others wrote meanwhile."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is asked of the broker yet."""
        self._settings = settings
        self._topic = settings.topic(CONFIGS)
        self._producer = self._new_producer()

    def write(self, writes: Sequence[KeyValue]) -> list[int]:
        """Write the records (None deletes); their offsets, in order. Raises `NotWritten`."""
        reports: list[tuple[KafkaError | None, int]] = []

        def on_delivery(error: KafkaError | None, message: Message) -> None:
            reports.append((error, -1 if error is not None else int(message.offset() or 0)))

        try:
            for key, value in writes:
                self._producer.produce(self._topic, value, key, on_delivery=on_delivery)
        except (BufferError, KafkaException) as error:
            self._renew()
            raise _not_written(error.args[0]) from None
        self._await(len(writes), reports)
        failed = [error for error, _ in reports if error is not None]
        if failed or len(reports) < len(writes):
            self._renew()
            raise _not_written(failed[0] if failed else "the broker gave no answer")
        return [offset for _, offset in reports]

    def read(self, first: int, end: int) -> list[ConfigRecord]:
        """The records from offset `first` up to, not including, `end`; raises `NotWritten`."""
        consumer = Consumer(reader_config(self._settings))
        consumer.assign([TopicPartition(self._topic, 0, first)])
        deadline_s, position = time.monotonic() + _READ_S_MAX, first
        records: list[ConfigRecord] = []
        try:
            while position < end:
                if time.monotonic() > deadline_s:
                    raise NotWritten("what others wrote meanwhile could not be read")
                for message in consumer.consume(_BATCH, _SLICE_S):
                    if message.error() is None:
                        position = int(message.offset() or 0) + 1
                        records.append(ConfigRecord(message.key(), message.value(), position - 1))
        finally:
            consumer.close()
        return [record for record in records if record.offset < end]

    def close(self) -> None:
        """Let go of the broker, and of what it has not taken."""
        self._producer.purge()
        self._producer.flush(_SLICE_S)

    def _await(self, count: int, reports: Sequence[object]) -> None:
        deadline_s = time.monotonic() + _REPORT_S_MAX
        while len(reports) < count and time.monotonic() < deadline_s:
            self._producer.poll(_SLICE_S)

    def _renew(self) -> None:
        """Go on with a new producer: what the old one still holds must not be written later."""
        self.close()
        self._producer = self._new_producer()

    def _new_producer(self) -> Producer:
        timeout_ms = int(_WRITE_S_MAX * 1_000)
        ours = {
            "delivery.timeout.ms": timeout_ms,
            "request.timeout.ms": timeout_ms,
            # What cannot be sent is reported to whoever waits for it.
            "error_cb": lambda _error: None,
        }
        return Producer(producer_config(self._settings) | ours)


def _not_written(error: object) -> NotWritten:
    if isinstance(error, KafkaError):
        return NotWritten(error.str(), is_too_large=is_too_large(error))
    return NotWritten(str(error))
