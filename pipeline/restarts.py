"""When a process that died is started again: soon at first, ever later while it goes on dying."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FIRST_DELAY_MS: Final = 500
# Long enough to cost nothing, short enough that a broker which is back is found by itself.
DELAY_MS_MAX: Final = 30_000
# Whoever lived this long did its work, so its end is a new story.
HEALTHY_AFTER_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Restarts:
    """How often one process was started again, and the delay of the next time in milliseconds."""

    count: int = 0
    delay_ms: int = FIRST_DELAY_MS

    def after(self, lived_ms: int) -> Restarts:
        """The process died after `lived_ms`: wait for the result's `delay_ms`, then start it."""
        if lived_ms >= HEALTHY_AFTER_MS or self.count == 0:
            return Restarts(self.count + 1, FIRST_DELAY_MS)
        return Restarts(self.count + 1, min(2 * self.delay_ms, DELAY_MS_MAX))
