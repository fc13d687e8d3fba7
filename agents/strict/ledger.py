"""The account of every record handed to the agent: which is expected next, which are done.

A partition is known from the moment it is positioned until it is forgotten. Its records are handed
out in unbroken order, and only the unbroken run of finished ones may be committed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from faust.types import TP

from pipeline.offsets import OffsetTracker


@dataclass(slots=True)
class _Partition:
    expected: int
    tracker: OffsetTracker = field(default_factory=OffsetTracker)


class Ledger:
    """What was handed out and what is finished, by partition. For one event loop's use."""

    def __init__(self) -> None:
        """Know no partition yet."""
        self._partitions: dict[TP, _Partition] = {}

    @property
    def partitions(self) -> tuple[TP, ...]:
        """Every partition that has a position."""
        return tuple(self._partitions)

    def restart(self, positions: Mapping[TP, int]) -> None:
        """Begin anew at these positions; everything handed out before is forgotten."""
        self._partitions = {tp: _Partition(offset) for tp, offset in positions.items()}

    def forget(self, partitions: Iterable[TP]) -> None:
        """Know nothing more of these partitions."""
        for tp in partitions:
            self._partitions.pop(tp, None)

    def expected(self, tp: TP) -> int | None:
        """The offset that is to be handed out next; None for a partition without a position."""
        partition = self._partitions.get(tp)
        return None if partition is None else partition.expected

    def hand_out(self, tp: TP, offset: int) -> None:
        """Note that the record at `offset` goes to the agent."""
        partition = self._partitions[tp]
        partition.tracker.handed_out(offset, 0)
        partition.expected = offset + 1

    def finish(self, tp: TP, offset: int) -> None:
        """Note that everything that follows from a record is written and acknowledged."""
        partition = self._partitions.get(tp)
        if partition is not None:
            partition.tracker.completed(offset)

    def committable(self, tp: TP) -> int | None:
        """The offset after the unbroken run of finished records; None when none was handed out."""
        partition = self._partitions.get(tp)
        position = None if partition is None else partition.tracker.position()
        return None if position is None else position.offset

    def oldest_open(self, tp: TP) -> int | None:
        """The first record handed out and not finished; None when all are."""
        committable, expected = self.committable(tp), self.expected(tp)
        return None if committable == expected else committable
