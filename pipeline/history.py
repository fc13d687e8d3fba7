"""What the history keeps of a record: the values of its rows, and which row counts.

Rows come in any order, more than once, and from several processes. So each says by itself how it
compares: a row with a greater `rank` replaces one with a smaller, and of an event the first record
stays. Whatever the order, the same rows are left.

Of an activity the snapshot with the greatest sequence counts; one without a sequence is older than
all that have one, and among themselves the latest record counts. What was not sent from upstream
carries a snapshot that was taken earlier, so it gives way. Of a delivery the latest run counts, and
in it the record that ends it, or else that of the furthest attempt.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import pydantic_core

from pipeline.comparisons import decimal_of
from pipeline.paths import as_text
from schemas.attempt import Attempt
from schemas.event import Event

Row: TypeAlias = dict[str, Any]
Status: TypeAlias = Literal["delivered", "failed", "skipped", "retrying", "deferred"]

# What both databases hold as a whole number.
_WHOLE_MAX: Final = 2**63 - 1
# Words that people choose from lists; longer ones are mistakes, and would bloat the tables.
_WORD_CHARACTERS_MAX: Final = 200
# PostgreSQL refuses it in texts.
_NUL: Final = "\0"
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
# The fastest: measured, level 6 saves another 6 % of a call for twice the time.
_COMPRESSION_LEVEL: Final = 1

# Of two records of the same job the decision counts, not what was put off or came too late.
_STEPS: Final = {"late": 0, "defer": 1, "retry": 2, "end": 3}


@dataclass(frozen=True, slots=True)
class Place:
    """Where and when a record was written."""

    partition: int
    offset: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class EventRows:
    """What is kept of an event, by table."""

    activity: Row
    activity_body: Row
    event: Row
    snapshot: Row


@dataclass(frozen=True, slots=True)
class AttemptRows:
    """What is kept of an attempt, by table; an end without a request has no exchange."""

    attempt: Row
    delivery: Row
    exchange: Row | None


def event_rows(event: Event, place: Place) -> EventRows:
    """The rows of an event that was read at `place`."""
    activity = event.activity
    content = packed(activity)
    ids = {"account_id": event.account_id, "event_id": event.event_id}
    ours = {"account_id": event.account_id, "activity_id": event.activity_id}
    lies = {"partition": place.partition, "offset": place.offset, "at_ms": place.at_ms}
    common = {"phase": event.phase, "sequence": _whole(event.sequence)}
    rank = activity_rank(event, place)
    latest = {
        **ours,
        **common,
        "rank": rank,
        "event_id": event.event_id,
        "at_ms": place.at_ms,
        "began_at_s": _began_at_s(activity),
        "kind": _word(activity.get("direction")),
        "source": _word(activity.get("source")),
    }
    happened = {
        **ids,
        **ours,
        **common,
        **lies,
        "origin": event.origin,
        "webhook_id": _word(event.webhook_id),
        "trigger_id": _word(event.trigger_id),
        "chain": " ".join(event.chain),
        "occurred_at": _word(event.occurred_at),
    }
    return EventRows(
        activity=clean(latest),
        activity_body=clean({**ours, "rank": rank, "content": content}),
        event=clean(happened),
        snapshot=clean({**ids, **lies, "content": content}),
    )


def attempt_rows(attempt: Attempt, place: Place) -> AttemptRows:
    """The rows of an attempt that was read at `place`."""
    lies = {"partition": place.partition, "offset": place.offset}
    of_attempt = clean({**lies, **_attempt_row(attempt)})
    exchange = None
    if attempt.request is not None or attempt.response is not None:
        content = attempt.model_dump(mode="json", include={"request", "response"})
        exchange = {**lies, "at_ms": of_attempt["at_ms"], "content": packed(content)}
    return AttemptRows(of_attempt, clean(_delivery_row(attempt, place)), exchange)


def _attempt_row(attempt: Attempt) -> Row:
    request, source, follows = attempt.request, attempt.source, attempt.next
    status = None if attempt.response is None else attempt.response.status
    return {
        **attempt.model_dump(include=_AS_THEY_ARE),
        "source_topic": None if source is None else source.topic,
        "source_partition": None if source is None else source.partition,
        "source_offset": None if source is None else source.offset,
        "method": None if request is None else request.method,
        "url": None if request is None else request.url,
        "status": status,
        "status_class": None if status is None else status // 100,
        "timings": attempt.timings.model_dump_json(exclude_none=True),
        "next_step": follows.step,
        "next_tier": follows.tier,
        "next_due_ms": follows.due_at_ms,
    }


_AS_THEY_ARE: Final = {
    *("account_id", "delivery_id", "webhook_id", "webhook_version", "event_id", "activity_id"),
    *("phase", "rerun", "attempt", "deferrals", "merged", "depth", "lane", "at_ms"),
    *("first_queued_at_ms", "outcome", "reason", "detail", "is_test"),
    *("channel", "trigger_id", "replay_id"),
}


def _delivery_row(attempt: Attempt, place: Place) -> Row:
    was_tried = attempt.request is not None
    return {
        "account_id": attempt.account_id,
        "delivery_id": attempt.delivery_id,
        "rank": delivery_rank(attempt, place),
        "webhook_id": attempt.webhook_id,
        "event_id": attempt.event_id,
        "activity_id": attempt.activity_id,
        "phase": attempt.phase,
        "status": status_of(attempt),
        "attempts": attempt.attempt if was_tried else attempt.attempt - 1,
        "reruns": attempt.rerun,
        "deferrals": attempt.deferrals,
        "first_queued_at_ms": attempt.first_queued_at_ms,
        "last_at_ms": attempt.at_ms,
        "last_outcome": attempt.outcome,
        "last_reason": attempt.reason,
        "last_status": None if attempt.response is None else attempt.response.status,
        "next_step": attempt.next.step,
        "next_due_ms": attempt.next.due_at_ms,
        "is_test": attempt.is_test,
        "channel": attempt.channel,
        "trigger_id": attempt.trigger_id,
        "replay_id": attempt.replay_id,
    }


def status_of(attempt: Attempt) -> Status:
    """How a delivery stands by the record that counts; what came late leaves it to be retried."""
    if attempt.next.step == "defer":
        return "deferred"
    if attempt.next.step != "end":
        return "retrying"
    if attempt.outcome in ("delivered", "skipped"):
        return attempt.outcome
    return "failed"


def activity_rank(event: Event, place: Place) -> str:
    """How much an event's snapshot counts among those of its activity."""
    sequence = -_WHOLE_MAX if event.sequence is None else _clipped(event.sequence)
    is_upstream = event.origin == "upstream"
    return f"{sequence + _WHOLE_MAX + 1:020d}{is_upstream:d}{_where(place)}"


