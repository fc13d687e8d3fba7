"""What an event must have led to, by the configuration of today.

Nobody keeps the configuration of then. Where the account, or the webhook that matches now, was
changed since, what is owed is uncertain; and what only an earlier configuration asked for, or a
webhook that is deleted, nobody can tell. What it led to is on record all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from pipeline.configs import Configs
from pipeline.matching import Delay, deliveries_for
from schemas.account import Account
from schemas.event import Event
from schemas.job import Job
from schemas.phases import END_DELAYED
from schemas.trigger import Trigger
from schemas.webhook import Webhook

# The clocks of an upstream and of whoever changes the configuration agree so far.
CLOCKS_MS: Final = 10_000

# An account's webhooks are changed at a few different times; the same texts come again and again.
_TIMES_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Owed:
    """A delivery that an event asks for; it is certain if the configuration was the same then."""

    delivery_id: str
    is_certain: bool


@dataclass(frozen=True, slots=True)
class Claims:
    """The deliveries, and the ids of the events, that an event must have led to."""

    owed: tuple[Owed, ...]
    later: tuple[str, ...] = ()


def claims_of(event: Event, at_ms: int, configs: Configs, end_delayed_tier: str) -> Claims:
    """What an event that was written at `at_ms` must have led to."""
    made = deliveries_for(event, configs, now_ms=at_ms, end_delayed_tier=end_delayed_tier)
    account = configs.account(event.account_id)
    is_certain = account is not None and _is_since(account, at_ms)
    jobs = [it for it in made if isinstance(it, Job)]
    owed = tuple(
        Owed(it.delivery_id, is_certain and _is_as_then(it, at_ms, configs)) for it in jobs
    )
    is_delayed = is_certain and _is_heard_of(END_DELAYED, event.account_id, at_ms, configs)
    later = (it.event.event_id for it in made if isinstance(it, Delay))
    return Claims(owed, tuple(later) if is_delayed else ())


def _is_heard_of(phase: str, account_id: int, at_ms: int, configs: Configs) -> bool:
    """Whether there was a webhook or a trigger at a phase by then for certain."""
    webhooks = configs.webhooks_at(account_id, phase)
    triggers = configs.triggers_at(account_id, phase)
    return any(_is_since(it.webhook, at_ms) for it in webhooks) or any(
        _is_since(it.trigger, at_ms) for it in triggers
    )


def _is_as_then(job: Job, at_ms: int, configs: Configs) -> bool:
    webhook = configs.webhook(job.account_id, job.webhook_id)
    return webhook is not None and _is_since(webhook, at_ms)


def _is_since(record: Account | Webhook | Trigger, at_ms: int) -> bool:
    """Whether a record has been what it is since before `at_ms`."""
    written_ms = _ms(record.updated_at or record.created_at or "")
    return written_ms is None or written_ms + CLOCKS_MS < at_ms


@lru_cache(_TIMES_MAX)
def _ms(text: str) -> float | None:
    """A time on record; None when nobody wrote down when."""
    try:
        return datetime.fromisoformat(text).timestamp() * 1_000
    except ValueError:
        return None
