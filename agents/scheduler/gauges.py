"""What the scheduler shows of its tiers: how much waits in its partitions, and for how long."""

from __future__ import annotations

from collections.abc import Mapping

from agents import metrics
from agents.scheduler.partition import TierPartition
from pipeline.assignments import Key
from schemas.tiers import TIERS


def set_tier_gauges(
    partitions: Mapping[Key, TierPartition], ends: Mapping[Key, int], wall_ms: int
) -> None:
    """Set the gauges of every tier; one in which nothing waits here is at 0."""
    for tier in TIERS:
        here = {key: it for key, it in partitions.items() if key[0] == tier.topic and key in ends}
        found = [it.oldest(ends[key], wall_ms) for key, it in here.items()]
        oldest = [it for it in found if it is not None]
        waiting = sum(it.waiting(ends[key]) for key, it in here.items())
        metrics.TIER_PARTITIONS.labels(tier.name).set(len(here))
        metrics.TIER_WAITING.labels(tier.name).set(waiting)
        metrics.TIER_OLDEST_AGE.labels(tier.name).set(max((it[0] for it in oldest), default=0))
        metrics.TIER_OLDEST_DUE.labels(tier.name).set(max((it[1] for it in oldest), default=0))
