"""What a member of a group does with its partitions: the hooks of `agents.kafka.group_consumer`.

All are called in the consuming thread. `release` and `lose` differ in who has the partition: one
that is revoked is ours until we say so, one that is lost is somebody else's already.
"""

from __future__ import annotations

from confluent_kafka import Message, TopicPartition

from pipeline.assignments import Key, Span
from pipeline.offsets import Position


class GroupWork:
    """To be filled in; partitions go by (topic, number), no prefix."""

    # How long a record may rightly be in hand, for those whose records take their time.
    open_s_max: float = 0
    # A crash repeats what was completed since the last commit.
    commit_every_s: float = 1.0

    def take_in(self, key: Key, message: Message) -> None:
        """Deal with a record."""
        raise NotImplementedError

    def after_turn(self) -> None:
        """Do what has to be done between two looks at the broker, which are 20 ms apart at most."""
        raise NotImplementedError

    def prepare(self, partitions: list[TopicPartition]) -> dict[int, Span]:
        """Get ready for new partitions, before their first record; what is on record of them.

        They are given with what is committed of them. A `KafkaException` makes it be tried again.
        """
        raise NotImplementedError

    def release(self, keys: list[Key]) -> None:
        """Finish with partitions that go, within `RELEASE_S_MAX`; then they are committed."""
        raise NotImplementedError

    def lose(self, keys: list[Key]) -> None:
        """Let go of partitions that somebody else may have already, without waiting."""
        raise NotImplementedError

    def may_resume(self, key: Key) -> bool:
        """Whether reading a partition may go on when there is room again."""
        raise NotImplementedError

    def metadata(self, position: Position) -> str:
        """What to keep beside a committed position."""
        raise NotImplementedError
