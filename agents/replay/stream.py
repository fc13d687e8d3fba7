"""The records that a replay reads: a topic's, from a time on, up to where it ended at the start.

A consumer without a group reads them, so nobody's offsets are touched. A key of the form
`account:…` that names another account is believed, and its record not even decoded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from agents.kafka.clients import BROKER_TIMEOUT_S, patiently, reader_config
from pipeline.settings import Settings

# So many records at most are read in one go; the wait for them ends with the first.
_BATCH: Final = 500
_POLL_S: Final = 0.2
# What is read ahead while the rate holds the replay back.
_AHEAD: Final = {"queued.min.messages": 500, "queued.max.messages.kbytes": 8_192}
_OWNER: Final = re.compile(rb"([0-9]{1,19}):")
# Producers' clocks differ, so a record may lie behind others that are stamped later.
_SLACK_MS: Final = 10 * 60 * 1_000


@dataclass(frozen=True, slots=True)
class Span:
    """From which offset up to which each partition is read, by `topic/partition`, unprefixed."""

    begins: Mapping[str, int]
    ends: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Read:
    """A record; `place` is its partition, `at_ms` its time by the log."""

    place: str
    offset: int
    at_ms: int
    value: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """Records that may be the account's, the offsets after all that came, and their number."""

    records: list[Read]
    cursor: dict[str, int]
    count: int


class Stream:
    """One topic, read from a place on. Its methods block; not for two threads at once."""

    def __init__(self, settings: Settings, topic: str) -> None:
        """Nothing is asked of the broker yet."""
        self._topic = topic
        self._name = settings.topic(topic)
        self._consumer = Consumer(reader_config(settings) | _AHEAD)
        self._left: dict[int, int] = {}

    def span(self, from_ms: int, to_ms: int) -> Span:
        """What there is of these times at present; raises `KafkaException`."""
        cluster = self._consumer.list_topics(self._name, timeout=BROKER_TIMEOUT_S)
        numbers = sorted(cluster.topics[self._name].partitions)
        highs = {number: self._watermarks(number)[1] for number in numbers}
        begins = self._offsets_at(from_ms, highs)
        after = self._offsets_at(to_ms + _SLACK_MS, highs)
        ends = {number: max(after[number], begins[number]) for number in numbers}
        return Span(self._named(begins), self._named(ends))

    def begin(self, cursor: Mapping[str, int], ends: Mapping[str, int]) -> dict[str, int]:
        """Read on from the cursor up to the ends.

        What was removed there before it could be read is given back, by partition.
        """
        places: list[TopicPartition] = []
        removed: dict[str, int] = {}
        for name, end in ends.items():
            number, at = int(name.rpartition("/")[2]), cursor.get(name, 0)
            low, high = self._watermarks(number)
            if low > at:
                removed[name] = min(low, end) - at
                at = low
            if at < min(end, high):
                self._left[number] = min(end, high)
                places.append(TopicPartition(self._name, number, at))
        self._consumer.assign(places)
        return {name: count for name, count in removed.items() if count > 0}

    @property
    def is_over(self) -> bool:
        """Whether everything was read."""
        return not self._left

    def read(self, account_id: int) -> Batch:
        """What has come; raises `KafkaException` when reading cannot go on."""
        found: list[Read] = []
        cursor: dict[str, int] = {}
        count = 0
        for message in self._consumer.consume(_BATCH, _POLL_S):
            number, offset = int(message.partition() or 0), int(message.offset() or 0)
            end = self._left.get(number)
            if end is None:
                continue
            if _is_end(message):
                self._finish(number)
                continue
            if offset < end:
                name = self._place(number)
                count += 1
                cursor[name] = offset + 1
                found += _records(message, name, account_id)
            if offset + 1 >= end:
                self._finish(number)
        return Batch(found, cursor, count)

    def close(self) -> None:
        """Let go of the broker."""
        self._consumer.close()

    def _finish(self, number: int) -> None:
        del self._left[number]
        self._consumer.incremental_unassign([TopicPartition(self._name, number)])

    def _watermarks(self, number: int) -> tuple[int, int]:
        at = TopicPartition(self._name, number)
        low, high = patiently(
            lambda: self._consumer.get_watermark_offsets(at, timeout=BROKER_TIMEOUT_S)
        )
        return int(low), int(high)

    def _offsets_at(self, at_ms: int, highs: Mapping[int, int]) -> dict[int, int]:
        """The first offsets of that time; where there is none, the partition's end."""
        asked = [TopicPartition(self._name, number, at_ms) for number in highs]
        found = patiently(lambda: self._consumer.offsets_for_times(asked, BROKER_TIMEOUT_S))
        return {it.partition: it.offset if it.offset >= 0 else highs[it.partition] for it in found}

    def _place(self, number: int) -> str:
        return f"{self._topic}/{number}"

    def _named(self, offsets: Mapping[int, int]) -> dict[str, int]:
        return {self._place(number): offset for number, offset in offsets.items()}


def _is_end(message: Message) -> bool:
    """Whether it says that the partition ends; raises for what cannot be gone on from."""
    error = message.error()
    if error is None:
        return False
    if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
        return True
    raise KafkaException(error)


def _records(message: Message, place: str, account_id: int) -> Iterable[Read]:
    value = message.value()
    owner = _OWNER.match(message.key() or b"")
    if value is not None and (owner is None or int(owner[1]) == account_id):
        yield Read(place, int(message.offset() or 0), int(message.timestamp()[1]), value)
