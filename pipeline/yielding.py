"""Retries and replays give way while first attempts wait longer for them than they would alone.

A hundred thousand retries that come due at once would fill a small machine, and first attempts
would wait behind them however the turns are dealt: what is scarce is the processor. So the time a
first attempt waits is compared with what it is when nothing else is asked for. Once it is too long,
retries and replays together are held to a rate, which halves while that lasts and grows again when
it is over: additive increase would take minutes to find a rate, so both are by factors. They are
never held below a share of the rate of first attempts, so that they come to an end on any machine.

Waits are milliseconds from a job's being made to its start. A clock that is ahead of another one by
always the same makes no difference, since waits are only compared.
"""

from __future__ import annotations

from typing import Final

from pipeline.rates import TokenBucket

# Long enough for a percentile at some hundred a second; where fewer come, it is longer.
WINDOW_MS: Final = 500
SAMPLES_MIN: Final = 20
# With fewer first attempts in so long a time there is nobody to give way to.
QUIET_MS: Final = 4 * WINDOW_MS
# First attempts may wait a fifth longer than alone, and what a clock of milliseconds cannot tell.
TOLERATED: Final = 1.2
TOLERATED_MS: Final = 1.0
# How much a window of calm counts in what is known of the wait alone.
_CALM_WEIGHT: Final = 0.2
_SLOWER: Final = 0.5
_QUICKER: Final = 1.15
# An eighth of what first attempts take; and at least this, or the last ones would take hours.
SHARE_MIN: Final = 0.125
PER_S_MIN: Final = 20.0
# So few that the wait is as good as alone. Were it not learned from them too, first attempts that
# wait because they themselves have become many would hold the others down for ever.
_ABOUT: Final = 1.3
# More than a sender can do: whoever may be as fast as that is not held at all.
PER_S_MAX: Final = 2_000.0
# A tenth of a second's worth may go at once.
_BURST_S: Final = 0.1


class Yielding:
    """What first attempts wait, and how fast the others may be."""

    def __init__(self) -> None:
        """Hold nobody, and know nothing of the wait yet."""
        self.per_s: float | None = None
        self._alone_ms: float | None = None
        self._began_ms: int | None = None
        self._waits_ms: list[int] = []
        self._others = 0
        self._bucket: TokenBucket | None = None

    def first_began(self, waited_ms: int, now_ms: int) -> None:
        """A first attempt begins, so long after its job was made."""
        self._waits_ms.append(waited_ms)
        self._look(now_ms)

    def other_began(self, now_ms: int) -> None:
        """A retry or a replay begins."""
        self._others += 1
        if self._bucket is not None:
            self._bucket.try_take(now_ms / 1_000)
        self._look(now_ms)

    def may_begin(self, now_ms: int) -> bool:
        """Whether a retry or a replay may begin now."""
        self._look(now_ms)
        return self._bucket is None or self._bucket.available(now_ms / 1_000) >= 1

    def next_ms(self, now_ms: int) -> int | None:
        """When one may begin that may not now; None when nobody is held."""
        if self._bucket is None:
            return None
        return int(self._bucket.ready_at_s(now_ms / 1_000) * 1_000) + 1

    def _look(self, now_ms: int) -> None:
        """End a window that has lasted long enough, and draw the conclusion."""
        if self._began_ms is None or now_ms < self._began_ms:  # the first, or the clock was set
            self._began_ms = now_ms
            return
        passed_ms = now_ms - self._began_ms
        if passed_ms < WINDOW_MS or (len(self._waits_ms) < SAMPLES_MIN and passed_ms < QUIET_MS):
            return
        self._conclude(passed_ms / 1_000, now_ms)
        self._began_ms, self._waits_ms, self._others = now_ms, [], 0

    def _conclude(self, passed_s: float, now_ms: int) -> None:
        first_per_s, others_per_s = len(self._waits_ms) / passed_s, self._others / passed_s
        if len(self._waits_ms) < SAMPLES_MIN:
            self._hold_to(None, now_ms)
            return
        wait_ms = sorted(self._waits_ms)[len(self._waits_ms) * 9 // 10]
        least_per_s = max(PER_S_MIN, first_per_s * SHARE_MIN)
        if others_per_s <= least_per_s * _ABOUT:
            self._learn(wait_ms)
        if self._alone_ms is None or wait_ms <= self._alone_ms * TOLERATED + TOLERATED_MS:
            self._hold_to(None if self.per_s is None else self.per_s * _QUICKER, now_ms)
        elif self._others:
            now_per_s = min(others_per_s, self.per_s or others_per_s)
            self._hold_to(max(now_per_s * _SLOWER, least_per_s), now_ms)

    def _learn(self, wait_ms: int) -> None:
        known_ms = self._alone_ms
        self._alone_ms = (
            float(wait_ms) if known_ms is None else known_ms + (wait_ms - known_ms) * _CALM_WEIGHT
        )

    def _hold_to(self, per_s: float | None, now_ms: int) -> None:
        self.per_s = None if per_s is None or per_s >= PER_S_MAX else per_s
        if self.per_s is None:
            self._bucket = None
            return
        capacity = max(int(self.per_s * _BURST_S), 1)
        self._bucket = TokenBucket(capacity, self.per_s, now_s=now_ms / 1_000)
        self._bucket.try_take(now_ms / 1_000, capacity)  # a new rate is no reason for a burst
