"""Worlds by seed: events, jobs, attempts, tiers, crashes and lost partitions in virtual time.

Of each world: every delivery ends, with a final failure when it was not delivered; a request is
repeated only when it was cut off before it was recorded, and not made of a run that the sender
knows to be superseded; none is beyond its webhook's limits, of
requests at once and in a second, and none but a probe is made while a breaker is open; an audit at
any moment calls nothing lost that is on its way, and misses every end that is taken away; the same
seed makes the same world.
"""

import pytest

from tests.simulation.world import World
from tests.simulation.worlds import DISTURBED, check, is_disturbed, play

WORLDS = 400
STEP = 50


@pytest.mark.parametrize("first", range(0, WORLDS, STEP))
def test_nothing_is_lost_and_repeats_are_explained_in_any_world(first):
    for seed in range(first, first + STEP):
        try:
            check(play(World(seed)))
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error


def test_nothing_is_lost_of_thousands_of_events_through_thirty_disturbances():
    world = play(World(1), deliveries=3_000, within_ms=120_000, disturbances=30)
    check(world, deliveries=3_000)


@pytest.mark.parametrize("seed", range(5))
def test_in_a_world_without_disturbance_each_attempt_is_made_once(seed):
    world = play(World(seed), disturbances=0)
    check(world)
    assert set(world.requests.values()) == {1}


@pytest.mark.parametrize("seed", range(5))
def test_the_same_seed_makes_the_same_world(seed):
    assert play(World(seed)).trace == play(World(seed)).trace
    assert play(World(seed)).trace != play(World(seed + 1)).trace


def test_worlds_have_seen_what_they_are_for():
    """Every disturbance and reason, repeats, late results, dead letters: or they prove little."""
    worlds = [play(World(seed)) for seed in range(60)]
    records = [it for w in worlds for log in w.attempts.values() for it in log]
    assert {it.reason for it in records} >= {
        *("delivered", "http_500", "http_503", "timeout", "connect", "reset", "gone"),
        *("egress_private", "webhook_disabled", "expired", "endpoint_busy", "delivery_under_way"),
        *("internal_fault", "breaker_open", "rate_limited", "ordered_wait", "coalesced"),
        "never_its_turn",
    }
    assert {it.next.step for it in records} == {"retry", "defer", "end", "late"}
    assert {what[1] for w in worlds for what in w.trace} >= DISTURBED | {"lost", "breaker"}
    assert {it.rerun for it in records} >= {0, 1, 2}
    dropped = {what[2] for w in worlds for what in w.trace if what[1] == "closed"}
    assert dropped == {"done", "repeat", "superseded"}
    assert any(it.merged for it in records)
    assert any(w.dead_letters for w in worlds)
    assert sum(count > 1 for w in worlds for count in w.requests.values()) > 20
    assert sum(is_disturbed(w) for w in worlds) > 30