def delivery_rank(attempt: Attempt, place: Place) -> str:
    """How much an attempt's record counts among those of its delivery."""
    has_ended = attempt.next.step == "end"
    is_delivered = has_ended and attempt.outcome == "delivered"
    came = f"{_digits(attempt.attempt)}{_digits(attempt.deferrals)}{_STEPS[attempt.next.step]}"
    return f"{_digits(attempt.rerun)}{has_ended:d}{is_delivered:d}{came}{_where(place)}"


def _where(place: Place) -> str:
    at_ms = min(max(place.at_ms, 0), _WHOLE_MAX)
    return f"{at_ms:019d}{place.partition:010d}{place.offset:019d}"


def _digits(count: int) -> str:
    return f"{min(count, _WHOLE_MAX):019d}"


def greatest(rows: Iterable[Row], *key: str) -> list[Row]:
    """Of the rows with the same `key` the one that counts."""
    best: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        here = tuple(row[name] for name in key)
        if here not in best or row["rank"] > best[here]["rank"]:
            best[here] = row
    return [*best.values()]


def packed(value: Mapping[str, Any]) -> bytes:
    """A JSON object as the history keeps it."""
    return zlib.compress(pydantic_core.to_json(value), _COMPRESSION_LEVEL)


def unpacked(content: bytes) -> Any:  # noqa: ANN401 - any JSON
    """What was `packed`."""
    return pydantic_core.from_json(zlib.decompress(content))


def _began_at_s(activity: Mapping[str, Any]) -> int | None:
    at_s = decimal_of(activity.get("unix_time"))
    return int(at_s) if at_s is not None and 0 <= at_s <= _WHOLE_MAX else None


def _word(value: object) -> str | None:
    text = as_text(value)
    return None if text is None else text[:_WORD_CHARACTERS_MAX]


def _whole(number: int | None) -> int | None:
    return None if number is None else _clipped(number)


def _clipped(number: int) -> int:
    return min(max(number, -_WHOLE_MAX), _WHOLE_MAX)


def clean(row: Row) -> Row:
    """A row that both databases take: texts without NUL."""
    for name, value in row.items():
        if isinstance(value, str) and _NUL in value:
            row[name] = value.replace(_NUL, _REPLACEMENT)
    return row
