"""The configs topic as a process sees it: read to its end first, then followed as it grows.

A thread of its own reads; what it read is applied in the process's event loop, so that whoever
decides there never sees half a change.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from agents import metrics
from agents.errors import OperationError
from agents.kafka.clients import BROKER_TIMEOUT_S, patiently, reader_config
from agents.lifecycle import abort
from pipeline.configs import Configs
from pipeline.settings import Settings
from schemas.topics import CONFIGS

# A short wait keeps a stop quick; a message ends it at once.
_POLL_S: Final = 0.05
_BATCH: Final = 500

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ConfigRecord:
    """One record of the topic; `value` is None for a deletion."""

    key: bytes | None
    value: bytes | None
    offset: int


class ConfigReader:
    """A consumer at a place in the configs topic. Not for use from two threads at once."""

    def __init__(self, settings: Settings) -> None:
        """Start at the topic's beginning; raises `OperationError` when it cannot be reached."""
        self._consumer = Consumer(reader_config(settings))
        self._partition = TopicPartition(settings.topic(CONFIGS), 0, 0)
        try:
            self.end_offset()
            self._consumer.assign([self._partition])
        except KafkaException as error:
            self._consumer.close()
            raise OperationError(
                f"cannot read the topic {self._partition.topic}: {error.args[0].str()}; is the "
                "broker there, and were the topics created (`hookline topics create`)?"
            ) from None

    def end_offset(self) -> int:
        """The offset that the topic's next record will have, asked of the broker now."""
        _, end = patiently(
            lambda: self._consumer.get_watermark_offsets(self._partition, timeout=BROKER_TIMEOUT_S)
        )
        return int(end)

    def read(self) -> list[ConfigRecord]:
        """What has come since the last call; empty when nothing did within a short wait."""
        messages = self._consumer.consume(_BATCH, _POLL_S)
        return [_record(message) for message in messages if _is_record(message)]

    def position(self) -> int:
        """The offset after the last record read; records removed by compaction are passed too."""
        (place,) = self._consumer.position([self._partition])
        return max(int(place.offset), 0)

    def close(self) -> None:
        """Let go of the broker."""
        self._consumer.close()


def _is_record(message: Message) -> bool:
    error = message.error()
    if error is not None and error.code() == KafkaError._FATAL:  # noqa: SLF001 - its public name
        raise KafkaException(error)
    return error is None


def _record(message: Message) -> ConfigRecord:
    offset = message.offset()
    return ConfigRecord(message.key(), message.value(), -1 if offset is None else offset)


def apply_records(configs: Configs, records: list[ConfigRecord]) -> None:
    """Bring `configs` up to date; a record that cannot be read is logged, counted and passed."""
    for record in records:
        faults = configs.apply(record.key, record.value, record.offset)
        if faults:
            metrics.CONFIG_FAULTS.inc()
            _log.error(
                "config.unreadable",
                key=(record.key or b"").decode(errors="replace"),
                offset=record.offset,
                faults=[str(fault) for fault in faults],
            )
    metrics.CONFIG_OFFSET.set(configs.offset)


def read_to_end(reader: ConfigReader) -> Iterator[list[ConfigRecord]]:
    """Everything up to the topic's end as it is when this begins."""
    end = reader.end_offset()
    while reader.position() < end:
        yield reader.read()


def read_configs(settings: Settings) -> Configs:
    """The configuration as it is now; raises `OperationError` when it cannot be read."""
    reader = ConfigReader(settings)
    try:
        return _read_configs(reader)
    finally:
        reader.close()


def _read_configs(reader: ConfigReader) -> Configs:
    configs = Configs()
    for records in read_to_end(reader):
        apply_records(configs, records)
    return configs


def _end_process(error: Exception) -> None:
    abort("the configuration can no longer be followed", error)


class ConfigView:
    """The configuration, kept current in an event loop."""

    def __init__(
        self,
        settings: Settings,
        loop: asyncio.AbstractEventLoop,
        on_lost: Callable[[Exception], None] = _end_process,
    ) -> None:
        """Read the topic to its end, which can take a moment, then follow it in a thread.

        `on_lost` is called in that thread when it cannot go on: an agent ends then.
        """
        self._on_lost = on_lost
        self._reader = ConfigReader(settings)
        self.configs = _read_configs(self._reader)
        self._reached = self._reader.position()
        self._loop = loop
        self._changed = asyncio.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="configs", daemon=True)
        self._thread.start()

    async def reaches(self, offset: int) -> None:
        """Wait until the record at `offset` has been applied."""
        while self.configs.offset < offset:
            self._changed.clear()
            await self._changed.wait()

    def has_reached(self, end: int | None) -> bool:
        """Whether all that stood on the topic when it ended there is applied; None is unknown."""
        return end is not None and self._reached >= end

    def close(self) -> None:
        """Stop following."""
        self._closed.set()
        self._thread.join()
        self._reader.close()

    def _follow(self) -> None:
        try:
            while not self._closed.is_set():
                records = self._reader.read()
                position = self._reader.position()
                if records or position != self._reached:
                    self._loop.call_soon_threadsafe(self._apply, records, position)
        except Exception as error:  # noqa: BLE001 - a thread that dies must not do so in silence
            self._on_lost(error)

    def _apply(self, records: list[ConfigRecord], position: int) -> None:
        apply_records(self.configs, records)
        self._reached = position
        self._changed.set()
