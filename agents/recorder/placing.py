"""Partitions that were assigned are read from where the history stands, once that is known.

Until then they stand still. Nothing here raises for a broker that is away: it is asked again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition

from agents import metrics
from agents.history.engine import Database
from agents.history.writing import Partition, forget_places, places
from pipeline.recording import Start, start_of

# The thread stands still for so long at the most while a broker is away.
_ASK_TIMEOUT_S: Final = 2.0

_log = structlog.get_logger()


class Placing:
    """For the consuming thread: `waiting` are the partitions that are not placed yet."""

    def __init__(self, consumer: Consumer, database: Database, names: Mapping[str, str]) -> None:
        """Seek in `consumer` as `database` says; `names` are the topics' without prefix."""
        self.waiting: set[Partition] = set()
        self._consumer = consumer
        self._database = database
        self._names = names

    def place(self) -> dict[Partition, tuple[int | None, int]]:
        """What the history says and the offset read from, of each partition that is placed now.

        Raises what SQLAlchemy raises when the database is away.
        """
        if not self.waiting:
            return {}
        with self._database.reading() as connection:
            known = places(connection, self.waiting)
        placed: dict[Partition, tuple[int | None, int]] = {}
        for partition in sorted(self.waiting):
            place = known.get(partition)
            try:
                start = self._start(partition, place)
            except KafkaException as error:
                _log.warning("history.not_placed", at=partition, error=str(error.args[0]))
                break
            self._tell(partition, start)
            if start.is_anew:
                place = None
            placed[partition] = (place, start.offset)
        self.waiting -= placed.keys()
        return placed

    def _start(self, partition: Partition, place: int | None) -> Start:
        low, high = self._consumer.get_watermark_offsets(
            TopicPartition(*partition), timeout=_ASK_TIMEOUT_S
        )
        start = start_of(place, low, high)
        if start.is_anew:
            with self._database.writing() as connection:
                forget_places(connection, [partition])
        # Just assigned, a partition may not take it yet: that is an error, and the next try's.
        self._consumer.seek(TopicPartition(*partition, start.offset))
        self._consumer.resume([TopicPartition(*partition)])
        return start

    def _tell(self, partition: Partition, start: Start) -> None:
        topic, number = partition
        if start.is_anew:
            _log.error("history.topic_is_another", topic=self._names[topic], partition=number)
        if start.removed:
            metrics.REMOVED_UNREAD.labels(self._names[topic]).inc(start.removed)
            _log.error(
                "history.records_removed_unread",
                topic=self._names[topic],
                partition=number,
                records=start.removed,
            )
