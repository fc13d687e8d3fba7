"""What is known of partitions of notices before their first one is read.

What was told of their webhooks stands on `notifier-state`, whole. Which of the notices that are
read again were dealt with already, though their offsets were not committed, says `attempts`, from
the time on when the first of them was written. And copies of earlier ones may yet come, so the last
ones before are known, too.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import pydantic_core
import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from agents.kafka.clients import BROKER_TIMEOUT_S, reader_config
from pipeline.repeats import Identity
from pipeline.settings import Settings
from pipeline.throttling import read_again
from schemas.codec import Malformed, decode
from schemas.ids import NOTICE_PREFIX
from schemas.notifier_state import NotifierState
from schemas.topics import ATTEMPTS, NOTICES, NOTIFIER_STATE

# Copies come within the moments in which a process died.
NOTICES_BEFORE: Final = 1_000
# A minute at some hundreds of deliveries a second: what was not committed was sent within seconds.
ATTEMPTS_AFTER: Final = 50_000
# The group waits meanwhile; what was not read by then costs a repeated message.
TIME_S_MAX: Final = 20.0

_BATCH: Final = 2_000
_POLL_S: Final = 0.1

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Known:
    """By partition number what was told of its webhooks; and the notices that are dealt with."""

    states: Mapping[int, tuple[NotifierState, ...]]
    done: tuple[Identity, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """Records of one partition, from `start` up to `end`."""

    number: int
    start: int
    end: int


def read_known(settings: Settings, committed: list[TopicPartition]) -> Known:
    """Read what is known of partitions of notices; `committed` says where they will be read on.

    Raises `KafkaException`.
    """
    began_s = time.monotonic()
    consumer = Consumer(reader_config(settings) | {"fetch.wait.max.ms": 20})
    try:
        reading = _Reading(settings, consumer, began_s + TIME_S_MAX)
        ends = {it.partition: reading.span(NOTICES, it.partition)[1] for it in committed}
        states = {number: reading.states(number, end) for number, end in ends.items()}
        done = [*reading.before(committed), *reading.sent(committed, ends)]
    finally:
        consumer.close()
    took_ms = round((time.monotonic() - began_s) * 1_000)
    told = sum(map(len, states.values()))
    _log.info("notices.read_back", partitions=len(ends), states=told, done=len(done), ms=took_ms)
    return Known(states, tuple(done))


class _Reading:
    """A consumer without a group, and until when it may read."""

    def __init__(self, settings: Settings, consumer: Consumer, deadline_s: float) -> None:
        self._topic = settings.topic
        self._consumer = consumer
        self._deadline_s = deadline_s

    def span(self, topic: str, number: int) -> tuple[int, int]:
        """Where a partition begins and ends."""
        place = TopicPartition(self._topic(topic), number)
        low, high = self._consumer.get_watermark_offsets(place, timeout=BROKER_TIMEOUT_S)
        return int(low), int(high)

    def states(self, number: int, end: int) -> tuple[NotifierState, ...]:
        """The newest record of each webhook."""
        found: dict[bytes, bytes | None] = {}
        part = _Part(number, *self.span(NOTIFIER_STATE, number))
        for message in self.records(NOTIFIER_STATE, [part], is_needed=True):
            found[message.key() or b""] = message.value()
        states = (_state(value) for value in found.values() if value)
        return tuple(read_again(state, end) for state in states if state is not None)

    def before(self, committed: list[TopicPartition]) -> Iterator[Identity]:
        """The last notices before those that will be read."""
        parts = []
        for place in committed:
            if place.offset >= 0:
                low, high = self.span(NOTICES, place.partition)
                end = min(place.offset, high)
                parts.append(_Part(place.partition, max(low, end - NOTICES_BEFORE), end))
        for message in self.records(NOTICES, parts):
            identity = _identity(message, "notice_id")
            if identity is not None:
                yield identity

    def sent(self, committed: list[TopicPartition], ends: Mapping[int, int]) -> Iterator[Identity]:
        """The notices on record since the first of those that will be read was written."""
        parts = []
        for place in committed:
            low, _ = self.span(NOTICES, place.partition)
            start = max(place.offset, low)
            end = ends[place.partition]
            first = next(self.records(NOTICES, [_Part(place.partition, start, end)]), None)
            if first is not None:
                parts.append(self._attempts_since(place.partition, first.timestamp()[1]))
        for message in self.records(ATTEMPTS, parts):
            identity = _identity(message, "delivery_id")
            if identity is not None and identity[0].startswith(NOTICE_PREFIX):
                yield identity

    def _attempts_since(self, number: int, at_ms: int) -> _Part:
        place = TopicPartition(self._topic(ATTEMPTS), number, at_ms)
        (found,) = self._consumer.offsets_for_times([place], timeout=BROKER_TIMEOUT_S)
        _, end = self.span(ATTEMPTS, number)
        start = end if found.offset < 0 else int(found.offset)
        return _Part(number, start, min(end, start + ATTEMPTS_AFTER))

    def records(
        self, topic: str, parts: list[_Part], *, is_needed: bool = False
    ) -> Iterator[Message]:
        """The records of these parts; raises `KafkaException` if all must be read, and is not."""
        name = self._topic(topic)
        left = {part.number: part.end for part in parts if part.start < part.end}
        starts = {part.number: part.start for part in parts}
        self._consumer.assign([TopicPartition(name, number, starts[number]) for number in left])
        while left and time.monotonic() < self._deadline_s:
            for message in self._consumer.consume(_BATCH, _POLL_S):
                if _is_within(message, left):
                    yield message
            places = self._consumer.position([TopicPartition(name, number) for number in left])
            for place in places:
                if place.offset >= left[place.partition]:
                    del left[place.partition]
        if left and is_needed:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - its public name
        if left:
            _log.warning("notices.read_back_missed", topic=name, partitions=[*left])


def _is_within(message: Message, ends: Mapping[int, int]) -> bool:
    """Whether it is a record before its partition's end; raises `KafkaException` if it is fatal."""
    error = message.error()
    if error is not None:
        if error.fatal():
            raise KafkaException(error)
        return False
    return (message.offset() or 0) < ends.get(message.partition() or 0, 0)


def _state(value: bytes) -> NotifierState | None:
    try:
        return decode(NotifierState, value)
    except Malformed as malformed:  # what it told is told once more
        _log.warning("notifier_state.unreadable", error=str(malformed))
        return None


def _identity(message: Message, name: str) -> Identity | None:
    try:
        fields = pydantic_core.from_json(message.value() or b"")
        return str(fields[name]), int(fields["attempt"])
    except (ValueError, KeyError, TypeError):
        return None
