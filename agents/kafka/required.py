"""What has to be there before a member joins its group."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from confluent_kafka import Consumer, KafkaException

from agents.errors import OperationError
from agents.kafka.clients import BROKER_TIMEOUT_S
from pipeline.settings import Settings


class Member(Protocol):
    """A member to be."""

    @property
    def settings(self) -> Settings:
        """Where its broker is."""

    @property
    def names(self) -> Collection[str]:
        """The topics that it reads, with prefix."""

    @property
    def consumer(self) -> Consumer:
        """Its client."""


def require_topics(consumer: Member) -> None:
    """Raise `OperationError` unless the broker answers and has the topics.

    A group member alone would wait for both in silence.
    """
    try:
        there = consumer.consumer.list_topics(timeout=BROKER_TIMEOUT_S).topics
    except KafkaException as error:
        raise OperationError(
            f"no broker answers at {consumer.settings.bootstrap_servers}: {error.args[0].str()}"
        ) from None
    missing = sorted(set(consumer.names) - set(there))
    if missing:
        raise OperationError(
            f"there is no topic {', '.join(missing)}; `hookline topics create` creates them"
        )
