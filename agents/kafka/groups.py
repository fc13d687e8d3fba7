"""The consumer groups: their names, without prefix, and the topics that each one reads."""

from __future__ import annotations

from typing import Final

from schemas.tiers import TIERS
from schemas.topics import (
    ACTIVITIES,
    ATTEMPTS,
    FAILURE_TRIGGERS,
    INBOUND,
    JOBS,
    JOBS_REPLAY,
    JOBS_RETRY,
    NOTICES,
)

MATCHERS: Final = "hookline-matcher"
SENDERS: Final = "hookline-senders"
SCHEDULERS: Final = "hookline-schedulers"
RECORDERS: Final = "hookline-recorders"
NOTIFIERS: Final = "hookline-notifiers"

# Those that a delivery passes through.
DELIVERING: Final = (MATCHERS, SENDERS, SCHEDULERS)

GROUP_TOPICS: Final[dict[str, tuple[str, ...]]] = {
    MATCHERS: (ACTIVITIES,),
    SENDERS: (JOBS, JOBS_RETRY, JOBS_REPLAY),
    SCHEDULERS: tuple(tier.topic for tier in TIERS),
    NOTIFIERS: (FAILURE_TRIGGERS, NOTICES),
    RECORDERS: (ACTIVITIES, ATTEMPTS, INBOUND),
}
