"""The search for the highest rate that is held: up in steps until one fails, then in between. Pure.

A rate is held when everything published at it arrived, in time, with nothing left behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import Final

# Steps up cost a run each; half as much again finds 1,500 from 400 in four.
GROWTH: Final = 1.5
# Two runs at one rate differ by more than this, so looking closer would be looking at noise.
PRECISION: Final = 0.05
PRECISION_QUICK: Final = 0.25
# Below it there is nothing to find.
RATE_MIN: Final = 10.0
# A publisher in Python cannot keep it up, so nothing above would be the system's doing.
RATE_MAX: Final = 20_000.0

P95_MS_MAX: Final = 1_000.0
# What is still on its way when publishing ends has so long; more is a backlog.
TAIL_S_MAX: Final = 2.0


def is_held(figures: Mapping[str, float]) -> bool:
    """Whether a run's figures say that its rate was held."""
    return (
        figures.get("lost", 1) == 0
        and figures.get("parked", 0) == 0
        and figures.get("p95_ms", P95_MS_MAX) < P95_MS_MAX
        and figures.get("tail_s", TAIL_S_MAX) < TAIL_S_MAX
        # An event that was published late has its lateness left out of its latency.
        and figures.get("publisher_late_ms", P95_MS_MAX) < P95_MS_MAX
    )


class StepSearch:
    """Ask `rate`, try it, tell how it went, until there is no further rate to try."""

    def __init__(
        self, start: float, *, growth: float = GROWTH, precision: float = PRECISION
    ) -> None:
        """Begin at `start` events a second."""
        self._next: float | None = min(max(start, RATE_MIN), RATE_MAX)
        self._growth = growth
        self._precision = precision
        self.held: float | None = None
        self.failed: float | None = None

    @property
    def rate(self) -> float | None:
        """The rate to try now; None when the search is over."""
        return self._next

    def tell(self, *, held: bool) -> None:
        """Take in whether the rate to try was held."""
        if self._next is None:
            return
        if held:
            self.held = self._next
        else:
            self.failed = self._next
        self._next = self._following()

    def _following(self) -> float | None:
        if self.failed is None:
            up = min((self.held or RATE_MIN) * self._growth, RATE_MAX)
            return up if self.held is None or up > self.held else None
        if self.held is None:
            down = self.failed / 2
            return down if down >= RATE_MIN else None
        if self.failed / self.held <= 1 + self._precision:
            return None
        return sqrt(self.held * self.failed)
