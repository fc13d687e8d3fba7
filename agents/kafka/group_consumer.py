"""A member of a consumer group in a thread of its own: polls, commits, gives partitions up in time.

The thread alone touches the Kafka consumer. What may be committed is the unbroken run of completed
records, told to the broker each second, and at once when a partition goes. A subclass says what to
do with records; an exception in it ends the process, for a thread that died would be a silence.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from typing import Final

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from agents import metrics
from agents.errors import OperationError
from agents.kafka.clients import BROKER_TIMEOUT_S, consumer_config, on_consumer_error
from agents.lifecycle import abort
from pipeline.assignments import Assignments, Key, Span
from pipeline.offsets import Position
from pipeline.settings import Settings

# `consume(n, t)` would wait t for n records; `poll` returns with the first one.
POLL_S: Final = 0.02
BATCH: Final = 500

_COMMIT_EVERY_S: Final = 1.0
_LAG_EVERY_S: Final = 5.0

_log = structlog.get_logger()


class GroupConsumer:
    """The thread. `assignments` is its bookkeeping; partitions go by (topic, number), no prefix."""

    def __init__(
        self,
        settings: Settings,
        group: str,
        topics: Iterable[str],
        options: Mapping[str, object] | None = None,
    ) -> None:
        """Create the consumer; `start` joins the group. `options` go over the usual settings."""
        self.settings = settings
        self.assignments = Assignments()
        self.was_assigned = False
        self._names = {settings.topic(name): name for name in topics}
        self.consumer = Consumer(
            consumer_config(settings, group)
            | {"enable.auto.commit": False, "on_commit": self._on_commit}
            | dict(options or {})
        )
        self._is_standing_still = False
        self._committed_at_s = 0.0
        self._lag_at_s = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=group, daemon=True)

    def take_in(self, key: Key, message: Message) -> None:
        """Deal with a record."""
        raise NotImplementedError

    def after_turn(self) -> None:
        """Do what has to be done between two looks at the broker, which are 20 ms apart at most."""
        raise NotImplementedError

    def prepare(self, partitions: list[TopicPartition]) -> dict[int, Span]:
        """Get ready for new partitions, before their first record; what is on record of them."""
        raise NotImplementedError

    def release(self, keys: list[Key]) -> None:
        """Finish with partitions that go, in bounded time; afterwards they are committed."""
        raise NotImplementedError

    def may_resume(self, key: Key) -> bool:
        """Whether reading a partition may go on when there is room again."""
        raise NotImplementedError

    def metadata(self, position: Position) -> str:
        """What to keep beside a committed position."""
        raise NotImplementedError

    def require_topics(self) -> None:
        """Raise `OperationError` unless the broker answers and has the topics.

        A group member alone would wait for both in silence.
        """
        try:
            there = self.consumer.list_topics(timeout=BROKER_TIMEOUT_S).topics
        except KafkaException as error:
            raise OperationError(
                f"no broker answers at {self.settings.bootstrap_servers}: {error.args[0].str()}"
            ) from None
        missing = sorted(set(self._names) - set(there))
        if missing:
            raise OperationError(
                f"there is no topic {', '.join(missing)}; `hookline topics create` creates them"
            )

    def start_thread(self) -> None:
        """Join the group and start polling."""
        self.consumer.subscribe(
            list(self._names),
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_lost,
        )
        self._thread.start()

    def stop(self) -> None:
        """Commit what is completed and leave the group; returns when that is done."""
        self._stopping.set()
        self._thread.join()

    def key_of(self, place: TopicPartition) -> Key:
        """A partition by the name of its topic without prefix."""
        return self._names[place.topic], place.partition

    def place_of(self, key: Key, offset: int = -1, metadata: str = "") -> TopicPartition:
        """A partition as the client knows it."""
        return TopicPartition(self.settings.topic(key[0]), key[1], offset, metadata)

    @property
    def is_standing_still(self) -> bool:
        """Whether nothing is read because too much is open."""
        return self._is_standing_still

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._turn()
            self._give_up(self.assignments.keys)
            self.consumer.close()
        except Exception as error:  # noqa: BLE001 - a thread that dies must take the process along
            abort("records can no longer be consumed", error)

    def _turn(self) -> None:
        first = self.consumer.poll(POLL_S)
        if first is not None:
            self.take_in_all([first, *self.consumer.consume(BATCH, 0)])
        self.after_turn()
        self._bound_window()
        now_s = time.monotonic()
        if now_s - self._committed_at_s >= _COMMIT_EVERY_S:
            self._committed_at_s = now_s
            self._commit_in_background()
        if now_s - self._lag_at_s >= _LAG_EVERY_S:
            self._lag_at_s = now_s
            self._measure_lag()

    def take_in_all(self, messages: list[Message]) -> None:
        """Deal with what came together."""
        for message in messages:
            error = message.error()
            if error is None:
                name = self._names[message.topic() or ""]
                self.take_in((name, int(message.partition() or 0)), message)
            else:
                on_consumer_error(error)

    def _bound_window(self) -> None:
        """Read nothing more while too much is open, but go on polling."""
        wanted = self.assignments.wants_pause(is_paused=self._is_standing_still)
        if wanted == self._is_standing_still:
            return
        self._is_standing_still = wanted
        keys = self.assignments.keys
        if wanted:
            self.consumer.pause(list(map(self.place_of, keys)))
        else:
            self.consumer.resume([self.place_of(key) for key in keys if self.may_resume(key)])

    def _uncommitted(self, keys: list[Key]) -> list[TopicPartition]:
        return [
            self.place_of(key, position.offset, self.metadata(position))
            for key, position in self.assignments.uncommitted(keys).items()
        ]

    def _commit_in_background(self) -> None:
        places = self._uncommitted(self.assignments.keys)
        if places:
            self.consumer.commit(offsets=places, asynchronous=True)

    def _on_commit(self, error: KafkaError | None, _places: list[TopicPartition]) -> None:
        if error is not None:
            _log.warning("offsets.commit_failed", error=error.str())
            self.assignments.distrust_commits()

    def _give_up(self, keys: list[Key]) -> None:
        self.release(keys)
        places = self._uncommitted(keys)
        try:
            if places:
                self.consumer.commit(offsets=places, asynchronous=False)
        except KafkaException as error:
            # What is not committed is read again by the next owner, who knows what was done.
            _log.warning("offsets.commit_failed", error=str(error.args[0]))

    def _measure_lag(self) -> None:
        lags = dict.fromkeys(self._names.values(), 0)
        for key in self.assignments.keys:
            _, end = self.consumer.get_watermark_offsets(self.place_of(key), cached=True)
            position = self.assignments.position(key)
            if position is not None:
                lags[key[0]] += max(end - position.offset, 0)
        for topic, lag in lags.items():
            metrics.LAG.labels(topic).set(lag)

    # Rebalancing: librdkafka calls these from within poll, consume and close.

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if partitions:
            spans = self.prepare(partitions)
            self.assignments.assign(list(map(self.key_of, partitions)), spans)
        consumer.incremental_assign(partitions)
        if self._is_standing_still:
            consumer.pause(partitions)
        self.was_assigned = True
        _log.info("partitions.assigned", partitions=_names(partitions))

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        keys = list(map(self.key_of, partitions))
        self._give_up(keys)
        self.assignments.forget(keys)
        consumer.incremental_unassign(partitions)
        _log.info("partitions.revoked", partitions=_names(partitions))

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        keys = list(map(self.key_of, partitions))
        self.release(keys)
        self.assignments.forget(keys)  # another member has them: nothing may be committed
        consumer.incremental_unassign(partitions)
        _log.warning("partitions.lost", partitions=_names(partitions))


def _names(partitions: list[TopicPartition]) -> list[str]:
    return [f"{place.topic}/{place.partition}" for place in partitions]
