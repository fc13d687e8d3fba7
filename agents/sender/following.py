"""The attempts around a takeover, followed for a while in the background.

What was read back before the first job (`agents.sender.readback`) begins at a floor and ends at a
moment. Beyond both there may be more: a matcher that died leaves copies of jobs that were recorded
before the floor, and a sender that lost the partition may record late what it had in flight. Jobs
need not wait for these; whatever is found before a job's turn makes it a repeat.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Iterable
from typing import Final

import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition

from agents import metrics
from agents.kafka.clients import BROKER_TIMEOUT_S, reader_config
from agents.lifecycle import abort
from agents.sender.readback import RECORDS_MAX, recorded_in
from pipeline.settings import Settings
from pipeline.suppression import Noted
from schemas.topics import ATTEMPTS

# A matcher's partitions move ten seconds after its death, and are decided on again soon after.
BEFORE_S: Final = 60.0
# A request takes at most 30 s, and whoever lost the partition records it then.
AFTER_S: Final = 45.0
_BATCH: Final = 1_000
_POLL_S: Final = 0.2
# At load there would be a fetch for each attempt; a tenth of a second later is as good.
_UNHURRIED: Final = {"fetch.min.bytes": 64 * 1024, "fetch.wait.max.ms": 100}

_log = structlog.get_logger()

# Told, in the event loop, what was found.
Tell = Callable[[tuple[Noted, ...]], None]


class Follower:
    """One thread and one consumer without a group. `follow` may be called in any thread."""

    def __init__(self, settings: Settings, loop: asyncio.AbstractEventLoop, tell: Tell) -> None:
        """Follow nothing yet; the thread starts, and the client connects, with the first call."""
        self._settings = settings
        self._loop = loop
        self._tell = tell
        self._wanted: queue.SimpleQueue[tuple[int, ...]] = queue.SimpleQueue()
        self._until_s: dict[int, float] = {}
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def follow(self, partitions: Iterable[int]) -> None:
        """Follow the attempts of these partition numbers from a minute ago and for a while."""
        self._wanted.put(tuple(partitions))
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="following", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop following."""
        self._closed.set()
        self._wanted.put(())
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            while not self._closed.is_set():
                numbers = self._wanted.get()
                if numbers:
                    self._follow(numbers)
        except Exception as error:  # noqa: BLE001 - a thread that died would be a silence
            abort("attempts can no longer be followed", error)

    def _follow(self, numbers: tuple[int, ...]) -> None:
        """Follow these, and what is asked for meanwhile, until all have had their time."""
        consumer = Consumer(reader_config(self._settings) | _UNHURRIED)
        try:
            self._begin(consumer, numbers)
            while self._until_s and not self._closed.is_set():
                self._read(consumer)
                self._end_overdue(consumer)
                while not self._wanted.empty():
                    self._begin(consumer, self._wanted.get())
        finally:
            self._until_s.clear()
            consumer.close()

    def _begin(self, consumer: Consumer, numbers: tuple[int, ...]) -> None:
        new = [number for number in numbers if number not in self._until_s]
        try:
            going_on = consumer.position(list(map(self._place, self._until_s)))
            consumer.assign([*going_on, *(self._start(consumer, number) for number in new)])
        except KafkaException as error:
            # Without it there may be repeats; jobs do not wait for it, so neither do we.
            _log.warning("attempts.not_followed", partitions=new, error=str(error.args[0]))
            return
        self._until_s |= dict.fromkeys(numbers, time.monotonic() + AFTER_S)

    def _place(self, number: int) -> TopicPartition:
        return TopicPartition(self._settings.topic(ATTEMPTS), number)

    def _start(self, consumer: Consumer, number: int) -> TopicPartition:
        place = self._place(number)
        low, high = consumer.get_watermark_offsets(place, timeout=BROKER_TIMEOUT_S)
        place.offset = round((time.time() - BEFORE_S) * 1_000)
        (found,) = consumer.offsets_for_times([place], timeout=BROKER_TIMEOUT_S)
        since = found.offset if found.offset >= 0 else high  # nothing is as new as that
        place.offset = max(low, since, high - RECORDS_MAX)
        return place

    def _read(self, consumer: Consumer) -> None:
        found = [
            recorded.noted
            for message in consumer.consume(_BATCH, _POLL_S)
            if message.error() is None and (recorded := recorded_in(message)) is not None
        ]
        if found and not self._loop.is_closed():
            metrics.FOLLOWED.inc(len(found))
            self._loop.call_soon_threadsafe(self._tell, tuple(found))

    def _end_overdue(self, consumer: Consumer) -> None:
        now_s = time.monotonic()
        left = {number: until_s for number, until_s in self._until_s.items() if until_s > now_s}
        if len(left) < len(self._until_s):
            consumer.assign(consumer.position(list(map(self._place, left))))
            self._until_s = left
