"""The tail of the attempts topic, read back when a partition is assigned.

What a crashed sender had recorded but not committed stands there; jobs found in it are not done
again. Reading begins at the floor that was committed with the offsets, so it is short.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pydantic_core
import structlog
from confluent_kafka import Consumer, Message, TopicPartition

from agents import metrics
from agents.kafka.clients import BROKER_TIMEOUT_S, reader_config
from pipeline.assignments import Key, Span
from pipeline.settings import Settings
from pipeline.suppression import Noted
from schemas.topics import ATTEMPTS

# Without a floor (a first start, or metadata that was lost) this much is read, newest last.
RECORDS_MAX: Final = 50_000
# So much is read before the floor too: a job may have a copy that was recorded before it came.
MARGIN: Final = 1_000
# Jobs wait meanwhile; what was not read by then costs repeats, which is better than standing still.
TIME_S_MAX: Final = 20.0
_BATCH: Final = 2_000
_POLL_S: Final = 0.1

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ReadBack:
    """What was found, and by partition number what it covers."""

    noted: tuple[Noted, ...]
    spans: dict[int, Span]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A record on attempts, and where the job stood that it tells of."""

    noted: Noted
    job: Key
    job_offset: int


def read_back(settings: Settings, floors: Mapping[int, int | None]) -> ReadBack:
    """Read the attempts of each partition from its floor (None: not known) to its end now."""
    consumer = Consumer(reader_config(settings) | {"fetch.wait.max.ms": 20})
    try:
        began_s = time.monotonic()
        spans = {
            partition: _span(consumer, settings.topic(ATTEMPTS), partition, floor)
            for partition, floor in floors.items()
        }
        _note_missed({n: spans[n].start - it for n, it in floors.items() if it is not None})
        noted = _read(consumer, settings.topic(ATTEMPTS), spans, began_s + TIME_S_MAX)
        took_ms = round((time.monotonic() - began_s) * 1_000)
        _log.info("attempts.read_back", partitions=len(spans), records=len(noted), took_ms=took_ms)
        return ReadBack(tuple(noted), spans)
    finally:
        consumer.close()


def _note_missed(partitions: Mapping[int, int]) -> None:
    """Say how many records of each partition were not read back that should have been."""
    missed = {number: records for number, records in partitions.items() if records > 0}
    if missed:
        metrics.READ_BACK_MISSED.inc(sum(missed.values()))
        _log.warning("attempts.read_back_missed", records=missed)


def _span(consumer: Consumer, topic: str, partition: int, floor: int | None) -> Span:
    low, high = consumer.get_watermark_offsets(
        TopicPartition(topic, partition), timeout=BROKER_TIMEOUT_S
    )
    wanted = high - RECORDS_MAX if floor is None else max(floor - MARGIN, high - RECORDS_MAX)
    return Span(min(max(low, wanted), high), high)


def _read(
    consumer: Consumer, topic: str, spans: Mapping[int, Span], deadline_s: float
) -> list[Noted]:
    open_ends = {number: span.end for number, span in spans.items() if span.start < span.end}
    if not open_ends:
        return []
    consumer.assign([TopicPartition(topic, number, spans[number].start) for number in open_ends])
    found: list[Noted] = []
    while open_ends and time.monotonic() < deadline_s:
        for message in consumer.consume(_BATCH, _POLL_S):
            if message.error() is None:
                _collect(message, found, spans)
        _close_finished(consumer, topic, open_ends)
    places = consumer.position([TopicPartition(topic, number) for number in open_ends])
    reached = {it.partition: max(it.offset, spans[it.partition].start) for it in places}
    _note_missed({number: open_ends[number] - offset for number, offset in reached.items()})
    return found


def _close_finished(consumer: Consumer, topic: str, open_ends: dict[int, int]) -> None:
    places = consumer.position([TopicPartition(topic, number) for number in open_ends])
    for place in places:
        if place.offset >= open_ends[place.partition]:
            del open_ends[place.partition]


def _collect(message: Message, found: list[Noted], spans: Mapping[int, Span]) -> None:
    recorded = recorded_in(message)
    if recorded is not None:
        found.append(recorded.noted)
        spans[int(message.partition() or 0)].tells_of(recorded.job, recorded.job_offset)


def recorded_in(message: Message) -> Recorded | None:
    """What an attempt's record says of its job; None where there was none, or for one unreadable.

    A test has no job, nor has an email or a text: their attempts lie on the same topic.
    """
    try:
        fields = pydantic_core.from_json(message.value() or b"")
        if fields.get("is_test") or fields.get("channel", "webhook") != "webhook":
            return None
        noted = Noted(
            str(fields["delivery_id"]),
            int(fields["attempt"]),
            int(fields["deferrals"]),
            fields["next"]["step"],
            (f"{fields['account_id']}:{fields['webhook_id']}", str(fields["activity_id"])),
            int(fields["first_queued_at_ms"]),
            int(fields["next"]["due_at_ms"] or 0),
            int(fields.get("rerun", 0)),  # older records have none
        )
        source = fields["source"]
        job = (str(source["topic"]), int(source["partition"]))
        return Recorded(noted, job, int(source["offset"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        # Not ours, or older than we can read: it suppresses nothing, at the cost of a repeat.
        _log.warning("attempts.unreadable", partition=message.partition(), offset=message.offset())
        return None


def floor_of(metadata: str | None) -> int | None:
    """The floor in a commit's metadata, or None when there is none."""
    text = (metadata or "").removeprefix("attempts=")
    return int(text) if text.isdecimal() else None


def metadata_of(floor: int) -> str:
    """A floor as a commit's metadata."""
    return f"attempts={floor}"
