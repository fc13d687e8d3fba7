"""Deliveries begun again, as the API does it, and how senders come to know of that.

The job is written first and the record of it to the configuration after it: an API that dies in
between leaves a repeat behind, where the other order would leave a delivery that nobody makes.
"""

from __future__ import annotations

from collections.abc import Callable

from pipeline.configs import Configs
from schemas.attempt import Attempt
from schemas.rerun import Rerun
from schemas.topics import JOBS_REPLAY
from tests.simulation.endpoints import configs
from tests.simulation.world import Action, World
from tests.support.configs import keep

FOLLOW_MS_MAX = 1_000


def followed(world: World, later: Callable[[int, Action], None]) -> Configs:
    """A sender's configuration: what was written by its start, and the rest within a second."""
    known = configs()
    begun = known.offset + 1

    def follow() -> None:
        keep(known, *world.configs[known.offset + 1 - begun :])
        if not world.is_over:
            later(world.between(10, FOLLOW_MS_MAX), follow)

    follow()
    return known


def begin_again(world: World) -> None:
    """Rerun a delivery of which something is on record, whether it has ended or not."""
    records = [attempt for log in world.attempts.values() for attempt in log]
    if not records:
        return
    newest = newest_of(world.chance.choice(records), records)
    delivery_id = newest.delivery_id
    world.newest_run[delivery_id] += 1
    world.open.add(delivery_id)
    number = world.newest_run[delivery_id]
    made = newest.attempt - (newest.next.step == "defer")
    job = world.first_jobs[delivery_id].model_copy(
        update={
            "rerun": number,
            "attempt": made + 1,
            "attempts_before": made,
            "lane": "replay",
            "due_at_ms": world.now_ms,
            "expires_at_ms": world.now_ms + 3_600_000,
        }
    )
    world.note("rerun", delivery_id[-4:], number)
    world.publish(job, JOBS_REPLAY)
    if newest.next.step == "end" or world.happens(0.1):
        return
    record = Rerun(
        id=delivery_id,
        account_id=job.account_id,
        webhook_id=job.webhook_id,
        number=number,
        expires_at_ms=job.expires_at_ms,
    )
    world.at(world.between(1, 50), lambda: world.configs.append(record))


def newest_of(attempt: Attempt, records: list[Attempt]) -> Attempt:
    """The record that tells how far a delivery has come."""
    of_it = (it for it in records if it.delivery_id == attempt.delivery_id)
    return max(of_it, key=lambda it: (it.rerun, it.attempt, it.deferrals, it.next.step == "end"))
