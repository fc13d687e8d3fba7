"""How far behind each group is: what it committed, where its topics end, and who its members are.

In a tier, records that wait for their time are no lag; when the next of them is due tells whether
the scheduler is late.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined] # public, but not marked so
    AdminClient,
    OffsetSpec,
)

from agents.errors import OperationError
from agents.kafka.clients import BROKER_TIMEOUT_S, admin_client, patiently, reader_config
from agents.kafka.groups import GROUP_TOPICS, SCHEDULERS
from agents.kafka.outgoing import received
from pipeline.due import due_of
from pipeline.settings import Settings
from schemas.codec import Malformed

# A head that does not come within this time is shown without its due time.
_HEADS_TIMEOUT_S: Final = 3.0
_POLL_S: Final = 0.1

_LATEST: Final = OffsetSpec.latest()  # type: ignore[no-untyped-call]
_EARLIEST: Final = OffsetSpec.earliest()  # type: ignore[no-untyped-call]

Place = tuple[str, int]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TopicLag:
    """A group's place in a topic, summed over partitions; offsets are counts of records.

    `next_due_at_ms` is there for a tier in which something waits.
    """

    group: str
    topic: str
    members: int
    committed: int
    end: int
    lag: int
    next_due_at_ms: int | None = None


def lags(settings: Settings) -> tuple[TopicLag, ...]:
    """All groups in all their topics, as they are now; raises `OperationError`."""
    admin = admin_client(settings)
    places = _places(admin, settings)
    ends = _offsets(admin, places, _LATEST)
    begins = _offsets(admin, places, _EARLIEST)
    found = []
    for group, topics in GROUP_TOPICS.items():
        name = settings.topic(group)
        members = _members(admin, name)
        committed = _committed(admin, name)
        own = [place for place in places if place[0] in {settings.topic(it) for it in topics}]
        at = {place: committed.get(place, begins[place]) for place in own}
        heads = _heads(settings, at, ends) if group == SCHEDULERS else {}
        for topic in topics:
            of_topic = [place for place in own if place[0] == settings.topic(topic)]
            reached, end = (sum(it[place] for place in of_topic) for it in (at, ends))
            due = min((heads[place] for place in of_topic if place in heads), default=None)
            lag = max(end - reached, 0)
            found.append(TopicLag(name, settings.topic(topic), members, reached, end, lag, due))
    return tuple(found)


def _asked(what: str, ask: Callable[[], T]) -> T:
    try:
        return ask()
    except KafkaException as error:
        raise OperationError(f"cannot {what}: {error.args[0].str()}") from None


def _places(admin: AdminClient, settings: Settings) -> list[Place]:
    cluster = _asked("reach the broker", lambda: admin.list_topics(timeout=BROKER_TIMEOUT_S))
    topics = dict.fromkeys(topic for topics in GROUP_TOPICS.values() for topic in topics)
    wanted = [settings.topic(topic) for topic in topics]  # two groups may read the same
    missing = [topic for topic in wanted if topic not in cluster.topics]
    if missing:
        raise OperationError(
            f"there is no topic {', '.join(missing)}: create the topics (`hookline topics create`)"
        )
    return [(topic, number) for topic in wanted for number in cluster.topics[topic].partitions]


def _offsets(admin: AdminClient, places: Iterable[Place], spec: OffsetSpec) -> dict[Place, int]:
    asked = {TopicPartition(*place): spec for place in places}

    def ends() -> dict[Place, int]:
        answers = admin.list_offsets(asked, request_timeout=BROKER_TIMEOUT_S)
        return {(at.topic, at.partition): int(it.result().offset) for at, it in answers.items()}

    return _asked("read the topics' ends", lambda: patiently(ends))


def _committed(admin: AdminClient, group: str) -> dict[Place, int]:
    asked = [ConsumerGroupTopicPartitions(group)]
    answer = admin.list_consumer_group_offsets(asked, request_timeout=BROKER_TIMEOUT_S)[group]
    found: Any = _asked(f"read the offsets of {group}", answer.result)
    return {(at.topic, at.partition): at.offset for at in found.topic_partitions if at.offset >= 0}


def _members(admin: AdminClient, group: str) -> int:
    answer = admin.describe_consumer_groups([group], request_timeout=BROKER_TIMEOUT_S)[group]
    return len(_asked(f"describe the group {group}", answer.result).members)


def _heads(settings: Settings, at: dict[Place, int], ends: dict[Place, int]) -> dict[Place, int]:
    """When the first waiting record of each partition is due."""
    waiting = {place for place, offset in at.items() if offset < ends[place]}
    if not waiting:
        return {}
    consumer = Consumer(reader_config(settings))
    consumer.assign([TopicPartition(*place, at[place]) for place in waiting])
    heads: dict[Place, int] = {}
    deadline_s = time.monotonic() + _HEADS_TIMEOUT_S
    while waiting and time.monotonic() < deadline_s:
        message = consumer.poll(_POLL_S)
        if message is None or message.error() is not None:
            continue
        record = received(message)
        place = (record.topic, record.partition)
        if place in waiting:
            waiting.discard(place)
            try:
                heads[place] = due_of(record.named).at_ms
            except Malformed:
                heads[place] = record.timestamp_ms or 0  # the scheduler will bury it at once
    consumer.close()
    return heads
