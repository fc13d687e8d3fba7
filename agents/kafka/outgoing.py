"""Records as they go out: topic, key, value and headers, the same whoever writes them.

Headers: `id`, `due-at` (ms since the epoch), `attempt`, `lane`, W3C `traceparent`, and in a tier
`to`, the topic that the scheduler puts the record on when it is due.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, cast

from confluent_kafka import Message

from agents.kafka.producer import Outgoing
from pipeline.trigger_actions import Asked, Late
from schemas.attempt import Attempt
from schemas.codec import Fault, Malformed, encode
from schemas.command import Command
from schemas.dead_letter import DeadLetter, as_base64, dead_letter_faults
from schemas.event import Event
from schemas.failure import Failure
from schemas.job import Job
from schemas.notice import Notice
from schemas.tiers import Tier
from schemas.topics import (
    ACTIVITIES,
    ACTIVITY_COMMANDS,
    ATTEMPTS,
    DEAD_LETTERS,
    FAILURE_TRIGGERS,
    JOBS,
    JOBS_REPLAY,
    JOBS_RETRY,
    NOTICES,
)

# The end of a traceback says where it failed; its beginning is always the same.
TRACEBACK_CHARACTERS_MAX: Final = 8_000

_TRACEPARENT: Final = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class Received:
    """A record as it was read; `topic` with prefix."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int | None
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]

    @property
    def named(self) -> Mapping[str, str]:
        """The headers as text; of a name that stands twice, the last."""
        return {name: value.decode(errors="replace") for name, value in self.headers}


def received(message: Message) -> Received:
    """A message of confluent-kafka as a value."""
    kind, timestamp_ms = message.timestamp()
    return Received(
        message.topic() or "",
        int(message.partition() or 0),
        int(message.offset() or 0),
        timestamp_ms if kind else None,
        message.key(),
        message.value(),
        tuple((name, _bytes(value)) for name, value in _headers(message)),
    )


def _headers(message: Message) -> list[tuple[str, bytes | str | None]]:
    return cast("list[tuple[str, bytes | str | None]]", message.headers() or [])


def _bytes(value: bytes | str | None) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""


def trace_of(headers: Mapping[str, str]) -> str:
    """The trace that a record came with; a new one when it has none that is well formed."""
    given = headers.get("traceparent", "")
    if _TRACEPARENT.fullmatch(given):
        return given
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


def new_job(job: Job, trace: str) -> Outgoing:
    """A first attempt, for the senders."""
    headers = _job_headers(job, job.first_queued_at_ms, trace)
    return Outgoing(JOBS, job.key, encode(job), headers)


def replayed_job(job: Job, trace: str) -> Outgoing:
    """The first attempt of a delivery's new run, for the senders."""
    headers = _job_headers(job, job.due_at_ms or 0, trace)
    return Outgoing(JOBS_REPLAY, job.key, encode(job), headers)


def new_event(event: Event, trace: str) -> Outgoing:
    """An event, for the matchers."""
    headers = {"id": event.event_id, "traceparent": trace}
    return Outgoing(ACTIVITIES, event.key, encode(event), headers)


def parked_job(job: Job, tier: Tier, trace: str) -> Outgoing:
    """A job that waits in a tier until its `due_at_ms`."""
    headers = _job_headers(job, job.due_at_ms or 0, trace) | {"to": JOBS_RETRY}
    return Outgoing(tier.topic, job.key, encode(job), headers)


def parked_event(event: Event, tier: Tier, due_at_ms: int, trace: str) -> Outgoing:
    """An event that the scheduler puts back on `activities` when it is due."""
    return parked(new_event(event, trace), tier, due_at_ms)


def parked(record: Outgoing, tier: Tier, due_at_ms: int) -> Outgoing:
    """A record that waits in a tier until the scheduler puts it on its own topic."""
    waits = {"due-at": str(due_at_ms), "to": record.topic}
    return replace(record, topic=tier.topic, headers={**record.headers, **waits})


def asked_record(asked: Asked, trace: str) -> Outgoing:
    """What a trigger asks for, on the topic it is for, or in the tier where it waits."""
    match asked:
        case Late(record, tier, due_at_ms):
            return parked(asked_record(record, trace), tier, due_at_ms)
        case Event():
            return new_event(asked, trace)
        case Notice():
            return notice_record(asked, trace)
        case Command():
            return command_record(asked, trace)


def notice_record(notice: Notice, trace: str) -> Outgoing:
    """An email or a text, for the notifiers."""
    headers = {"id": notice.notice_id, "attempt": str(notice.attempt), "traceparent": trace}
    return Outgoing(NOTICES, notice.key, encode(notice), headers)


def command_record(command: Command, trace: str) -> Outgoing:
    """A command, for the upstream system."""
    headers = {"id": command.command_id, "traceparent": trace}
    return Outgoing(ACTIVITY_COMMANDS, command.key, encode(command), headers)


def attempt_record(attempt: Attempt, trace: str) -> Outgoing:
    """An attempt, or another end of a delivery, for the log."""
    key = f"{attempt.account_id}:{attempt.webhook_id}".encode()
    headers = {"id": attempt.delivery_id, "attempt": str(attempt.attempt), "lane": attempt.lane}
    return Outgoing(ATTEMPTS, key, encode(attempt), headers | {"traceparent": trace})


def failure_record(failure: Failure, trace: str) -> Outgoing:
    """A first or final failure, for the notifier."""
    headers = {"id": failure.job.delivery_id, "stage": failure.stage, "traceparent": trace}
    return Outgoing(FAILURE_TRIGGERS, failure.key, encode(failure), headers)


def dead_letter(record: Received, malformed: Malformed, now_ms: int) -> Outgoing:
    """A record that could not be read, with all that is needed to find it or put it back."""
    letter = DeadLetter(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp_ms=record.timestamp_ms,
        at_ms=now_ms,
        faults=dead_letter_faults(malformed.faults),
        key=as_base64(record.key),
        value=as_base64(record.value),
        headers=tuple(record.named.items()),
    )
    return Outgoing(DEAD_LETTERS, record.key, encode(letter))


def bare_dead_letter(record: Received, malformed: Malformed, now_ms: int) -> Outgoing:
    """The same without the record's bytes, for one whose dead letter would be too large."""
    held = Fault("", "too large to be kept here: its bytes are where it was read")
    bare = replace(record, key=None, value=None, headers=())
    return dead_letter(bare, Malformed((*malformed.faults, held)), now_ms)


def fault_of(traceback: str) -> Malformed:
    """What stands on the dead letter of a record that our own code failed on."""
    return Malformed((Fault("", traceback[-TRACEBACK_CHARACTERS_MAX:]),))


def _job_headers(job: Job, due_at_ms: int, trace: str) -> dict[str, str]:
    return {
        "id": job.delivery_id,
        "due-at": str(due_at_ms),
        "attempt": str(job.attempt),
        "lane": job.lane,
        "traceparent": trace,
    }
