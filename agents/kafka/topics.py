"""Create the topics that schemas/topics.py declares, and tell where the real ones differ."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined] # public, but not marked so
    AdminClient,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from agents.errors import OperationError
from agents.kafka.clients import BROKER_TIMEOUT_S, admin_client
from pipeline.settings import Settings
from schemas.topics import Topic, topics

# Survives the loss of one broker, and writes go on while one of three is away.
_REPLICATION_DEFAULT: Final = 3
_IN_SYNC_MIN: Final = 2

# A batch holds its largest record with the key and headers.
_BATCH_OVERHEAD_BYTES: Final = 64 * 1024

_VISIBLE_TIMEOUT_S: Final = 30
_POLL_S: Final = 0.02

_UNLIMITED: Final = -1


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in which a real topic is not as declared."""

    field: str
    declared: str
    actual: str

    def __str__(self) -> str:
        """Say it in a few words."""
        return f"{self.field} is {self.actual}, not {self.declared}"


@dataclass(frozen=True, slots=True)
class TopicState:
    """A declared topic, its name in this installation, and how the real one differs."""

    topic: Topic
    name: str
    differences: tuple[Difference, ...]


def create_topics(settings: Settings) -> tuple[str, ...]:
    """Create the topics that are missing and return their names; ready to use when it returns.

    Safe to call from several processes at once. Raises `OperationError`.
    """
    admin = admin_client(settings)
    declared = _declared(settings)
    present = _metadata(admin)
    replication = replication_for(settings, brokers=len(present.brokers))
    missing = [
        NewTopic(
            name,
            topic.partitions,
            replication,
            config=topic_config(topic, replication),
        )
        for name, topic in declared.items()
        if name not in present.partitions
    ]
    created = _create(admin, missing)
    _wait_until_visible(admin, declared)
    return created


def delete_topics(settings: Settings) -> None:
    """Delete the declared topics with all they hold; those that are not there are passed over."""
    admin = admin_client(settings)
    names = list(_declared(settings))
    for answer in admin.delete_topics(names, request_timeout=BROKER_TIMEOUT_S).values():
        with suppress(KafkaException):
            answer.result()


def topic_states(settings: Settings) -> tuple[TopicState, ...]:
    """Every declared topic as it really is. Raises `OperationError`."""
    admin = admin_client(settings)
    declared = _declared(settings)
    present = _metadata(admin)
    replication = replication_for(settings, brokers=len(present.brokers))
    configs = _configs(admin, [name for name in declared if name in present.partitions])
    return tuple(
        TopicState(
            topic,
            name,
            differences(
                as_declared(topic, replication),
                {**present.describe(name), **configs[name]} if name in configs else None,
            ),
        )
        for name, topic in declared.items()
    )


def topic_configs(admin: AdminClient, names: Iterable[str]) -> dict[str, dict[str, str]]:
    """The real configurations of those that exist, by prefixed name; raises `OperationError`."""
    present = _metadata(admin).partitions
    return _configs(admin, [name for name in names if name in present])


def replication_for(settings: Settings, *, brokers: int) -> int:
    """How many copies each partition gets."""
    return settings.replication_factor or min(_REPLICATION_DEFAULT, brokers)


def topic_config(topic: Topic, replication: int) -> dict[str, str]:
    """The topic's configuration, as Kafka names and spells it."""
    retention_ms = _UNLIMITED if topic.retention_ms is None else topic.retention_ms
    return {
        "cleanup.policy": topic.cleanup,
        "retention.ms": str(retention_ms),
        "retention.bytes": str(_UNLIMITED),
        "max.message.bytes": str(topic.record_bytes_max + _BATCH_OVERHEAD_BYTES),
        "min.insync.replicas": str(_IN_SYNC_MIN if replication > _IN_SYNC_MIN else 1),
    }


def as_declared(topic: Topic, replication: int) -> dict[str, str]:
    """All that is compared: the configuration, partitions and replication."""
    return {
        "partitions": str(topic.partitions),
        "replication": str(replication),
        **topic_config(topic, replication),
    }


def differences(
    declared: Mapping[str, str], actual: Mapping[str, str] | None
) -> tuple[Difference, ...]:
    """Where `actual` is not as `declared`; None is a topic that does not exist."""
    if actual is None:
        return (Difference("topic", "there", "missing"),)
    return tuple(
        Difference(field, value, actual.get(field, "not set"))
        for field, value in declared.items()
        if actual.get(field) != value
    )


@dataclass(frozen=True, slots=True)
class _Metadata:
    """What the cluster says: partitions as their replication factors, by topic."""

    brokers: tuple[int, ...]
    partitions: dict[str, tuple[int, ...]]
    leaderless: frozenset[str]

    def describe(self, name: str) -> dict[str, str]:
        copies = self.partitions[name]
        return {
            "partitions": str(len(copies)),
            "replication": "/".join(map(str, sorted(set(copies)))),
        }


def _declared(settings: Settings) -> dict[str, Topic]:
    return {settings.topic(topic.name): topic for topic in topics(settings.job_partitions)}


def _metadata(admin: AdminClient) -> _Metadata:
    try:
        cluster = admin.list_topics(timeout=BROKER_TIMEOUT_S)
    except KafkaException as error:
        raise OperationError(f"cannot reach the broker: {error.args[0].str()}") from error
    found = {name: topic for name, topic in cluster.topics.items() if topic.error is None}
    return _Metadata(
        brokers=tuple(cluster.brokers),
        partitions={
            name: tuple(len(partition.replicas) for partition in topic.partitions.values())
            for name, topic in found.items()
        },
        leaderless=frozenset(
            name
            for name, topic in found.items()
            if any(
                partition.leader not in cluster.brokers for partition in topic.partitions.values()
            )
        ),
    )


def _configs(admin: AdminClient, names: Iterable[str]) -> dict[str, dict[str, str]]:
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
    if not resources:
        return {}
    answers = admin.describe_configs(resources, request_timeout=BROKER_TIMEOUT_S)
    try:
        return {
            resource.name: {entry.name: str(entry.value) for entry in answer.result().values()}
            for resource, answer in answers.items()
        }
    except KafkaException as error:
        raise OperationError(f"cannot read the topics: {error.args[0].str()}") from error


def _create(admin: AdminClient, missing: list[NewTopic]) -> tuple[str, ...]:
    """The names of those that we created; another process may have been quicker with some."""
    if not missing:
        return ()
    created = []
    for name, answer in admin.create_topics(missing, request_timeout=BROKER_TIMEOUT_S).items():
        try:
            answer.result()
            created.append(name)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                message = f"cannot create the topic {name}: {error.args[0].str()}"
                raise OperationError(message) from error
    return tuple(created)


def _wait_until_visible(admin: AdminClient, declared: Mapping[str, Topic]) -> None:
    deadline = time.monotonic() + _VISIBLE_TIMEOUT_S
    while True:
        present = _metadata(admin)
        waiting = [n for n in declared if n not in present.partitions or n in present.leaderless]
        if not waiting:
            return
        if time.monotonic() > deadline:
            raise OperationError(f"created, but not usable yet: {', '.join(waiting)}")
        time.sleep(_POLL_S)
