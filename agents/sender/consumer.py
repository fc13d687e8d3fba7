"""The consuming thread: polls, bounds what is open, commits, and gives partitions up in time.

It alone touches the Kafka consumer. Jobs go to the event loop as lists; completions come back
through a deque, each with its assignment, so that one which comes too late is ignored.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from agents import metrics
from agents.assignments import Assignments, Key, Place
from agents.kafka import BROKER_TIMEOUT_S, consumer_config, on_consumer_error
from agents.lifecycle import abort
from agents.sender.readback import Noted, floor_of, metadata_of, read_back
from pipeline.settings import Settings
from schemas.job import Lane
from schemas.topics import JOBS, JOBS_REPLAY, JOBS_RETRY

GROUP: Final = "hookline-senders"

# A revocation waits so long for requests in flight; the group waits with it.
REVOKE_WAIT_S: Final = 2.0

# `consume(n, t)` would wait t for n messages; `poll` returns with the first one.
_POLL_S: Final = 0.05
_BATCH: Final = 500
_COMMIT_EVERY_S: Final = 1.0
_LAG_EVERY_S: Final = 5.0

LANES: Final[dict[str, Lane]] = {JOBS: "new", JOBS_RETRY: "retry", JOBS_REPLAY: "replay"}

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Fetched:
    """A job as bytes."""

    place: Place
    message: Message


class Receiver(Protocol):
    """The event loop's side; every method is called there."""

    def on_read_back(self, noted: tuple[Noted, ...]) -> None:
        """Attempts found on record; comes before any job of the partitions concerned."""

    def on_jobs(self, jobs: list[Fetched]) -> None:
        """Jobs, in the order of each partition."""

    def on_revoked(self, epochs: frozenset[int], released: Callable[[], None]) -> None:
        """Stop working on the jobs of these assignments, then call `released`."""


