"""Which jobs are repeats: those that are being worked on, or whose attempt is on record already.

Filled from the attempts read back when a partition is assigned, and from every attempt recorded
since. How far a delivery has come is a pair (attempt, deferrals): a deferral on record makes
repeats of just that job, an attempt makes repeats of all jobs for it, an end of every job.
Bounded: the oldest deliveries are forgotten first, which can cost a repeat, never a loss.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, Literal

# About 25 MB. At 1,000 deliveries a second it reaches back well over a minute, and what is
# repeated after a crash is a matter of seconds.
DELIVERIES_MAX: Final = 100_000

# Beyond any attempt or deferral that a delivery can have.
_ALL: Final = 1 << 40


class Suppression:
    """How far each delivery has come, on record and in this process's hands."""

    def __init__(self, deliveries_max: int = DELIVERIES_MAX) -> None:
        """Remember up to `deliveries_max` recorded deliveries."""
        self._recorded: OrderedDict[str, tuple[int, int]] = OrderedDict()
        self._open: dict[str, tuple[int, int]] = {}
        self._deliveries_max = deliveries_max

    def __len__(self) -> int:
        """Recorded deliveries remembered."""
        return len(self._recorded)

    def admits(self, delivery_id: str, attempt: int, deferrals: int) -> bool:
        """Whether a job is no repeat; if so it counts as being worked on from here."""
        reach = (attempt, deferrals)
        if max(self._known(delivery_id), self._open.get(delivery_id, (0, 0))) >= reach:
            return False
        self._open[delivery_id] = reach
        return True

    def note(
        self, delivery_id: str, attempt: int, deferrals: int, step: Literal["retry", "defer", "end"]
    ) -> None:
        """A record of a delivery was written or read back, after which `step` follows."""
        self._open.pop(delivery_id, None)
        reach = {"defer": (attempt, deferrals), "retry": (attempt, _ALL), "end": (_ALL, _ALL)}[step]
        known = self._known(delivery_id)
        self._recorded.pop(delivery_id, None)
        self._recorded[delivery_id] = max(known, reach)
        if len(self._recorded) > self._deliveries_max:
            self._recorded.popitem(last=False)

    def let_go(self, delivery_id: str) -> None:
        """A job is no longer worked on here, without a record: whoever has it next may."""
        self._open.pop(delivery_id, None)

    def _known(self, delivery_id: str) -> tuple[int, int]:
        return self._recorded.get(delivery_id, (0, 0))
