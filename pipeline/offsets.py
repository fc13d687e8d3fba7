"""What may be committed: the unbroken run of completed records from the first one handed out.

One tracker serves one partition for as long as it is assigned; a new assignment starts a new one,
so that a result which comes too late finds nothing to complete. Each record brings a *floor* along:
how far the partition's attempts had been read when it arrived. Committed with the position, the
floor of the oldest open record says where reading the attempts back has to begin.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Position:
    """The next offset to commit, and the floor of the record that stands there."""

    offset: int
    floor: int


class OffsetTracker:
    """Open and completed records of one partition during one assignment."""

    def __init__(self) -> None:
        """Begin with nothing handed out."""
        # offset -> [floor, completed], in the order handed out, which is the order of offsets
        self._records: OrderedDict[int, list[int]] = OrderedDict()
        self._next: int | None = None
        self._floor = 0

    @property
    def open(self) -> int:
        """Records handed out that do not lie below the position yet."""
        return len(self._records)

    @property
    def next_offset(self) -> int | None:
        """The offset after the last record handed out; None when nothing was."""
        return self._next

    def handed_out(self, offset: int, floor: int) -> None:
        """Note a record read from the partition; offsets only ever grow."""
        if self._next is not None and offset < self._next:
            raise ValueError(f"offset {offset} comes after {self._next - 1} was handed out")
        self._records[offset] = [floor, False]
        self._next = offset + 1
        self._floor = max(self._floor, floor)

    def completed(self, offset: int) -> None:
        """Note that a record is done with; one that is not open here is ignored."""
        record = self._records.get(offset)
        if record is not None:
            record[1] = True

    def position(self) -> Position | None:
        """Where the unbroken run of completed records ends; None when nothing was handed out.

        Offsets the broker never returned (removed, or transaction markers) lie within the run.
        """
        while self._records:
            offset, (floor, is_completed) = next(iter(self._records.items()))
            if not is_completed:
                return Position(offset, floor)
            del self._records[offset]
        return None if self._next is None else Position(self._next, self._floor)
