"""What the broker knows of a group's member that holds no partition, asked every few seconds.

The client does not tell: librdkafka calls nothing back when a member's part is empty, and is silent
too while it is no member at all. A member that is listed with nothing is a spare, and ready. One
that is given partitions and does not take them up, or is not listed though the broker answers, has
to end: the next process joins anew. Partitions it is to have once another member has given them up
are neither: the broker sees to it that they are given up.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from confluent_kafka import KafkaException

from agents.errors import OperationError
from agents.kafka.clients import BROKER_TIMEOUT_S, admin_client
from agents.kafka.group_consumer import GroupConsumer
from agents.kafka.log_ends import Place
from agents.lifecycle import abort
from pipeline.settings import Settings
from pipeline.stalls import STALL_S, StallClock

# With the time for an answer well below the gap that counts as a freeze.
_EVERY_S: Final = 2.0
# A broker that takes longer is as good as away: the next question comes soon.
_TIMEOUT_S: Final = 1.0

# An answer is good until two more could have come.
_FRESH_S: Final = 2 * (_EVERY_S + _TIMEOUT_S)

# Who was thrown out joins again with its next heartbeat: measured, a tenth of a second after a
# freeze; with Kafka's own defaults five seconds. Finding a coordinator that moved takes longer.
UNLISTED_S_MAX: Final = 60


@dataclass(frozen=True, slots=True)
class Entry:
    """How a group lists a member: what it has been given, and what it is to have in the end."""

    given: frozenset[Place]
    meant: frozenset[Place]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the broker says; without an entry the member is not listed."""

    entry: Entry | None

    @property
    def is_spare(self) -> bool:
        """Whether the group has nothing for the member."""
        return self.entry is not None and not self.entry.given | self.entry.meant

    def waits(self) -> dict[str, float]:
        """What a member that holds nothing waits for, and for how long it may."""
        if self.entry is None:
            return {"not a member of its group, though the broker answers,": UNLISTED_S_MAX}
        if self.entry.given:
            given = ", ".join(f"{topic}/{number}" for topic, number in sorted(self.entry.given))
            return {f"given by the group, and not taken up: {given}": STALL_S}
        return {}


# None when the broker does not answer.
Ask: TypeAlias = Callable[[], Awaitable[Answer | None]]


class GroupList:
    """An admin client that asks how a group lists one member. It connects at its first request."""

    def __init__(self, settings: Settings, group: str, member_id: str) -> None:
        """`group` is its name without prefix."""
        self._admin = admin_client(settings)
        self._group, self._member_id = settings.topic(group), member_id

    async def ask(self) -> Answer | None:
        """How the group lists the member now; None when the broker does not answer."""
        try:
            futures = self._admin.describe_consumer_groups(
                [self._group], request_timeout=_TIMEOUT_S
            )
            described: Any = await asyncio.wrap_future(futures[self._group])
        except KafkaException:
            return None
        for member in described.members:
            if member.member_id == self._member_id:
                return Answer(Entry(_places(member.assignment), _places(member.target_assignment)))
        return Answer(None)


class Enrolment:
    """Looks every two seconds, in the event loop: ends the process, or says if it has its part."""

    def __init__(self, consumer: GroupConsumer, ask: Ask, is_stopping: Callable[[], bool]) -> None:
        """Look after a consumer until it is told to stop."""
        self._consumer, self._ask, self._is_stopping = consumer, ask, is_stopping
        self._answer: Answer | None = None
        self._answered_at_s = 0.0
        self._clock = StallClock()

    @property
    def is_assigned(self) -> bool:
        """Whether the group has given us our part, which may be none, and not taken it away."""
        is_fresh = time.monotonic() - self._answered_at_s <= _FRESH_S
        if self._answer is None or not is_fresh or not self._consumer.holds_nothing:
            return self._consumer.is_assigned
        return self._answer.is_spare

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(_EVERY_S)
            await self.look()

    async def look(self) -> None:
        """Look once; does not return when the member has been without its part for too long."""
        answer = await self._ask() if self._consumer.holds_nothing else None
        if answer is None or not self._consumer.holds_nothing or self._is_busy():
            self._clock.reset()
            return
        self._answer, self._answered_at_s = answer, time.monotonic()
        reason = self._clock.stalled(self._answered_at_s, answer.waits())
        if reason is not None:
            abort(f"no progress: {reason}")

    def _is_busy(self) -> bool:
        return self._consumer.turning.in_callback or self._is_stopping()


def enrolment_of(consumer: GroupConsumer, is_stopping: Callable[[], bool]) -> Enrolment:
    """The enrolment of a consumer, by the broker's own answers; its `run` is to be started."""
    group_list = GroupList(consumer.settings, consumer.group, consumer.member_id)
    return Enrolment(consumer, group_list.ask, is_stopping)


def require_topics(consumer: GroupConsumer) -> None:
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


def _places(part: Any) -> frozenset[Place]:  # noqa: ANN401 - the client's class has no types
    return (
        frozenset((it.topic, it.partition) for it in part.topic_partitions) if part else frozenset()
    )
