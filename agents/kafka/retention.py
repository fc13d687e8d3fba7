"""What a topic forgets: whether it keeps records long enough, and what went before it was read.

Kafka removes what is older than a topic's retention whether anyone has read it or not, and a
consumer goes on at the new beginning without a word. Here it is counted and said.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from agents import metrics
from agents.kafka.topics import topic_configs
from pipeline.assignments import Key
from pipeline.due import longest_s
from pipeline.settings import Settings
from schemas.tiers import TIERS, Tier

# A scheduler that is off for a day, and then has its backlog to go through, must lose nothing.
_OFF_MS: Final = 24 * 60 * 60 * 1_000

# An assignment waits so long for each answer.
_TIMEOUT_S: Final = 2.0

_UNLIMITED: Final = -1

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Kept:
    """How long a tier's topic keeps records, and how long it must; `topic` is with prefix.

    None is for ever. `is_size_limited` says that it may remove them sooner, by their bytes.
    """

    tier: Tier
    topic: str
    retention_ms: int | None
    is_size_limited: bool

    @property
    def needed_ms(self) -> int:
        """The tier's longest delay, and a day for a scheduler that is off."""
        return round(longest_s(self.tier) * 1_000) + _OFF_MS

    @property
    def is_too_short(self) -> bool:
        """Whether a job may be removed while it waits."""
        is_short = self.retention_ms is not None and self.retention_ms < self.needed_ms
        return is_short or self.is_size_limited

    def __str__(self) -> str:
        """Say what to set, in a few words."""
        if self.is_size_limited:
            return f"{self.topic} is limited by its size: set its retention.bytes to {_UNLIMITED}"
        return f"set the retention.ms of {self.topic} to {self.needed_ms} or more"


def kept_in_tiers(settings: Settings, admin: AdminClient) -> tuple[Kept, ...]:
    """What the broker says of each tier's topic that exists; raises `OperationError`."""
    names = {settings.topic(tier.topic): tier for tier in TIERS}
    found = topic_configs(admin, names)
    return tuple(
        Kept(
            tier,
            name,
            _limit(found[name].get("retention.ms")),
            _limit(found[name].get("retention.bytes")) is not None,
        )
        for name, tier in names.items()
        if name in found
    )


def tell_of_tiers(found: tuple[Kept, ...]) -> None:
    """Set the gauges, and log an error for each topic that keeps its records too short a time."""
    for kept in found:
        name = kept.tier.name
        metrics.TIER_RETENTION.labels(name).set(
            float("inf") if kept.retention_ms is None else kept.retention_ms / 1_000
        )
        metrics.TIER_RETENTION_SHORT.labels(name).set(kept.is_too_short)
        if kept.is_too_short:
            _log.error("tier.retention_too_short", topic=kept.topic, mend=str(kept))


@dataclass(frozen=True, slots=True)
class Log:
    """Where reading a partition begins, and where its log ends now."""

    begin: int
    end: int


def logs_of(
    consumer: Consumer,
    partitions: list[TopicPartition],
    key_of: Callable[[TopicPartition], Key],
) -> dict[Key, Log]:
    """The logs of newly assigned partitions; tells of what was removed before it was read.

    `partitions` come with what is committed of them. Raises `KafkaException`.
    """
    found: dict[Key, Log] = {}
    for place in partitions:
        key = key_of(place)
        first, end = consumer.get_watermark_offsets(place, timeout=_TIMEOUT_S)
        if place.offset >= 0:
            removed_before(place.topic, key, place.offset, first)
        found[key] = Log(max(place.offset, first), end)
    return found


def removed_before(topic: str, key: Key, position: int, first: int) -> None:
    """Count and log the records from `position` up to `first`, where the log now begins."""
    if first > position:
        metrics.REMOVED_UNREAD.labels(key[0]).inc(first - position)
        _log.error(
            "records.removed_before_read",
            topic=topic,
            partition=key[1],
            records=first - position,
            from_offset=position,
            mend="they are lost: the topic's retention is shorter than its reader was behind",
        )


def _limit(value: str | None) -> int | None:
    number = _UNLIMITED if value is None else int(value)
    return None if number == _UNLIMITED else number
