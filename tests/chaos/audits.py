"""What `hookline audit` says of a run, beside the books that the harness keeps by itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from agents.audit.audit import Audit, Audited, Progress
from tests.support.brokers import settings_for

# Longer than any run, and than any clock of an agent is set back.
_SINCE_MS: Final = 24 * 60 * 60 * 1_000


def audited(bootstrap_servers: str, prefix: str = "") -> Audited:
    """An audit of everything that an installation made for a run has seen."""
    settings = settings_for(bootstrap_servers, topic_prefix=prefix)
    return Audit(settings, time.time_ns() // 1_000_000 - _SINCE_MS, Progress()).run()


def audit_lines(found: Audited) -> Iterator[str]:
    """A line, and one for each trace of what is lost."""
    balance = found.balance
    yield (
        f"  audit: {found.events} events, {balance.deliveries} deliveries, "
        f"{len(balance.lost)} lost, {balance.duplicates} delivered twice, "
        f"{balance.waiting.total()} waiting, {found.dead_letters} dead letters"
    )
    yield from (f"    LOST {it.lost.id} {it.whose} {it.lost.at}" for it in found.traces)
