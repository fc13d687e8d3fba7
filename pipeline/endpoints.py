"""What is known of one webhook's endpoint, and what that allows: places, tokens, its breaker.

Kept while the webhook has work, or while the endpoint is worse off than one nobody knows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from pipeline.breaker import CLOSED, Breaker, after
from pipeline.deferrals import Deferral
from pipeline.limits import CONCURRENCY_START, Concurrency, Rate

# Jobs one webhook may have waiting here; what is more waits in a tier, where it costs no memory.
QUEUE_MAX: Final = 256
# A job that waited so long moves to a tier: it would hold back what its partition may commit.
WAIT_MS_MAX: Final = 10_000

# What the end of a job says of its endpoint: it answered; it failed, but in good time; it had too
# much to do, or did not answer; or nothing, as it was not asked after all.
Sign = Literal["answered", "unwell", "overloaded", "none"]
# What keeps jobs that are queued from being started.
Hold = Literal["breaker", "rate", "concurrency"]
HOLDS: Final[tuple[Hold, ...]] = ("breaker", "rate", "concurrency")


@dataclass(frozen=True, slots=True)
class Terms:
    """What a webhook says of how its endpoint may be used."""

    concurrency_max: int
    per_second: float | None = None


@dataclass(slots=True)
class Endpoint:
    """One endpoint; `is_dry` while its rate has no token, `timer_ms` when to look at that again.

    `held` and `held_jobs` are what was counted of it last.
    """

    ceiling: int
    in_flight: int = 0
    queued: int = 0
    concurrency: Concurrency = field(default_factory=Concurrency)
    breaker: Breaker = CLOSED
    rate: Rate | None = None
    is_dry: bool = False
    timer_ms: int | None = None
    held: Hold | None = None
    held_jobs: int = 0

    @property
    def limit(self) -> int:
        """Requests it may have in flight; a breaker that is not closed has room for its probe."""
        if self.breaker.state != "closed":
            return 1
        return min(self.concurrency.limit, self.ceiling)

    @property
    def is_idle(self) -> bool:
        """Whether it has nothing in flight or queued."""
        return not (self.in_flight or self.queued)

    def set_terms(self, terms: Terms, now_ms: int) -> None:
        """Go by these from now on."""
        self.ceiling = terms.concurrency_max
        if terms.per_second != (None if self.rate is None else self.rate.per_second):
            self.rate = None if terms.per_second is None else Rate(terms.per_second, now_ms)
            self.is_dry = False

    def hold(self) -> Hold | None:
        """What keeps its next job from being started; None when nothing of its own does."""
        if self.in_flight >= self.limit:
            return "concurrency" if self.breaker.state == "closed" else "breaker"
        return "rate" if self.is_dry else None

    def refusal(self, now_ms: int) -> Deferral | None:
        """Why one more job may not even wait for it; None when it may."""
        if self.breaker.wait_ms(now_ms):
            return self.turned_away(now_ms)
        if self.queued >= QUEUE_MAX:
            return Deferral("endpoint_queue_full", "too many jobs wait for its endpoint")
        if self.rate is not None:
            wait_ms = self.rate.wait_ms(now_ms, self.queued + 1)
            return self._too_slow(self.rate, wait_ms) if wait_ms > WAIT_MS_MAX else None
        return None

    def turned_away(self, now_ms: int) -> Deferral:
        """Why a job that waited is put off when the breaker has opened."""
        return Deferral("breaker_open", self.breaker.why(), self.breaker.wait_ms(now_ms))

    def overdue(self, now_ms: int) -> Deferral:
        """Why a job that waited as long as it may is put off."""
        if self.rate is not None and self.is_dry:
            return self._too_slow(self.rate, self.rate.wait_ms(now_ms))
        detail = f"its endpoint had no free place for {WAIT_MS_MAX / 1_000:g} s"
        return Deferral("endpoint_busy", detail)

    def started(self, now_ms: int) -> None:
        """One of its queued jobs is in flight from here on."""
        self.queued -= 1
        self.in_flight += 1
        if self.breaker.state == "open":
            self.breaker = after(self.breaker, "probe", now_ms)
        if self.rate is not None:
            self.rate.take(now_ms)
            self.is_dry = self.rate.wait_ms(now_ms) > 0

    def finished(self, sign: Sign, now_ms: int) -> bool:
        """One of its requests has ended; whether its breaker has opened by that."""
        self.in_flight -= 1
        was = self.breaker
        event = {"answered": "well", "none": "none"}.get(sign, "unwell")
        self.breaker = after(was, event, now_ms)  # type: ignore[arg-type]
        if self.breaker.state == "closed" and was.state == "half_open":
            self.concurrency = Concurrency(limit=1)
        if sign == "overloaded":
            self.concurrency.overloaded(self.ceiling)
        elif sign == "answered":
            self.concurrency.answered(self.ceiling)
        return self.breaker.state == "open" and self.breaker.until_ms != was.until_ms

    def looked_at(self, now_ms: int) -> None:
        """Its time to look has come: there may be a token again."""
        self.timer_ms = None
        self.is_dry = self.rate is not None and self.rate.wait_ms(now_ms) > 0

    def next_look_ms(self, now_ms: int) -> int | None:
        """When a look at its tokens may change anything; None when it cannot."""
        if self.rate is None or not (self.is_dry or self.is_idle):
            return None
        wait_ms = self.rate.wait_ms(now_ms) if self.is_dry else self.rate.full_in_ms(now_ms)
        return now_ms + wait_ms if wait_ms else None

    def is_forgettable(self, now_ms: int) -> bool:
        """Whether a new one would be as good: idle, well, and no lower than a new one starts."""
        return (
            self.is_idle
            and self.breaker is CLOSED
            and self.concurrency.limit >= min(CONCURRENCY_START, self.ceiling)
            and (self.rate is None or not self.rate.full_in_ms(now_ms))
        )

    def _too_slow(self, rate: Rate, wait_ms: int) -> Deferral:
        detail = f"its rate limit of {rate.per_second:g} a second had no turn for it within "
        return Deferral("rate_limited", f"{detail}{WAIT_MS_MAX / 1_000:g} s", wait_ms)
