"""Where topics begin and end, and how far groups have committed, as the broker says when asked.

For commands and checks: a broker that does not answer is an `OperationError`, told in one line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias, TypeVar

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined] # public, but not marked so
    AdminClient,
    OffsetSpec,
)

from agents.errors import OperationError
from agents.kafka.clients import BROKER_TIMEOUT_S, patiently
from pipeline.settings import Settings

LATEST: Final = OffsetSpec.latest()  # type: ignore[no-untyped-call]
EARLIEST: Final = OffsetSpec.earliest()  # type: ignore[no-untyped-call]

# A partition: its topic, with prefix, and its number.
Place: TypeAlias = tuple[str, int]
T = TypeVar("T")


def asked(what: str, ask: Callable[[], T]) -> T:
    """What `ask` gives; raises `OperationError` naming `what` when the broker does not answer."""
    try:
        return ask()
    except KafkaException as error:
        raise OperationError(f"cannot {what}: {error.args[0].str()}") from None


def places_of(admin: AdminClient, settings: Settings, topics: Iterable[str]) -> list[Place]:
    """The partitions of topics, which are named without prefix; all of them must be there."""
    cluster = asked("reach the broker", lambda: admin.list_topics(timeout=BROKER_TIMEOUT_S))
    wanted = [settings.topic(topic) for topic in dict.fromkeys(topics)]
    missing = [topic for topic in wanted if topic not in cluster.topics]
    if missing:
        raise OperationError(
            f"there is no topic {', '.join(missing)}: create the topics (`hookline topics create`)"
        )
    return [(topic, number) for topic in wanted for number in cluster.topics[topic].partitions]


def offsets_at(admin: AdminClient, places: Iterable[Place], spec: OffsetSpec) -> dict[Place, int]:
    """The offset that `spec` names in each partition; negative where there is none."""
    wanted = {TopicPartition(*place): spec for place in places}

    def offsets() -> dict[Place, int]:
        answers = admin.list_offsets(wanted, request_timeout=BROKER_TIMEOUT_S)
        return {(at.topic, at.partition): int(it.result().offset) for at, it in answers.items()}

    return asked("read the topics' ends", lambda: patiently(offsets))


def committed_by(admin: AdminClient, group: str) -> dict[Place, int]:
    """What a group, named with prefix, has committed, where it has."""
    wanted = [ConsumerGroupTopicPartitions(group)]
    answer = admin.list_consumer_group_offsets(wanted, request_timeout=BROKER_TIMEOUT_S)[group]
    found: Any = asked(f"read the offsets of {group}", answer.result)
    return {(at.topic, at.partition): at.offset for at in found.topic_partitions if at.offset >= 0}
