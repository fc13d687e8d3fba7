"""What one endpoint bears: requests in flight at once, and requests a second.

Concurrency is additive increase, multiplicative decrease. It starts low, so that an endpoint which
never answers holds few slots from the first second on, and grows by one for each full round of
answers. After a breaker has closed it starts at one: whatever is parked must not flood an endpoint
that has just come back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from pipeline.rates import TokenBucket

# Enough for hundreds of requests a second to a quick endpoint, few enough for fifty hung ones.
CONCURRENCY_START: Final = 4
# A twentieth of a second's requests may go at once: a timer is late by milliseconds, and what it
# is late by would be lost to the rate for ever.
BURSTS_PER_S: Final = 20
# A clock that goes back by more was set; the bucket's times mean nothing any more then.
CLOCK_STEP_MS: Final = 1_000


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


class Rate:
    """A webhook's `rate_limit`: in any span, `per_second` of it and a burst, never more."""

    def __init__(self, per_second: float, now_ms: int) -> None:
        """Begin with a full burst."""
        self.per_second = per_second
        self._bucket = self._full(now_ms)
        self._seen_ms = now_ms

    def take(self, now_ms: int) -> None:
        """Use a token that is there."""
        self._at(now_ms).try_take(now_ms / 1_000)

    def wait_ms(self, now_ms: int, count: int = 1) -> int:
        """How long until `count` tokens have come, if all that come are kept; 0: they are here."""
        missing = count - self._at(now_ms).available(now_ms / 1_000)
        return max(math.ceil(missing / self.per_second * 1_000), 1) if missing > 0 else 0

    def full_in_ms(self, now_ms: int) -> int:
        """How long until it is as good as new."""
        return self.wait_ms(now_ms, self._bucket.capacity)

    def _at(self, now_ms: int) -> TokenBucket:
        if now_ms + CLOCK_STEP_MS < self._seen_ms:
            self._bucket = self._full(now_ms)
        self._seen_ms = now_ms
        return self._bucket

    def _full(self, now_ms: int) -> TokenBucket:
        burst = max(int(self.per_second) // BURSTS_PER_S, 1)
        return TokenBucket(burst, self.per_second, now_s=now_ms / 1_000)
