"""What the scheduler knows of one partition of a tier: where it is, what it holds back, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pipeline.due import Due, Verdict, longest_s, verdict
from pipeline.sightings import Arrival, Sightings
from schemas.tiers import Tier

# A twentieth of the delay: finer than the tenth by which delays are drawn apart.
_SIGHTINGS: Final = 20

# Machines that keep time agree to much less than this.
_TOLERANCE_S: Final = 1.0

# Clocks that have agreed for so long disagree anew when they do; until then it is one occurrence.
_OCCURRENCE_S: Final = 300.0


@dataclass(frozen=True, slots=True)
class Held:
    """The head of a partition, which is not due yet."""

    offset: int
    due: Due
    arrival: Arrival


class TierPartition:
    """One partition during one assignment. Of its records it keeps none."""

    def __init__(self, tier: Tier, next_offset: int) -> None:
        """Begin at `next_offset`."""
        self.tier = tier
        self.next_offset = next_offset
        self.held: Held | None = None
        self._woken_offset = -1
        self._last: tuple[int, int] | None = None  # when it was written, and when it is due
        self._disagreed_at_s = -_OCCURRENCE_S
        self._sightings = Sightings(spacing_s=longest_s(tier) / _SIGHTINGS, span_s=longest_s(tier))

    def saw(self, end: int, *, asked_at_s: float, answered_at_s: float) -> None:
        """Take in where the log ends."""
        self._sightings.saw(end, asked_at_s=asked_at_s, answered_at_s=answered_at_s)

    def judged(self, offset: int, due: Due, *, wall_ms: int, now_s: float) -> Verdict:
        """When the record at `offset` is due; one that was woken is."""
        if offset == self._woken_offset:
            return Verdict(now_s)
        arrival = self._sightings.of(offset)
        return verdict(due, self.tier, arrival, wall_ms=wall_ms, now_s=now_s)

    def hold(self, offset: int, due: Due, now_s: float) -> None:
        """Stay at a head that is not due; it has been there since `now_s` at the latest."""
        arrival = self._sightings.of(offset)
        there_s = now_s if arrival.before_s is None else min(arrival.before_s, now_s)
        self.held = Held(offset, due, Arrival(arrival.after_s, there_s))

    def verdict_on_held(self, held: Held, *, wall_ms: int, now_s: float) -> Verdict:
        """When the head is due, as the clocks stand now."""
        return verdict(held.due, self.tier, held.arrival, wall_ms=wall_ms, now_s=now_s)

    def wake(self, held: Held) -> None:
        """Let the head go: it is due when it comes again, whatever the clocks say then."""
        self._woken_offset = held.offset
        self.held = None

    def read(self, written_ms: int | None, due_ms: int) -> None:
        """Note the record that was looked at last."""
        self._last = (due_ms if written_ms is None else written_ms, due_ms)

    def begins_to_disagree(self, found: Verdict, now_s: float) -> bool:
        """Whether a verdict proves, for the first time in a while, that clocks disagree."""
        if abs(found.disagreement_s) < _TOLERANCE_S:
            return False
        was_agreed = now_s - self._disagreed_at_s >= _OCCURRENCE_S
        self._disagreed_at_s = now_s
        return was_agreed

    def waiting(self, end: int) -> int:
        """Records between the next one and the log's end."""
        return max(end - self.next_offset, 0)

    def oldest(self, end: int, wall_ms: int) -> tuple[float, float] | None:
        """Age of the oldest record that waits, and how long it has been due; None without one."""
        if self._last is None or not self.waiting(end):
            return None
        written_ms, due_ms = self._last
        return (wall_ms - written_ms) / 1_000, (wall_ms - due_ms) / 1_000
