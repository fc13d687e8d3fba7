"""How far behind each group is: what it committed, where its topics end, and who its members are.

In a tier, records that wait for their time are no lag; when the next of them is due tells whether
the scheduler is late.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from agents.kafka.clients import BROKER_TIMEOUT_S, admin_client, reader_config
from agents.kafka.groups import GROUP_TOPICS, SCHEDULERS
from agents.kafka.outgoing import received
from agents.kafka.standing import (
    EARLIEST,
    LATEST,
    Place,
    asked,
    committed_by,
    offsets_at,
    places_of,
)
from pipeline.due import due_of
from pipeline.settings import Settings
from schemas.codec import Malformed

# A head that does not come within this time is shown without its due time.
_HEADS_TIMEOUT_S: Final = 3.0
_POLL_S: Final = 0.1


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
    # Two groups may read the same topic.
    places = places_of(admin, settings, (it for topics in GROUP_TOPICS.values() for it in topics))
    ends = offsets_at(admin, places, LATEST)
    begins = offsets_at(admin, places, EARLIEST)
    found = []
    for group, topics in GROUP_TOPICS.items():
        name = settings.topic(group)
        members = _members(admin, name)
        committed = committed_by(admin, name)
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


def _members(admin: AdminClient, group: str) -> int:
    answer = admin.describe_consumer_groups([group], request_timeout=BROKER_TIMEOUT_S)[group]
    return len(asked(f"describe the group {group}", answer.result).members)


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
