"""How many requests one endpoint may have in flight: additive increase, multiplicative decrease.

It starts low, so that an endpoint which never answers holds few slots from the first second on, and
grows by one for each full round of answers. Time has no part in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# Enough for hundreds of requests a second to a quick endpoint, few enough for fifty hung ones.
CONCURRENCY_START: Final = 4


@dataclass(slots=True)
class Concurrency:
    """One endpoint's limit, and the answers since it last changed."""

    limit: int = CONCURRENCY_START
    answers: int = 0

    def answered(self, ceiling: int) -> None:
        """Count an answer in good time; a full round of them raises the limit by one."""
        self.answers += 1
        if self.answers >= self.limit:
            self.limit = min(self.limit + 1, ceiling)
            self.answers = 0

    def overloaded(self, ceiling: int) -> None:
        """Note a sign of overload (timeout, 429, 503, no connection): halve what is in use."""
        self.limit = max(1, min(self.limit, ceiling) // 2)
        self.answers = 0