class JobConsumer:
    """The thread and what it shares with the loop: `complete` is all the loop calls."""

    def __init__(self, settings: Settings, loop: asyncio.AbstractEventLoop) -> None:
        """Create the consumer; `start` joins the group."""
        self._settings = settings
        self._loop = loop
        self._receiver: Receiver
        self._lane_topics = {settings.topic(name): name for name in LANES}
        self._consumer = Consumer(
            consumer_config(settings, GROUP)
            | {"enable.auto.commit": False, "on_commit": self._on_commit}
        )
        self._assignments = Assignments()
        self._completed: deque[tuple[Place, int | None]] = deque()
        self._is_paused = False
        self._committed_at_s = 0.0
        self._lag_at_s = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)
        self.was_assigned = False

    def start(self, receiver: Receiver) -> None:
        """Join the group and start polling; jobs go to `receiver`."""
        self._receiver = receiver
        self._consumer.subscribe(
            list(self._lane_topics),
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_lost,
        )
        self._thread.start()

    def complete(self, place: Place, attempt_offset: int | None) -> None:
        """A job is done with; `attempt_offset` is where its attempt was recorded, if it was."""
        self._completed.append((place, attempt_offset))

    def stop(self) -> None:
        """Commit what is completed and leave the group; returns when that is done."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._turn()
            self._apply_completions()
            self._commit(self._assignments.keys)
            self._consumer.close()
        except Exception as error:  # noqa: BLE001 - a thread that dies must take the process along
            abort("jobs can no longer be consumed", error)

    def _turn(self) -> None:
        first = self._consumer.poll(_POLL_S)
        if first is not None:
            self._hand_over([first, *self._consumer.consume(_BATCH, 0)])
        self._apply_completions()
        self._bound_window()
        now_s = time.monotonic()
        if now_s - self._committed_at_s >= _COMMIT_EVERY_S:
            self._committed_at_s = now_s
            self._commit_in_background()
        if now_s - self._lag_at_s >= _LAG_EVERY_S:
            self._lag_at_s = now_s
            self._measure_lag()

    def _hand_over(self, messages: list[Message]) -> None:
        jobs = [job for message in messages if (job := self._fetched(message)) is not None]
        if jobs:
            self._loop.call_soon_threadsafe(self._receiver.on_jobs, jobs)

    def _fetched(self, message: Message) -> Fetched | None:
        error = message.error()
        if error is not None:
            on_consumer_error(error)
            return None
        key = (self._lane_topics[message.topic() or ""], int(message.partition() or 0))
        size_bytes = len(message.value() or b"")
        place = self._assignments.handed_out(key, int(message.offset() or 0), size_bytes)
        return None if place is None else Fetched(place, message)

    def _apply_completions(self) -> None:
        while self._completed:
            self._assignments.completed(*self._completed.popleft())
        metrics.WINDOW_JOBS.set(self._assignments.jobs)
        metrics.WINDOW_BYTES.set(self._assignments.size_bytes)

    def _bound_window(self) -> None:
        wants_pause = self._assignments.wants_pause(is_paused=self._is_paused)
        if wants_pause != self._is_paused:
            act = self._consumer.pause if wants_pause else self._consumer.resume
            act(self._consumer.assignment())
            self._is_paused = wants_pause

    def _uncommitted(self, keys: list[Key]) -> list[TopicPartition]:
        return [
            TopicPartition(
                self._settings.topic(topic),
                partition,
                position.offset,
                metadata_of(position.floor),
            )
            for (topic, partition), position in self._assignments.uncommitted(keys).items()
        ]

    def _commit_in_background(self) -> None:
        places = self._uncommitted(self._assignments.keys)
        if places:
            self._consumer.commit(offsets=places, asynchronous=True)

    def _commit(self, keys: list[Key]) -> None:
        places = self._uncommitted(keys)
        if not places:
            return
        try:
            self._consumer.commit(offsets=places, asynchronous=False)
        except KafkaException as error:
            # What is not committed is read again by the next owner; the read-back knows it.
            _log.warning("offsets.commit_failed", error=str(error.args[0]))

    def _measure_lag(self) -> None:
        lags = dict.fromkeys(LANES, 0)
        for topic, partition in self._assignments.keys:
            where = TopicPartition(self._settings.topic(topic), partition)
            _, end = self._consumer.get_watermark_offsets(where, cached=True)
            position = self._assignments.position((topic, partition))
            lags[topic] += max(end - position.offset, 0) if position is not None else 0
        for topic, lag in lags.items():
            metrics.LAG.labels(topic).set(lag)

    def _on_commit(self, error: KafkaError | None, _places: list[TopicPartition]) -> None:
        if error is not None:
            _log.warning("offsets.commit_failed", error=error.str())
            self._assignments.distrust_commits()

    # Rebalancing: librdkafka calls these from within poll, consume and close.

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if partitions:
            floors = _floors(consumer.committed(partitions, timeout=BROKER_TIMEOUT_S))
            found = read_back(self._settings, floors)
            self._loop.call_soon_threadsafe(self._receiver.on_read_back, found.noted)
            self._assignments.assign(self._keys(partitions), found.ends)
        consumer.incremental_assign(partitions)
        if self._is_paused:
            consumer.pause(partitions)
        self.was_assigned = True
        _log.info("partitions.assigned", partitions=_names(partitions))

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        keys = self._keys(partitions)
        self._release(keys)
        self._commit(keys)
        self._assignments.forget(keys)
        consumer.incremental_unassign(partitions)
        _log.info("partitions.revoked", partitions=_names(partitions))

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        keys = self._keys(partitions)
        self._release(keys)
        self._assignments.forget(keys)  # another member has them: nothing may be committed
        consumer.incremental_unassign(partitions)
        _log.warning("partitions.lost", partitions=_names(partitions))

    def _release(self, keys: list[Key]) -> None:
        """Let the loop drop what waits and finish what is in flight, for a bounded time."""
        released = threading.Event()
        epochs = self._assignments.epochs(keys)
        self._loop.call_soon_threadsafe(self._receiver.on_revoked, epochs, released.set)
        if not released.wait(REVOKE_WAIT_S):
            _log.warning("partitions.left_in_flight", waited_s=REVOKE_WAIT_S)
        self._apply_completions()

    def _keys(self, partitions: list[TopicPartition]) -> list[Key]:
        return [(self._lane_topics[place.topic], place.partition) for place in partitions]


def _floors(committed: list[TopicPartition]) -> dict[int, int | None]:
    """Where to begin reading each partition's attempts: the lowest floor any lane committed.

    A lane that committed nothing had nothing handed out a second before the others committed, so
    their floor is low enough for it too.
    """
    floors: dict[int, int | None] = {}
    for place in committed:
        floor = floor_of(place.metadata) if place.offset >= 0 else None
        known = floors.get(place.partition)
        both = [value for value in (floor, known) if value is not None]
        floors[place.partition] = min(both, default=None)
    return floors


def _names(partitions: list[TopicPartition]) -> list[str]:
    return [f"{place.topic}/{place.partition}" for place in partitions]
