"""The recorder's thread: it reads what it was assigned, keeps it, commits, and clears up.

While the database is away nothing more is read, but the broker is still polled, so that the group
keeps us; what was read by then is held, and written first. A partition is read from where the
history stands, whatever the group has committed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from typing import Final

import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition
from sqlalchemy.exc import SQLAlchemyError

from agents import metrics
from agents.history.engine import Database, reason_of
from agents.history.schema import bring_up_to_date
from agents.history.writing import Partition, PlacesMovedError
from agents.kafka.clients import consumer_config, on_consumer_error
from agents.kafka.groups import GROUP_TOPICS, RECORDERS
from agents.kafka.turning import Turning
from agents.lifecycle import abort
from agents.recorder.clearing import Clearing
from agents.recorder.intake import partition_of, reached, taken
from agents.recorder.keeping import Keeper
from agents.recorder.placing import Placing
from pipeline.settings import Settings

# What is written in one transaction: so many records, or what came in so long, or so many bytes.
# Whoever looks at the history may wait so long; SQLite writes a batch in a tenth of a second.
BATCH_RECORDS: Final = 2_000
BATCH_S: Final = 0.5
BATCH_BYTES: Final = 8 * 1024 * 1024
# A record may have a megabyte: asked for a few at a time, the bytes are bounded soon enough.
_SLICE_RECORDS: Final = 200

# Between two tries of a database that is away.
_AGAIN_S: Final = 0.5
_AGAIN_S_MAX: Final = 5.0
_POLL_S: Final = 0.1

# Whoever empties the history sees it being filled again so much later.
_LOOK_BACK_EVERY_S: Final = 5.0

# librdkafka would wait 45 s for a broker that is away, to leave the group.
_LEAVE_S_MAX: Final = 5.0

# A statement may take 30 s, and a turn has a few; whoever takes longer hangs.
STALL_S: Final = 150.0

# Nobody waits for a single record: the broker answers when there is much, or after half a second.
_OPTIONS: Final = {
    "enable.auto.commit": False,
    "auto.offset.reset": "error",  # where to begin is ours to say
    "enable.partition.eof": True,  # beyond the last record there may be marks of transactions
    "fetch.min.bytes": 200_000,
    "fetch.wait.max.ms": 500,
    "queued.max.messages.kbytes": 16_384,
}

_log = structlog.get_logger()


class Recorder:
    """The thread, and what others may know of it: its properties may be asked in any thread."""

    def __init__(self, settings: Settings, database: Database) -> None:
        """Create the consumer; `start` joins the group."""
        self.settings = settings
        self.names = {settings.topic(name): name for name in GROUP_TOPICS[RECORDERS]}
        self.consumer = Consumer(
            consumer_config(settings, RECORDERS) | _OPTIONS | {"on_commit": _on_commit}
        )
        self.turning = Turning(STALL_S)
        # How far each partition has come that is placed, and the time of its last record written.
        self.positions: Mapping[Partition, int] = {}
        self.written_at_ms: Mapping[Partition, int] = {}
        self.is_assigned = False
        self.database_answers = False
        self._database = database
        self._keeper = Keeper(database, self.names)
        self._placing = Placing(self.consumer, database, self.names)
        self._clearing = Clearing(database, settings)
        self._held: list[Message] = []
        self._read_to: dict[Partition, int] = {}
        self._again_s = _AGAIN_S
        self._again_at_s = self._looks_back_at_s = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=RECORDERS, daemon=True)
        metrics.PARTITIONS.set_function(lambda: len(self.positions))
        metrics.HISTORY_AWAY.set_function(lambda: not self.database_answers)

    def start(self) -> None:
        """Join the group and begin."""
        self.consumer.subscribe(
            list(self.names),
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_lost,
        )
        self._thread.start()

    def stop(self) -> None:
        """Write what was read, if the database takes it, and leave the group."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._turn()
                self.turning.turned(self._thread.ident)
            with self.turning.callback():
                self._leave()
        except Exception as error:  # noqa: BLE001 - a thread that dies must take the process along
            abort("records can no longer be kept", error)

    def _turn(self) -> None:
        if time.monotonic() < self._again_at_s:
            self._take(self.consumer.consume(1, _POLL_S))
            return
        try:
            if not self.database_answers:
                bring_up_to_date(self._database)
                self._is_back()
            self._place()
            if not self._held:
                self._gather()
            self._write()
            self._look_back()
            self._clearing.step(time.monotonic())
        except SQLAlchemyError as error:
            self._is_away(error)

    def _gather(self) -> None:
        """Read until there is enough for a transaction, or it has taken long enough."""
        until_s = time.monotonic() + BATCH_S
        size = 0
        while len(self._held) < BATCH_RECORDS and size < BATCH_BYTES:
            left_s = until_s - time.monotonic()
            if left_s <= 0 or self._stopping.is_set():
                break
            came = self.consumer.consume(_SLICE_RECORDS, left_s)
            size += sum(len(message.value() or b"") for message in came)
            self._take(came)

    def _take(self, messages: list[Message]) -> None:
        for message in messages:
            error = message.error()
            if error is None:
                # Of a partition without a place, or one that is gone, it is read again.
                if partition_of(message) in self.positions:
                    self._held.append(message)
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
                self._read_to[partition_of(message)] = int(message.offset() or 0)
            elif error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001
                self._read_anew([partition_of(message)])
            else:
                on_consumer_error(error)

    def _write(self) -> None:
        records = taken(self._held, self.names)
        try:
            self._keeper.keep(records)
        except PlacesMovedError:
            partitions = {record.partition for record in records}
            _log.warning("history.places_moved", partitions=len(partitions))
            self._read_anew(partitions)
            return
        self._held = []
        now = reached(records)
        for partition, offset in self._read_to.items():
            if partition in self.positions:
                now[partition] = max(offset, now.get(partition, 0))
        self._read_to = {}
        if now:
            self.positions = {**self.positions, **now}
            times_ms = {record.partition: record.at_ms for record in records}
            self.written_at_ms = {**self.written_at_ms, **times_ms}
            places = [TopicPartition(*partition, offset) for partition, offset in now.items()]
            self.consumer.commit(offsets=places, asynchronous=True)

    # Where partitions are read

    def _look_back(self) -> None:
        """See whether the history was emptied, where nothing comes that would show it."""
        if time.monotonic() >= self._looks_back_at_s:
            self._looks_back_at_s = time.monotonic() + _LOOK_BACK_EVERY_S
            moved = self._keeper.moved()
            if moved:
                _log.warning("history.places_moved", partitions=len(moved))
                self._read_anew(moved)

    def _place(self) -> None:
        for partition, (place, offset) in self._placing.place().items():
            if place is None:
                self._keeper.places.pop(partition, None)
            else:
                self._keeper.places[partition] = place
            self.positions = {**self.positions, partition: offset}

    def _read_anew(self, partitions: Iterable[Partition]) -> None:
        """Look again where these begin, and let go of what was read of them."""
        again = set(partitions) & (self.positions.keys() | self._placing.waiting)
        self.consumer.pause([TopicPartition(*partition) for partition in again])
        self._forget(again)
        self._placing.waiting |= again

    def _forget(self, partitions: Iterable[Partition]) -> None:
        gone = set(partitions)
        self.positions = {it: at for it, at in self.positions.items() if it not in gone}
        self.written_at_ms = {it: at for it, at in self.written_at_ms.items() if it not in gone}
        self._held = [message for message in self._held if partition_of(message) not in gone]
        self._placing.waiting -= gone
        for partition in gone:
            self._keeper.places.pop(partition, None)
            self._read_to.pop(partition, None)

    # The database

    def _is_back(self) -> None:
        self.database_answers = True
        self._again_s = _AGAIN_S
        self.consumer.resume([TopicPartition(*partition) for partition in self.positions])
        _log.info("history.database_answers", database=str(self._database))

    def _is_away(self, error: SQLAlchemyError) -> None:
        if self.database_answers:
            self.consumer.pause([TopicPartition(*partition) for partition in self.positions])
        self.database_answers = False
        self._again_at_s = time.monotonic() + self._again_s
        self._again_s = min(2 * self._again_s, _AGAIN_S_MAX)
        _log.warning("history.database_away", error=reason_of(error), held=len(self._held))

    # Rebalancing: librdkafka calls these from within consume and close.

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for place in partitions:
            place.offset = OFFSET_BEGINNING  # never read: it is placed before it goes on
        consumer.incremental_assign(partitions)
        consumer.pause(partitions)
        self._placing.waiting |= {(place.topic, place.partition) for place in partitions}
        self.is_assigned = True
        _log.info("partitions.assigned", partitions=len(partitions))

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Let go at once, also of what is not written: whoever has them now reads it again."""
        self._forget((place.topic, place.partition) for place in partitions)
        consumer.incremental_unassign(partitions)
        _log.info("partitions.revoked", partitions=len(partitions))

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self.is_assigned = False
        self._on_revoke(consumer, partitions)

    def _leave(self) -> None:
        """Leave the group, in bounded time; if the broker is away, it finds out by our silence."""
        leaving = threading.Thread(target=self.consumer.close, name="leaving", daemon=True)
        leaving.start()
        leaving.join(_LEAVE_S_MAX)


def _on_commit(error: KafkaError | None, _places: list[TopicPartition]) -> None:
    if error is not None:  # the next one says more, and what counts is in the database
        _log.warning("offsets.commit_failed", error=error.str())
