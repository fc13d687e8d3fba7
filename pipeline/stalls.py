"""When something that ought to move has stood still for too long: a decision on what is seen.

Whoever looks says what is waited for, as texts that change as soon as there is progress ("unread:
offset 12 of jobs/3"), and how long each may take. A restart then turns a stall, whose cause we may
not know, into a few repeats.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

# Three times the longest pause that a healthy agent was seen to make after a broker's restart.
STALL_S: Final = 30

# Looks are a second apart, and an answer of the broker takes another at the most. A longer gap
# means that the process did not run: that is no fault of what it waits for.
FROZEN_S: Final = 5


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a partition has come.

    `expected` is the next offset to read, None when that is not known yet. `end` is the offset
    after the last record there is to read now; None when reading rightly stands still.
    """

    oldest_open: int | None
    expected: int | None
    end: int | None


def waits_of(
    name: str,
    progress: Progress,
    stall_s: float,
    open_s_max: float = 0,
    *,
    unread_s: float | None = None,
) -> dict[str, float]:
    """What a partition waits for, and for how long it may.

    `open_s_max` is how long a record may rightly be in hand, `unread_s` how long one may rightly
    wait to be read (None: `stall_s`).
    """
    waits: dict[str, float] = {}
    if progress.oldest_open is not None:
        waits[f"unfinished: offset {progress.oldest_open} of {name}"] = stall_s + open_s_max
    if progress.end is not None and progress.end > (progress.expected or 0):
        unread_s = stall_s if unread_s is None else unread_s
        waits[f"unread: offset {progress.expected} of {name}"] = unread_s
    return waits


class StallClock:
    """Says what has stood still for longer than it may, given what is seen and when."""

    def __init__(self) -> None:
        """Have seen nothing."""
        self._since: dict[str, float] = {}
        self._looked_at_s: float | None = None

    def reset(self) -> None:
        """Count from anew: what was seen last is no measure for what comes."""
        self._since = {}

    def stalled(self, now_s: float, waits: Mapping[str, float]) -> str | None:
        """What has been waited for too long; `waits` are all of them, each with its seconds."""
        if self._looked_at_s is not None and now_s - self._looked_at_s > FROZEN_S:
            self.reset()
        self._looked_at_s = now_s
        self._since = {wait: self._since.get(wait, now_s) for wait in waits}
        for wait, since_s in self._since.items():
            if now_s - since_s >= waits[wait]:
                return f"{wait} for {waits[wait]:g} s"
        return None
