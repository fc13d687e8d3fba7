"""The schedule of a chaos run, over many seeds."""

from collections import Counter
from itertools import pairwise

import pytest

from tests.chaos.faults import BEGIN
from tests.chaos.schedule import KINDS, QUIET_LAST_S, World, schedule

SEEDS = range(200)
MINUTES_10_S = 600
BROKERS = ("broker_kill", "broker_freeze", "broker_away")


def test_the_same_seed_gives_the_same_schedule_and_another_seed_another():
    assert schedule(7, MINUTES_10_S) == schedule(7, MINUTES_10_S)
    assert schedule(7, MINUTES_10_S) != schedule(8, MINUTES_10_S)


def test_every_kind_that_is_drawn_can_begin():
    assert set(KINDS) == set(BEGIN)


@pytest.mark.parametrize("nodes", [1, 3])
def test_ten_minutes_have_every_kind_at_least_twice(nodes):
    for seed in SEEDS:
        counts = Counter(it.fault.kind for it in schedule(seed, MINUTES_10_S, world=World(nodes)))
        assert min(counts[kind] for kind in KINDS) >= 2, seed


@pytest.mark.parametrize("seconds", [30, 120, 600])
def test_all_begin_and_end_in_time_for_some_quiet_at_the_end(seconds):
    for seed in SEEDS:
        planned = schedule(seed, seconds)
        assert planned, seed
        assert min(it.at_s for it in planned) >= 0, seed
        assert max(it.ends_s for it in planned) <= seconds - QUIET_LAST_S + 0.01, seed


@pytest.mark.parametrize("kinds", [KINDS, BROKERS])
def test_faults_of_the_broker_do_not_overlap(kinds):
    for seed in SEEDS:
        planned = [it for it in schedule(seed, MINUTES_10_S, kinds) if it.fault.kind in BROKERS]
        assert all(a.ends_s < b.at_s for a, b in pairwise(planned)), seed


def test_a_schedule_can_be_of_one_kind_only():
    planned = schedule(1, 120, ["sender_kill"])
    assert {it.fault.kind for it in planned} == {"sender_kill"}
    assert len(planned) == 10
