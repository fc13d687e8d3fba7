"""Whether records come so fast that it pays to gather them for a moment.

A request for records costs the broker and its client about as much as a record does. Where a few
hundred come in a second, each is worth a request of its own and the milliseconds that saves; where
many do, the processors are better used for the records. The time is monotonic seconds.
"""

from __future__ import annotations

from typing import Final

# Long enough that chance does not look like a rate, short enough that a burst is noticed.
WINDOW_S: Final = 0.2
# About a third of what two cores hold.
GATHER_FROM_PER_S: Final = 400
# Apart, so that a rate in between does not switch to and fro.
GATHER_UNTIL_PER_S: Final = 300


class Gathering:
    """Counts records, and says after each window whether the next are to be gathered."""

    def __init__(self, *, now_s: float) -> None:
        """Take records as they come, until they have come fast for a window."""
        self.is_on = False
        self._began_s = now_s
        self._records = 0

    def took(self, records: int, *, now_s: float) -> bool:
        """So many have come just now; whether the next are to be gathered."""
        self._records += records
        passed_s = now_s - self._began_s
        if passed_s >= WINDOW_S:
            least_per_s = GATHER_UNTIL_PER_S if self.is_on else GATHER_FROM_PER_S
            self.is_on = self._records >= least_per_s * passed_s
            self._began_s, self._records = now_s, 0
        return self.is_on
