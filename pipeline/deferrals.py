"""Why a job is put off without an attempt, in words, and to which tier.

A deferral costs no attempt. Each time the job waits in a longer tier, so that what cannot be done
does not come back again and again; what is known to take long is waited for in the tier nearest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pipeline.retries import DEFERRAL_TIERS, deferral_tier
from schemas.tiers import Tier

# The tier of ten minutes: twice the longest back-off of a breaker.
KNOWN_WAIT_DEFERRALS_MAX: Final = 3


@dataclass(frozen=True, slots=True)
class Deferral:
    """Why a job is put off; `wait_ms` is how long it takes at the least, 0 when nobody knows."""

    reason: str
    detail: str
    wait_ms: int = 0


def tier_of(deferrals: int, wait_ms: int, left_ms: int) -> Tier:
    """The tier for a job that was put off so often already, and has so long to wait.

    Where the wait is known, to have waited often does not make it longer than ten minutes: an
    endpoint that is back must not be left alone for an hour. No job waits much beyond the time its
    delivery has left, for then it ends, and whoever watches wants to hear of it.
    """
    nearest = min(DEFERRAL_TIERS, key=lambda tier: (abs(tier.delay_ms - wait_ms), -tier.delay_ms))
    escalated = deferral_tier(min(deferrals, KNOWN_WAIT_DEFERRALS_MAX) if wait_ms else deferrals)
    wanted_ms = max(nearest.delay_ms, escalated.delay_ms)
    in_time = [it for it in DEFERRAL_TIERS if it.delay_ms <= min(wanted_ms, left_ms)]
    return in_time[-1] if in_time else DEFERRAL_TIERS[0]
