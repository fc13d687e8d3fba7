"""The partitions a consumer has: what is open in each, how much in all, what may be committed.

Bookkeeping only, for the one thread that consumes. In a sender the lanes' topics are paired by
partition number: all three share the partition of the attempts topic whose end is their floor.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from pipeline.offsets import OffsetTracker, Position

# Jobs read and not completed. What is more waits in Kafka; a crash repeats what was in flight.
WINDOW_JOBS_MAX: Final = 4_000
WINDOW_BYTES_MAX: Final = 64 * 1024 * 1024
# Reading goes on when a quarter is free, not at the first free place: pausing costs a refetch.
_RESUME_BELOW: Final = 0.75


@dataclass(frozen=True, slots=True)
class Place:
    """Where a job was read: its lane's topic, without prefix, and during which assignment."""

    topic: str
    partition: int
    epoch: int
    offset: int


@dataclass(slots=True)
class _Assignment:
    epoch: int
    tracker: OffsetTracker = field(default_factory=OffsetTracker)
    sizes: dict[int, int] = field(default_factory=dict)
    committed: Position | None = None


Key = tuple[str, int]


class Assignments:
    """All partitions of all lanes. `jobs` and `size_bytes` are what is open."""

    def __init__(self) -> None:
        """Begin without partitions."""
        self._held: dict[Key, _Assignment] = {}
        self._attempt_ends: dict[int, int] = {}
        self._epochs = 0
        self.jobs = 0
        self.size_bytes = 0

    @property
    def keys(self) -> list[Key]:
        """The partitions held, as (topic, partition)."""
        return list(self._held)

    def epochs(self, keys: list[Key]) -> frozenset[int]:
        """The assignments under which these partitions are held now."""
        return frozenset(self._held[key].epoch for key in keys if key in self._held)

    def assign(self, keys: list[Key], attempt_ends: dict[int, int]) -> None:
        """Begin a new assignment for each partition; `attempt_ends` are their attempts' ends."""
        self._attempt_ends.update(attempt_ends)
        for key in keys:
            self._epochs += 1
            self._held[key] = _Assignment(self._epochs)

    def forget(self, keys: list[Key]) -> None:
        """End these assignments: what is completed later counts for nothing."""
        for key in keys:
            assignment = self._held.pop(key, None)
            if assignment is not None:
                self.jobs -= len(assignment.sizes)
                self.size_bytes -= sum(assignment.sizes.values())

    def handed_out(self, key: Key, offset: int, size_bytes: int) -> Place | None:
        """Open a job; None when the partition is not held any more."""
        assignment = self._held.get(key)
        if assignment is None:
            return None
        assignment.tracker.handed_out(offset, self._attempt_ends.get(key[1], 0))
        assignment.sizes[offset] = size_bytes
        self.jobs += 1
        self.size_bytes += size_bytes
        return Place(*key, assignment.epoch, offset)

    def completed(self, place: Place, attempt_offset: int | None) -> None:
        """Close a job; `attempt_offset` is where its attempt was recorded, if it was."""
        assignment = self._held.get((place.topic, place.partition))
        if assignment is None or assignment.epoch != place.epoch:
            return
        assignment.tracker.completed(place.offset)
        self.jobs -= 1
        self.size_bytes -= assignment.sizes.pop(place.offset)
        if attempt_offset is not None:
            end = max(self._attempt_ends.get(place.partition, 0), attempt_offset + 1)
            self._attempt_ends[place.partition] = end

    def position(self, key: Key) -> Position | None:
        """What may be committed for a partition; with nothing open its floor is the end."""
        assignment = self._held.get(key)
        position = None if assignment is None else assignment.tracker.position()
        if assignment is None or position is None or assignment.tracker.open:
            return position
        return Position(position.offset, self._attempt_ends.get(key[1], position.floor))

    def uncommitted(self, keys: list[Key]) -> dict[Key, Position]:
        """Positions that moved since they were last given out here."""
        moved = {}
        for key in keys:
            position = self.position(key)
            if position is not None and position != self._held[key].committed:
                self._held[key].committed = position
                moved[key] = position
        return moved

    def distrust_commits(self) -> None:
        """A commit failed: count every position as not committed."""
        for assignment in self._held.values():
            assignment.committed = None

    def wants_pause(self, *, is_paused: bool) -> bool:
        """Whether reading should stand still, given whether it does now."""
        use = max(self.jobs / WINDOW_JOBS_MAX, self.size_bytes / WINDOW_BYTES_MAX)
        return use >= (_RESUME_BELOW if is_paused else 1)
