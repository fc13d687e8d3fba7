"""When a partition's records arrived, as far as is known from having asked where its log ends.

A record below an end was there when that end was told; one at or above it came after it was asked
for. Both are monotonic times of one process, so they hold whatever any wall clock does.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Arrival:
    """A record came after `after_s` and before `before_s`; None where nothing is known."""

    after_s: float | None
    before_s: float | None


@dataclass(slots=True)
class _Sighting:
    """An end of the log: told first at `first_s`, asked for last at `last_s`."""

    end: int
    first_s: float
    last_s: float


class Sightings:
    """The ends of one partition's log, as finely as `spacing_s` and as far back as `span_s`.

    Coarser knowledge is true all the same: a record came a little after the one and a little before
    the other. So their number is bounded by `span_s / spacing_s` and a few.
    """

    def __init__(self, *, spacing_s: float, span_s: float) -> None:
        """Begin with nothing seen."""
        self._spacing_s = spacing_s
        self._span_s = span_s
        self._seen: list[_Sighting] = []

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._seen)

    def saw(self, end: int, *, asked_at_s: float, answered_at_s: float) -> None:
        """Take in where the log ended at some moment between the two times."""
        seen = self._seen
        if seen and end <= seen[-1].end:
            if end == seen[-1].end:
                seen[-1].last_s = asked_at_s
            return
        if len(seen) > 1 and answered_at_s - seen[-2].first_s < self._spacing_s:
            seen.pop()
        seen.append(_Sighting(end, answered_at_s, asked_at_s))
        while len(seen) > 1 and seen[1].first_s < answered_at_s - self._span_s:
            del seen[0]

    def of(self, offset: int) -> Arrival:
        """When the record at `offset` arrived."""
        after_s = None
        for sighting in self._seen:
            if sighting.end > offset:
                return Arrival(after_s, sighting.first_s)
            after_s = sighting.last_s
        return Arrival(after_s, None)
