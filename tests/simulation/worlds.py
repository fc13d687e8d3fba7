"""Worlds made from seeds, and what must hold in each when it has come to rest."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise

from pipeline.sending import FAULTS_MAX
from tests.simulation.audits import check_at_rest, look_in
from tests.simulation.endpoints import FAULTY, SCHEDULE, WEBHOOKS
from tests.simulation.group import Group
from tests.simulation.reruns import begin_again
from tests.simulation.world import World
from tests.support.builders import NOW_MS, a_job, an_activity, an_event

DELIVERIES = 30
ACTIVITIES = 2
ATTEMPTS_MAX = len(SCHEDULE) + 1
DISTURBED = {"crash", "freeze", "cut off", "rebalance"}


def play(
    world: World,
    deliveries: int = DELIVERIES,
    within_ms: int = 3_000,
    disturbances: int | None = None,
) -> World:
    """Let a world run until it rests; `within_ms` its events come, and its disturbances a while."""
    world.busy_until_ms += 2 * within_ms + 30_000
    group = Group(world)
    for number in range(deliveries):
        publish_later(world, number, within_ms)
    for _ in range(world.between(0, 3)):
        world.at(world.between(10, 2 * within_ms + 30_000), lambda: begin_again(world))
    for _ in range(world.between(0, 5) if disturbances is None else disturbances):
        begins_ms = world.chance.choice([0, within_ms, 30_000])
        world.at(begins_ms + world.between(0, 4_000 + within_ms), group.disturb)
    look_in(world, within_ms + 30_000)
    world.run()
    return world


def publish_later(world: World, number: int, within_ms: int) -> None:
    """One job, and at times a copy of it, as a matcher that was killed leaves one."""
    webhook_id = world.chance.choice(WEBHOOKS).id
    delay_ms = world.between(0, within_ms)
    is_short_lived = world.happens(0.1)
    lifetime_ms = 9_000 if is_short_lived else 3_600_000
    job = a_job(
        event=an_event(event_id=f"event-{number}", activity=an_activity(id=number % ACTIVITIES)),
        webhook_id=webhook_id,
        config_offset=0,
        first_queued_at_ms=NOW_MS + delay_ms,
        expires_at_ms=NOW_MS + delay_ms + lifetime_ms,
    )
    if is_short_lived:
        world.short_lived.add(job.delivery_id)
    world.at(delay_ms, lambda: world.publish(job))
    if world.happens(0.1):
        world.at(delay_ms + world.between(0, 6_000), lambda: world.publish(job))


def check(world: World, deliveries: int = DELIVERIES) -> None:
    """What holds in every world."""
    assert len(world.expected) == deliveries
    assert world.open == set(), "lost"
    check_attempts(world)
    check_repeats(world)
    check_records(world)
    check_at_rest(world)
    if not is_disturbed(world):
        check_order(world)


def check_attempts(world: World) -> None:
    """Each run has the webhook's schedule to itself, and numbers its attempts on."""
    runs: defaultdict[tuple[str, int], set[int]] = defaultdict(set)
    for delivery_id, rerun, attempt in world.requests:
        runs[delivery_id, rerun].add(attempt)
    for attempts in runs.values():
        assert max(attempts) - min(attempts) < ATTEMPTS_MAX, "more attempts than the schedule has"


def check_repeats(world: World) -> None:
    """A request is made again only if it was cut off; without margin, also if it has a copy."""
    # A copy may have been recorded below the floor, where nobody reads it back in time.
    excused = world.copies() if is_disturbed(world) and not world.margin else Counter()
    for which, count in world.requests.items():
        explained = world.interrupted[which] + excused[which]
        assert count <= 1 + explained, f"{which}: {count} requests"


def check_records(world: World) -> None:
    """Every failure is told of, every end has its reason, and a job of ours is put off twice."""
    told = {(it.job.delivery_id, it.job.rerun, it.stage) for it in world.failures}
    records = [attempt for log in world.attempts.values() for attempt in log]
    # Where more is owed than an endpoint takes, waiting for it may last as long as a delivery may.
    waited_for = {it.delivery_id: it.reason for it in records if it.outcome == "deferred"}
    busy = {key for key, reason in waited_for.items() if reason.startswith("endpoint_")}
    may_expire = world.short_lived | busy
    for record in records:
        assert (record.outcome == "deferred") == (record.next.step == "defer")
        assert record.reason
        is_in_time = record.reason != "expired" or record.delivery_id in may_expire
        assert is_in_time, f"{record.delivery_id} stood still until it expired"
        if record.next.step == "late" or record.outcome not in {"failed", "expired", "blocked"}:
            continue
        run = (record.delivery_id, record.rerun)
        assert (*run, "first") in told, "no first failure told"
        if record.next.step == "end":
            assert (*run, "final") in told, "no final failure told"
        if record.webhook_id == FAULTY and record.reason == "internal_fault":
            assert record.delivery_id in world.dead_letters, f"no letter after {FAULTS_MAX} faults"


def check_order(world: World) -> None:
    """Of an ordered webhook, each delivery of an activity has ended before the next one starts."""
    for activity, deliveries in world.ordered.items():
        starts = [(at_ms, it) for it in deliveries for at_ms in world.starts.get(it, ())]
        order = list(dict.fromkeys(it for _, it in sorted(starts)))
        assert order == [it for it in deliveries if it in world.starts], f"{activity} out of order"
        for earlier, later in pairwise(order):
            assert world.ended_at_ms[earlier] <= world.starts[later][0], f"{later} overtook"


def is_disturbed(world: World) -> bool:
    return any(what[1] in DISTURBED for what in world.trace)


def summary(world: World) -> str:
    """What went wrong in a world, in its order, for whoever has to find out why."""
    return "\n".join(
        f"{at_ms - NOW_MS:>9} ms  {' '.join(map(str, what))}" for at_ms, *what in world.trace
    )
