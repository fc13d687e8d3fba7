"""What happens next: nothing more, or another attempt through a tier.

The delay is the tier's, times a factor between 0.9 and 1.1 so that jobs which failed together do
not come back together; within a tier the order stays the order of being due, up to that tenth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pipeline.outcomes import Outcome
from schemas.job import Job
from schemas.tiers import TIER_BY_NAME, TIERS, Tier, tier_at_least
from schemas.webhook import Retry

JITTER_MIN: Final = 0.9
JITTER_MAX: Final = 1.1

# A job that is put off waits for a busy endpoint: 5 s first, at most an hour between two looks.
DEFERRAL_TIERS: Final = TIERS[:6]

# Reasons that no endpoint has to answer for.
OURS: Final = frozenset({"internal", "secret_unreadable", "history_unavailable"})


@dataclass(frozen=True, slots=True)
class Ended:
    """The delivery is over; `why` adds to the outcome when that alone does not explain it."""

    why: str = ""


@dataclass(frozen=True, slots=True)
class Again:
    """Another attempt is made when `tier` gives the job back, at `due_at_ms`."""

    tier: Tier
    due_at_ms: int


Step = Ended | Again


def due_at_ms(tier: Tier, *, now_ms: int, draw: float) -> int:
    """When a job put into `tier` now is due; `draw` is uniform in [0, 1)."""
    return now_ms + round(tier.delay_ms * (JITTER_MIN + (JITTER_MAX - JITTER_MIN) * draw))


def next_step(job: Job, outcome: Outcome, retry: Retry, *, now_ms: int, draw: float) -> Step:
    """The step after the job's attempt had `outcome`; `draw` is uniform in [0, 1)."""
    if outcome.is_final:
        return Ended()
    if not is_retried(outcome, retry):
        return Ended("the webhook's retry_on leaves this failure out")
    if job.tries >= retry.attempts_max:
        return Ended(f"that was the last of {retry.attempts_max} attempts")
    tier = _tier_after(job.tries, retry)
    asked_ms = outcome.retry_after_ms or 0
    if asked_ms > tier.delay_ms:
        tier = tier_at_least(asked_ms)
    due = max(due_at_ms(tier, now_ms=now_ms, draw=draw), now_ms + asked_ms)
    if due >= job.expires_at_ms:
        return Ended("the delivery expires before another attempt")
    return Again(tier, due)


def is_retried(outcome: Outcome, retry: Retry) -> bool:
    """Whether the webhook wants this failure tried again: by status, by class, or by kind.

    A kind covers those that refine it: `tls` also means `tls_expired`. What is wrong
    on our side always is: `retry_on` chooses among what an endpoint may do.
    """
    if not retry.retry_on or outcome.reason in OURS:
        return True
    if outcome.status is None:
        return not {outcome.reason, outcome.reason.partition("_")[0]}.isdisjoint(retry.retry_on)
    return str(outcome.status) in retry.retry_on or f"{outcome.status // 100}xx" in retry.retry_on


def deferral_tier(deferrals: int) -> Tier:
    """The tier for a job put off without an attempt: a longer one each time, up to an hour."""
    return DEFERRAL_TIERS[min(deferrals, len(DEFERRAL_TIERS) - 1)]


def _tier_after(tries: int, retry: Retry) -> Tier:
    return TIER_BY_NAME[retry.schedule[min(tries, len(retry.schedule)) - 1]]
