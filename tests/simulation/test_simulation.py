"""Worlds by seed: events, jobs, attempts, tiers, crashes and lost partitions in virtual time.

Of each world: every delivery ends, with a final failure when it was not delivered; a request is
repeated only when it was cut off before it was recorded; the same seed makes the same world.
"""

import pytest

from pipeline.assignments import Key
from pipeline.offsets import Position
from tests.simulation.endpoints import SCHEDULE, WEBHOOKS
from tests.simulation.sender import Sender
from tests.simulation.world import World
from tests.support.builders import NOW_MS, a_job, an_event

WORLDS = 300
DELIVERIES = 30
ATTEMPTS_MAX = len(SCHEDULE) + 1


def a_world(seed: int, *, disturbances: int | None = None) -> World:
    """A world that has come to rest."""
    world = World(seed)
    committed: dict[Key, Position] = {}
    senders = [Sender(world, committed)]

    def disturb():
        if not senders[-1].is_alive:
            return
        if world.happens(0.4):
            senders[-1].lose()
            return
        senders[-1].crash()
        down_ms = world.chance.choice([1, 200, 8_000])
        world.at(down_ms, lambda: senders.append(Sender(world, committed)))

    for number in range(DELIVERIES):
        publish_later(world, number)
    for _ in range(world.between(0, 4) if disturbances is None else disturbances):
        world.at(world.chance.choice([0, 4_000, 30_000]) + world.between(0, 4_000), disturb)
    world.run()
    return world


def publish_later(world: World, number: int) -> None:
    """One job, and at times a copy of it, as a matcher that was killed leaves one."""
    webhook_id = world.chance.choice(WEBHOOKS).id
    lifetime_ms = 9_000 if world.happens(0.1) else 3_600_000
    job = a_job(
        event=an_event(event_id=f"event-{number}"),
        webhook_id=webhook_id,
        config_offset=0,
        expires_at_ms=NOW_MS + lifetime_ms,
    )
    delay_ms = world.between(0, 3_000)
    world.at(delay_ms, lambda: world.publish(job))
    if world.happens(0.1):
        world.at(delay_ms + world.between(0, 6_000), lambda: world.publish(job))


def check(world: World) -> None:
    """What holds in every world."""
    records = [attempt for log in world.attempts.values() for attempt in log]
    assert len(world.expected) == DELIVERIES
    assert world.expected - world.ended == set(), "lost"
    assert max(attempt for _, attempt in world.requests) <= ATTEMPTS_MAX
    for (delivery_id, attempt), count in world.requests.items():
        explained = world.interrupted[delivery_id, attempt]
        if is_disturbed(world):  # a copy may have been recorded below the floor
            explained += world.copies(delivery_id, attempt)
        assert count <= 1 + explained, f"{delivery_id} attempt {attempt}: {count} requests"
    told = {(failure.job.delivery_id, failure.stage) for failure in world.failures}
    for record in records:
        if record.outcome in {"failed", "expired", "blocked"}:
            assert (record.delivery_id, "first") in told, "no first failure told"
        if record.outcome in {"failed", "expired", "blocked"} and record.next.step == "end":
            assert (record.delivery_id, "final") in told, "no final failure told"
        assert (record.outcome == "deferred") == (record.next.step == "defer")


def is_disturbed(world: World) -> bool:
    return any(what[1] in {"crash", "lost"} for what in world.trace)


@pytest.mark.parametrize("first", range(0, WORLDS, 50))
def test_nothing_is_lost_and_repeats_are_explained_in_any_world(first):
    for seed in range(first, first + 50):
        try:
            check(a_world(seed))
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error


@pytest.mark.parametrize("seed", range(5))
def test_in_a_world_without_disturbance_each_attempt_is_made_once(seed):
    world = a_world(seed, disturbances=0)
    check(world)
    assert set(world.requests.values()) == {1}


@pytest.mark.parametrize("seed", range(5))
def test_the_same_seed_makes_the_same_world(seed):
    assert a_world(seed).trace == a_world(seed).trace
    assert a_world(seed).trace != a_world(seed + 1).trace


def test_worlds_have_seen_what_they_are_for():
    """Crashes with repeats, deferrals for every reason, expiries, copies: or they prove little."""
    worlds = [a_world(seed) for seed in range(40)]
    reasons = {it.reason for w in worlds for log in w.attempts.values() for it in log}
    assert reasons >= {
        *("delivered", "http_500", "http_503", "timeout", "connect", "reset", "gone"),
        *("egress_private", "webhook_disabled", "expired", "endpoint_busy", "delivery_under_way"),
    }
    assert sum(count > 1 for w in worlds for count in w.requests.values()) > 20
    assert sum(is_disturbed(w) for w in worlds) > 20
