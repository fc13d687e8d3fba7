"""Records as they were read, made ready to be written: each one alone, and none stops the others.

A record that cannot be read is counted, logged with its place, and passed over: what an event on
`activities` has wrong stands on its dead letter, which the matcher writes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import structlog
from confluent_kafka import Message

from agents import metrics
from agents.clock import now_ms
from agents.history.writing import Partition, Rows
from pipeline.history import AttemptRows, EventRows, Place, attempt_rows, event_rows
from pipeline.inbound_history import InboundRows, inbound_rows
from schemas.attempt import Attempt
from schemas.codec import Malformed, decode
from schemas.event import read_event
from schemas.inbound import Inbound
from schemas.topics import ACTIVITIES, ATTEMPTS, INBOUND

_Rows: TypeAlias = EventRows | AttemptRows | InboundRows
_Read: TypeAlias = Callable[[bytes, Place], _Rows]

# A record may have fifty faults; the first ones tell what kind of record it is.
_REASON_CHARACTERS_MAX: Final = 500

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Taken:
    """A record: where it lies, when it was written, and its rows, none when it has no use."""

    partition: Partition
    offset: int
    at_ms: int
    rows: _Rows | None


def taken(messages: Sequence[Message], names: Mapping[str, str]) -> list[Taken]:
    """The records of messages; `names` are the topics' without prefix."""
    return [_taken(message, names) for message in messages]


def rows_of(records: Sequence[Taken]) -> Rows:
    """All rows of some records."""
    rows = Rows()
    for record in records:
        if record.rows is not None:
            rows.add(record.rows)
    return rows


def reached(records: Sequence[Taken]) -> dict[Partition, int]:
    """The offset after the last record of each partition; records come in their order."""
    return {record.partition: record.offset + 1 for record in records}


def partition_of(message: Message) -> Partition:
    """Where a message was read."""
    return message.topic() or "", int(message.partition() or 0)


def _taken(message: Message, names: Mapping[str, str]) -> Taken:
    partition = partition_of(message)
    name = names[partition[0]]
    kind, timestamp_ms = message.timestamp()
    # Without a time of its own a record is as old as our knowledge of it.
    at_ms = int(timestamp_ms) if kind and timestamp_ms > 0 else now_ms()
    offset = int(message.offset() or 0)
    try:
        rows = _READ[name](message.value() or b"", Place(partition[1], offset, at_ms))
    except Malformed as error:
        rows = None
        why = str(error)[:_REASON_CHARACTERS_MAX]
        _log.warning(
            "history.unreadable", topic=name, partition=partition[1], offset=offset, error=why
        )
    except Exception:  # noqa: BLE001 - a fault of ours costs this record its place, not the others
        rows = None
        _log.exception("history.internal_fault", topic=name, partition=partition[1], offset=offset)
    if rows is None:
        metrics.HISTORY_RECORDS.labels(name, "unreadable").inc()
    return Taken(partition, offset, at_ms, rows)


def _event(value: bytes, place: Place) -> EventRows:
    return event_rows(read_event(value), place)


def _attempt(value: bytes, place: Place) -> AttemptRows:
    return attempt_rows(decode(Attempt, value), place)


def _inbound(value: bytes, _place: Place) -> InboundRows:
    return inbound_rows(decode(Inbound, value))


_READ: Final[dict[str, _Read]] = {ACTIVITIES: _event, ATTEMPTS: _attempt, INBOUND: _inbound}
