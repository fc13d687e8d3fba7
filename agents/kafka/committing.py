"""A member's commits: of what has moved each second, and of the same again where it proves us.

The next regular commit waits for the answer to the last. Nothing here waits for the broker but
`commit_within` and `leave`, and they for a bounded time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Final

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from agents.kafka.membership import Membership
from pipeline.assignments import Assignments, Key
from pipeline.offsets import Position

# In doubt the broker is asked as often as this: all work waits for its answer.
_PROVE_EVERY_S: Final = 0.1

# librdkafka would wait 45 s for a broker that is away, to leave the group.
_LEAVE_S_MAX: Final = 5.0

# A broker that answers at all is given time for it, however late the commit was begun.
_LAST_LOOK_S: Final = 0.1

_log = structlog.get_logger()

# A partition as the client knows it, with a position to commit.
PlaceOf = Callable[[Key, Position], TopicPartition]


class Commits:
    """For the consuming thread; `membership` says what the answers prove."""

    def __init__(
        self, consumer: Consumer, assignments: Assignments, place_of: PlaceOf, every_s: float
    ) -> None:
        """Commit what `assignments` says through `consumer`, and no more often than that."""
        self.membership = Membership()
        self._consumer = consumer
        self._assignments = assignments
        self._place_of = place_of
        self._every_s = every_s
        self._starts: dict[Key, TopicPartition] = {}
        self._asked_at_s = 0.0

    def began(self, key: Key, committed: TopicPartition) -> None:
        """A partition is to be read from where it was committed, if it was."""
        self._starts[key] = committed

    def ended(self, keys: Iterable[Key]) -> None:
        """Partitions are not held any more."""
        for key in keys:
            self._starts.pop(key, None)

    def start_of(self, key: Key) -> int | None:
        """The offset at which a partition's reading began; None when nothing was committed."""
        start = self._starts.get(key)
        return None if start is None or start.offset < 0 else start.offset

    def ask(self, now_s: float) -> None:
        """Commit what has moved; while something is open or in doubt, something at any rate."""
        keys = self._assignments.keys
        if not keys:
            self.membership.holds_nothing()
        is_in_doubt = self.membership.needs_proof
        every_s = _PROVE_EVERY_S if is_in_doubt else self._every_s
        if now_s - self._asked_at_s < every_s or not self.membership.may_ask:
            return
        places = self._uncommitted(keys)
        if not places and (is_in_doubt or self._assignments.jobs):
            places = self._unmoved(keys)
        if places:
            self._asked_at_s = now_s
            self._send(places, keys)

    def answered(self, error: KafkaError | None) -> list[Key]:
        """A commit was answered; the partitions that are not ours by what the answer says."""
        fenced = self.membership.answered(error)
        if error is not None:
            _log.warning("offsets.commit_failed", error=error.str())
            self._assignments.distrust_commits()
        return self._assignments.held_under(fenced)

    def commit_within(self, keys: list[Key], seconds: float) -> None:
        """Commit partitions that go, and see that it is done; this takes so long at the most.

        librdkafka would wait a minute and more for a broker that is away, and the group with it;
        and what another thread asks of it waits until the callback that this may be called from
        has ended. So nobody waits for the commit's answer: a broker reads a connection's requests
        in their order, so what it says afterwards is committed is the answer. What is not
        committed is read again by the next owner, who knows what was done.
        """
        deadline_s = time.monotonic() + seconds
        wanted = self._all(keys)
        while wanted:
            try:
                self._send(wanted, keys)
                left_s = max(deadline_s - time.monotonic(), _LAST_LOOK_S)
                found = self._consumer.committed(wanted, timeout=left_s)
            except KafkaException as error:
                _log.warning("offsets.commit_failed", error=str(error.args[0]))
                return
            wanted = [it for it, there in zip(wanted, found, strict=True) if not _is(it, there)]
            if not wanted:
                return
            if time.monotonic() >= deadline_s:
                _log.warning("offsets.commit_failed", error=f"not done within {seconds:.1f} s")
                return
            # The group may have moved on, which a member hears with its next heartbeat.
            time.sleep(_PROVE_EVERY_S)

    def leave(self) -> None:
        """Leave the group, in bounded time; if the broker is away, it finds out by our silence."""
        leaving = threading.Thread(target=self._consumer.close, name="leaving", daemon=True)
        leaving.start()
        leaving.join(_LEAVE_S_MAX)

    def _send(self, places: list[TopicPartition], keys: list[Key]) -> None:
        """Ask for a commit while `keys` are held; the answer comes to `answered`."""
        self.membership.asked(self._assignments.epochs(keys))
        self._consumer.commit(offsets=places, asynchronous=True)

    def _all(self, keys: list[Key]) -> list[TopicPartition]:
        positions = ((key, self._assignments.position(key)) for key in keys)
        return [self._place_of(key, at) for key, at in positions if at is not None]

    def _uncommitted(self, keys: list[Key]) -> list[TopicPartition]:
        return [
            self._place_of(key, position)
            for key, position in self._assignments.uncommitted(keys).items()
        ]

    def _unmoved(self, keys: list[Key]) -> list[TopicPartition]:
        """One partition as it is committed already."""
        for key in keys:
            position = self._assignments.position(key)
            if position is not None:
                return [self._place_of(key, position)]
        for start in self._starts.values():
            # Nothing committed means from the beginning, and so does 0.
            offset, metadata = max(start.offset, 0), start.metadata or ""
            return [TopicPartition(start.topic, start.partition, offset, metadata)]
        return []


def _is(wanted: TopicPartition, committed: TopicPartition) -> bool:
    return (committed.offset, committed.metadata or "") == (wanted.offset, wanted.metadata or "")
