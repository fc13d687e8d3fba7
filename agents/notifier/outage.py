"""A server that did not answer is left alone for a moment: what waits for it comes again later."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

# Shorter than the first delay after which a message comes back, so that each gets its own try then.
QUIET_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Away:
    """Why nothing is asked of the server at present."""

    reason: str
    detail: str


class Outage:
    """Whether a server was away a moment ago."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Count time by `clock`."""
        self._clock = clock
        self._away = Away("", "")
        self._until_s = float("-inf")

    @property
    def now(self) -> Away | None:
        """What was wrong, while that is not long ago."""
        return self._away if self._clock() < self._until_s else None

    def begins(self, reason: str, detail: str) -> None:
        """Leave the server alone from now on for a moment."""
        self._away = Away(reason, f"not tried, as a moment ago it was: {detail}")
        self._until_s = self._clock() + QUIET_S
