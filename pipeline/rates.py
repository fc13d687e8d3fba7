"""How much may go within a time: a token bucket that is told the time.

What a bucket lets through in any span is at most its capacity and what is refilled in that span.
The time is monotonic seconds; one that runs backwards refills nothing and takes nothing away.
"""

from __future__ import annotations


class TokenBucket:
    """`capacity` tokens at most, `per_s` of them refilled each second; it begins full."""

    def __init__(self, capacity: int, per_s: float, *, now_s: float) -> None:
        """Raises ValueError when nothing could ever be taken."""
        if capacity < 1 or per_s <= 0:
            raise ValueError(f"{capacity} tokens and {per_s} a second let nothing through")
        self.capacity = capacity
        self.per_s = per_s
        self._tokens = float(capacity)
        self._at_s = now_s

    def available(self, now_s: float) -> float:
        """Tokens there are now; a part of one counts for nothing yet."""
        self._refill(now_s)
        return self._tokens

    def try_take(self, now_s: float, count: int = 1) -> bool:
        """Take `count` tokens, or none when there are fewer."""
        self._refill(now_s)
        if self._tokens < count:
            return False
        self._tokens -= count
        return True

    def ready_at_s(self, now_s: float, count: int = 1) -> float:
        """When `count` tokens are there, if nobody takes any before; raises ValueError if never."""
        if count > self.capacity:
            raise ValueError(f"there are never {count} tokens, {self.capacity} at most")
        self._refill(now_s)
        return self._at_s + max(count - self._tokens, 0) / self.per_s

    def _refill(self, now_s: float) -> None:
        if now_s > self._at_s:
            filled = self._tokens + (now_s - self._at_s) * self.per_s
            self._tokens = min(filled, float(self.capacity))
            self._at_s = now_s
