"""The partitions a consumer has: what is open in each, how much in all, what may be committed.

Bookkeeping only, for the one thread that consumes. In a sender the lanes' topics are paired by
partition number: all three share the partition of the attempts topic whose end is their floor.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pipeline.offsets import OffsetTracker, Position

# Jobs read and not completed. What is more waits in Kafka; a crash repeats what was in flight.
WINDOW_JOBS_MAX: Final = 4_000
WINDOW_BYTES_MAX: Final = 64 * 1024 * 1024
# Reading goes on when a quarter is free, not at the first free place: pausing costs a refetch.
_RESUME_BELOW: Final = 0.75


class Place(NamedTuple):
    """Where a job was read: its lane's topic, without prefix, and during which assignment."""

    topic: str
    partition: int
    epoch: int
    offset: int


Key = tuple[str, int]


@dataclass(slots=True)
class Span:
    """The attempts of a partition number that were read back: from `start` up to `end`.

    `reached` says, for each lane's partition, of which of its jobs they tell last.
    """

    start: int
    end: int
    reached: dict[Key, int] = field(default_factory=dict)

    def tells_of(self, key: Key, offset: int) -> None:
        """Take in that a record in the span tells of the job at `offset`."""
        self.reached[key] = max(self.reached.get(key, -1), offset)


@dataclass(slots=True)
class _Assignment:
    epoch: int
    start: int
    reached: int
    tracker: OffsetTracker = field(default_factory=OffsetTracker)
    sizes: dict[int, int] = field(default_factory=dict)
    committed: Position | None = None


_NOTHING: Final = Span(0, 0)


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

    def holds(self, key: Key) -> bool:
        """Whether a partition is held."""
        return key in self._held

    def held_under(self, epochs: frozenset[int]) -> list[Key]:
        """The partitions that are held under one of these assignments."""
        return [key for key, assignment in self._held.items() if assignment.epoch in epochs]

    def jobs_of(self, topics: Container[str]) -> int:
        """How many jobs of these topics are open."""
        return sum(len(it.sizes) for key, it in self._held.items() if key[0] in topics)

    def epochs(self, keys: list[Key]) -> frozenset[int]:
        """The assignments under which these partitions are held now."""
        return frozenset(self._held[key].epoch for key in keys if key in self._held)

    def assign(self, keys: list[Key], spans: Mapping[int, Span]) -> None:
        """Begin a new assignment for each partition; `spans` is what is on record of their jobs."""
        self.forget(keys)
        for number, span in spans.items():
            self._attempt_ends[number] = span.end
        for key in keys:
            self._epochs += 1
            span = spans.get(key[1], _NOTHING)
            reached = span.reached.get(key, -1)
            self._held[key] = _Assignment(self._epochs, span.start, reached)

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
        size_bytes = assignment.sizes.pop(place.offset, None)
        if size_bytes is None:  # it was closed before
            return
        assignment.tracker.completed(place.offset)
        self.jobs -= 1
        self.size_bytes -= size_bytes
        if attempt_offset is not None:
            end = max(self._attempt_ends.get(place.partition, 0), attempt_offset + 1)
            self._attempt_ends[place.partition] = end

    def position(self, key: Key) -> Position | None:
        """What may be committed for a partition, and the floor for reading its attempts back.

        With nothing open the floor is the end. But as long as jobs remain that an earlier owner
        recorded, it stays where this owner began to read back: the next one has to find them too.
        """
        assignment = self._held.get(key)
        position = None if assignment is None else assignment.tracker.position()
        if assignment is None or position is None:
            return None
        floor = position.floor
        if not assignment.tracker.open:
            floor = self._attempt_ends.get(key[1], floor)
        if position.offset <= assignment.reached:
            floor = min(floor, assignment.start)
        return Position(position.offset, floor)

    def next_offset(self, key: Key) -> int | None:
        """The offset after the last record handed out; None when nothing was."""
        assignment = self._held.get(key)
        return None if assignment is None else assignment.tracker.next_offset

    def oldest_open(self, key: Key) -> int | None:
        """The first offset that was handed out and is not completed."""
        position = self.position(key)
        return position.offset if position and self._held[key].sizes else None

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
