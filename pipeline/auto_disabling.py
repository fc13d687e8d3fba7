"""When a webhook that fails is to be told of, and when it is disabled by itself.

It has failed for as long as there is proof of: from its first failure after the last delivery, or
after its last change, to its last failure. So neither a webhook that nobody calls grows worse by
itself, nor does one that was mended a minute ago. Faults of ours are no failures of an endpoint's,
and what was put off was not tried.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from schemas.notifier_state import Disabling
from schemas.webhook import Webhook

# Percent of the time set after which the account is told; at the last the webhook is disabled.
STEPS: Final = (50, 70, 90, 100)


@dataclass(frozen=True, slots=True)
class Failing:
    """The first and the last failure since there was nothing but failures."""

    first_at_ms: int
    last_at_ms: int


@dataclass(frozen=True, slots=True)
class Advance:
    """A step that was reached and is to be told of; at the last of `STEPS` it is the end."""

    step: int
    since_ms: int
    remembered: Disabling

    @property
    def disables(self) -> bool:
        """Whether the webhook is to be disabled."""
        return self.step == STEPS[-1]


def advance(webhook: Webhook, failing: Failing | None, known: Disabling | None) -> Advance | None:
    """The step that a webhook has come to beyond what is known to be told; None without one.

    What is told of another failing, that has ended since, counts for nothing.
    """
    if webhook.auto_disable is None or failing is None or not webhook.enabled:
        return None
    lasted_ms = failing.last_at_ms - failing.first_at_ms
    share = lasted_ms * 100 // (webhook.auto_disable.after_s * 1_000)
    reached = max((step for step in STEPS if step <= share), default=0)
    told = known.step if known is not None and known.since_ms == failing.first_at_ms else 0
    if reached <= told:
        return None
    remembered = Disabling(since_ms=failing.first_at_ms, step=reached)
    return Advance(reached, failing.first_at_ms, remembered)


def is_over(failing: Failing | None, known: Disabling) -> bool:
    """Whether the failing that was told of has ended, so that nothing need be remembered of it."""
    return failing is None or failing.first_at_ms != known.since_ms
