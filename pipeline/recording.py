"""Where a recorder begins to read a partition, given how far the history has come.

The history's own place counts, not what the group has committed. Where the topic has moved on
without us, the records in between are gone; where it ends before our place, it is another topic by
the same name, or lost its end, and is read from its beginning.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Start:
    """The offset to begin at; how many records were removed unread; whether our place is void."""

    offset: int
    removed: int = 0
    is_anew: bool = False


def start_of(place: int | None, low: int, high: int) -> Start:
    """Where to begin in a partition whose records lie from `low` until before `high`."""
    if place is None:
        return Start(low)
    if place > high:
        return Start(low, is_anew=True)
    return Start(max(place, low), removed=max(low - place, 0))
