"""Taken records into the history, all in one transaction, or without those it will not take.

A database that is away raises, and nothing was written. A record that the database refuses must not
stop the rest: the batch is halved until that one is alone, which is logged and passed over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import structlog

from agents import metrics
from agents.history.engine import Database, reason_of, refuses
from agents.history.writing import Partition, Rows, places, write
from agents.recorder.intake import Taken, reached, rows_of

_log = structlog.get_logger()


class Keeper:
    """Writes; `places` is how far the history has come in each partition that is ours to write."""

    def __init__(self, database: Database, names: Mapping[str, str]) -> None:
        """Write to `database`; `names` are the topics' without prefix."""
        self.places: dict[Partition, int] = {}
        self._database = database
        self._names = names

    def keep(self, records: Sequence[Taken]) -> None:
        """Write records, each partition's in order; when it returns, all are dealt with.

        Raises `PlacesMovedError`, and what SQLAlchemy raises when the database is away; then none
        may have been written, or some of the first.
        """
        if not records:
            return
        try:
            self._write(records, rows_of(records))
        except Exception as error:
            if not refuses(error):
                raise
            self._keep_apart(records, error)
        else:
            self._count(records)

    def moved(self) -> set[Partition]:
        """Partitions in which the history stands elsewhere than we left it, as when it was emptied.

        Raises what SQLAlchemy raises when the database is away.
        """
        with self._database.reading() as connection:
            now = places(connection, self.places)
        return {it for it, place in self.places.items() if now.get(it) != place}

    def _keep_apart(self, records: Sequence[Taken], error: Exception) -> None:
        if len(records) > 1:
            middle = len(records) // 2
            self.keep(records[:middle])
            self.keep(records[middle:])
            return
        (record,) = records
        topic, partition = record.partition
        name = self._names[topic]
        why = reason_of(error)
        _log.error(
            "history.refused", topic=name, partition=partition, offset=record.offset, error=why
        )
        metrics.HISTORY_RECORDS.labels(name, "refused").inc()
        self._write(records, Rows())

    def _write(self, records: Sequence[Taken], rows: Rows) -> None:
        now = reached(records)
        expected = {it: self.places[it] for it in now if it in self.places}
        with metrics.HISTORY_WRITE.time(), self._database.writing() as connection:
            write(connection, rows, now, expected)
        self.places |= now

    def _count(self, records: Sequence[Taken]) -> None:
        counts = Counter(it.partition[0] for it in records if it.rows is not None)
        for topic, count in counts.items():
            metrics.HISTORY_RECORDS.labels(self._names[topic], "written").inc(count)
