"""A member of a consumer group in a thread of its own: polls, commits, gives partitions up in time.

The thread alone touches the Kafka consumer. What may be committed is the unbroken run of completed
records (`agents.kafka.committing`), and the answers tell whether the partitions are still ours. A
subclass says what to do with records; an exception in it ends the process, for a thread that died
would be a silence.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from typing import Final

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from agents import metrics
from agents.kafka.clients import BROKER_TIMEOUT_S, consumer_config, on_consumer_error
from agents.kafka.committing import Commits
from agents.kafka.group_work import GroupWork
from agents.kafka.turning import Turning
from agents.lifecycle import abort
from pipeline.assignments import Assignments, Key, Span
from pipeline.offsets import Position
from pipeline.settings import Settings
from pipeline.stalls import Progress

# `consume(n, t)` would wait t for n records; `poll` returns with the first one.
POLL_S: Final = 0.02
BATCH: Final = 500

# A revocation waits so long for what is in flight, and so long in all with its commit: the whole
# group waits with it.
RELEASE_S_MAX: Final = 1.5
REVOKE_S_MAX: Final = 2.0

_LOOK_EVERY_S: Final = 1.0
_LAG_EVERY_S: Final = 5.0

# A broker that went away while partitions were assigned has so long to come back.
_PREPARE_S_MAX: Final = 30.0
_PREPARE_AGAIN_S: Final = 0.5

_log = structlog.get_logger()


class GroupConsumer(GroupWork):
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
        self.turning = Turning()
        self._is_assigned = False
        self._progress: Mapping[Key, Progress] = {}
        self._fenced: set[Key] = set()
        self.names = {settings.topic(name): name for name in topics}
        self.consumer = Consumer(
            consumer_config(settings, group)
            | {"enable.auto.commit": False, "on_commit": self._on_commit}
            | dict(options or {})
        )
        self.commits = Commits(self.consumer, self.assignments, self._place_at, self.commit_every_s)
        self._is_standing_still = False
        self._looked_at_s = self._lag_at_s = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=group, daemon=True)
        metrics.PARTITIONS.set_function(lambda: len(self.assignments.keys))
        metrics.IN_DOUBT.set_function(lambda: not self.is_certain)

    def start_thread(self) -> None:
        """Join the group and start polling."""
        self.consumer.subscribe(
            list(self.names),
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_lost,
        )
        self.commits.membership.start()
        self._thread.start()

    def stop(self) -> None:
        """Commit what is completed and leave the group; returns when that is done."""
        self._stopping.set()
        self._thread.join()

    def key_of(self, place: TopicPartition) -> Key:
        """A partition by the name of its topic without prefix."""
        return self.names[place.topic], place.partition

    def _place_at(self, key: Key, position: Position) -> TopicPartition:
        return self.place_of(key, position.offset, self.metadata(position))

    def place_of(self, key: Key, offset: int = -1, metadata: str = "") -> TopicPartition:
        """A partition as the client knows it."""
        return TopicPartition(self.settings.topic(key[0]), key[1], offset, metadata)

    @property
    def is_assigned(self) -> bool:
        """Whether the group has given us our part, which may be none, and not taken it away."""
        return self._is_assigned

    @property
    def is_certain(self) -> bool:
        """Whether nothing speaks against our being a member; may be asked in any thread."""
        return self.commits.membership.is_certain

    @property
    def progress(self) -> Mapping[Key, Progress]:
        """How far each partition had come a moment ago; may be asked in any thread.

        `end` is None where reading rightly stands still, and 0 elsewhere: it is not asked for here.
        """
        return self._progress

    @property
    def fenced(self) -> frozenset[Key]:
        """Partitions that are not ours by a commit's answer, before the client has said so too."""
        return frozenset(self._fenced)

    @property
    def is_standing_still(self) -> bool:
        """Whether nothing is read because too much is open."""
        return self._is_standing_still

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._turn()
            with self.turning.callback(), self.commits.membership.deaf():
                self._give_up(self.assignments.keys)
                self.commits.leave()
        except Exception as error:  # noqa: BLE001 - a thread that dies must take the process along
            abort("records can no longer be consumed", error)

    def _turn(self) -> None:
        first = self.consumer.poll(POLL_S)
        if first is not None:
            self.take_in_all([first, *self.consumer.consume(BATCH, 0)])
        self.after_turn()
        self._bound_window()
        now_s = time.monotonic()
        self.commits.ask(now_s)
        if now_s - self._looked_at_s >= _LOOK_EVERY_S:
            self._looked_at_s = now_s
            self._progress = {key: self._progress_of(key) for key in self.assignments.keys}
        if now_s - self._lag_at_s >= _LAG_EVERY_S:
            self._lag_at_s = now_s
            self._measure_lag()
        self.turning.turned(self._thread.ident)

    def take_in_all(self, messages: list[Message]) -> None:
        """Deal with what came together."""
        for message in messages:
            error = message.error()
            if error is None:
                key = (self.names[message.topic() or ""], int(message.partition() or 0))
                if self.assignments.holds(key):
                    self.take_in(key, message)
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

    def _on_commit(self, error: KafkaError | None, _places: list[TopicPartition]) -> None:
        keys = self.commits.answered(error)
        if keys:
            # librdkafka will say so too, when it has heard it; until then it is still theirs.
            self._is_assigned = False
            self._fenced.update(keys)
            self._forget_lost(keys)
            _log.warning("membership.fenced", partitions=len(keys))

    def _give_up(self, keys: list[Key]) -> None:
        deadline_s = time.monotonic() + REVOKE_S_MAX
        self.release(keys)
        self.commits.commit_within(keys, deadline_s - time.monotonic())
        self._forget(keys)

    def _forget_lost(self, keys: list[Key]) -> None:
        metrics.PARTITIONS_LOST.inc(sum(map(self.assignments.holds, keys)))
        self.lose(keys)
        self._forget(keys)  # another member has them: nothing may be committed

    def _forget(self, keys: list[Key]) -> None:
        self.assignments.forget(keys)
        self.commits.ended(keys)
        self._progress = {key: it for key, it in self._progress.items() if key not in keys}

    def _progress_of(self, key: Key) -> Progress:
        expected = self.assignments.next_offset(key)
        if expected is None:
            expected = self.commits.start_of(key)
        end = 0 if self._may_read(key) else None
        return Progress(self.assignments.oldest_open(key), expected, end)

    def _may_read(self, key: Key) -> bool:
        return not self._is_standing_still and self.may_resume(key)

    def _measure_lag(self) -> None:
        lags = dict.fromkeys(self.names.values(), 0)
        for key in self.assignments.keys:
            _, end = self.consumer.get_watermark_offsets(self.place_of(key), cached=True)
            position = self.assignments.position(key)
            if position is not None:
                lags[key[0]] += max(end - position.offset, 0)
        for topic, lag in lags.items():
            metrics.LAG.labels(topic).set(lag)

    # Rebalancing: librdkafka calls these from within poll, consume and close.

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        with self.turning.callback(), self.commits.membership.deaf():
            if partitions and not self._stopping.is_set():
                keys = list(map(self.key_of, partitions))
                spans = self._prepared(partitions)
                self.assignments.assign(keys, spans)
                self._fenced.difference_update(keys)
            consumer.incremental_assign(partitions)
            # librdkafka remembers that a partition was paused when it went.
            read = [it for it in partitions if self._may_read(self.key_of(it))]
            consumer.resume(read)
            consumer.pause([it for it in partitions if it not in read])
        self._is_assigned = True
        _log.info("partitions.assigned", partitions=_names(partitions))

    def _prepared(self, partitions: list[TopicPartition]) -> dict[int, Span]:
        """Prepare partitions, though the broker may be away for a moment just now."""
        deadline_s = time.monotonic() + _PREPARE_S_MAX
        while True:
            try:
                committed = self.consumer.committed(partitions, timeout=BROKER_TIMEOUT_S)
                for place in committed:
                    if place.error is not None:
                        raise KafkaException(place.error)  # noqa: TRY301 - caught with its like
                    self.commits.began(self.key_of(place), place)
                return self.prepare(committed)
            except KafkaException as error:
                if self._stopping.is_set():
                    return {}
                if time.monotonic() >= deadline_s:
                    names = ", ".join(_names(partitions))
                    abort(f"assigned, but for {_PREPARE_S_MAX:g} s not readable: {names}", error)
                _log.warning("partitions.not_prepared", error=str(error.args[0]))
                self._stopping.wait(_PREPARE_AGAIN_S)

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        with self.turning.callback(), self.commits.membership.deaf():
            keys = list(map(self.key_of, partitions))
            self._give_up([key for key in keys if self.assignments.holds(key)])
            self._fenced.difference_update(keys)
            consumer.incremental_unassign(partitions)
        _log.info("partitions.revoked", partitions=_names(partitions))

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        with self.turning.callback(), self.commits.membership.deaf():
            self._is_assigned = False
            keys = list(map(self.key_of, partitions))
            self._forget_lost(keys)
            self._fenced.difference_update(keys)
            consumer.incremental_unassign(partitions)
        _log.warning("partitions.lost", partitions=_names(partitions))


def _names(partitions: list[TopicPartition]) -> list[str]:
    return [f"{place.topic}/{place.partition}" for place in partitions]
